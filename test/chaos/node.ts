import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { within } from '../soak/patience.js';
import { ServerLog } from '../soak/server/log.js';

/** It may have to wait until the store of NATS has a leader, and a busy machine may take a minute to load its program. */
const startsWithinMs = 300_000;

export interface NodeOptions {
  readonly program: string;
  readonly hubsFile: string;
  readonly name: string;
  readonly port: number;
  readonly nats: string;
  /** Its log goes there. */
  readonly logFile: string;
}

/** One node, as a process, which keeps its port when it is started again. */
export class Node {
  readonly name: string;
  readonly url: string;
  adminUrl = '';
  readonly log = new ServerLog();
  readonly #options: NodeOptions;
  #child: ChildProcess | undefined;

  constructor(options: NodeOptions) {
    this.#options = options;
    this.name = options.name;
    this.url = `http://127.0.0.1:${options.port}`;
  }

  /** Settles once it lets clients in. @throws Error when it ends instead */
  async start(): Promise<void> {
    const { program, hubsFile, port, nats, name, logFile } = this.#options;
    const listeners = ['--host', '127.0.0.1', '--port', String(port), '--admin-port', 'any'];
    const { PATH = '', HOME = '' } = process.env;
    const child = spawn(
      process.execPath,
      [program, 'start', '--json', '--hubs', hubsFile, '--node-name', name, '--drain-seconds', '3', ...listeners],
      { env: { PATH, HOME, HUBWIRE_NATS: nats }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.#child = child;
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.log.write(text);
      appendFileSync(logFile, text);
    });
    const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`${name} ended with ${code}`)));
    ended.catch(() => {}); // of interest to the wait below only
    const line = once(createInterface(child.stdout), 'line');
    const [text] = await within(Promise.race([line, ended]), `${name} lets clients in`, startsWithinMs);
    this.adminUrl = (JSON.parse(text as string) as { admin: string }).admin.replace('localhost', '127.0.0.1');
  }

  /** Stands still. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** As a crash. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** In order. @returns how long it took, in milliseconds, and the exit code */
  async stop(): Promise<{ readonly tookMs: number; readonly code: number | null }> {
    const startMs = performance.now();
    await this.#end('SIGTERM');
    return { tookMs: performance.now() - startMs, code: this.#child?.exitCode ?? null };
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await within(once(child, 'exit'), `the end of ${this.name} after ${signal}`, 60_000);
  }
}

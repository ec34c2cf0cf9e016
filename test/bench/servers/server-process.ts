import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { cpuSeconds, residentBytes } from './cores.js';

/** How long a server may take to listen, and to end once it is asked to. */
const startTimeoutMs = 20_000;
const stopTimeoutMs = 5_000;

export interface ServerCommand {
  /** For messages. */
  readonly name: string;
  /** Arguments of node. */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Undefined: any. */
  readonly core: number | undefined;
}

/** What a server prints, as one line of JSON, when it listens. */
export interface Listening {
  /** `http://host:port` */
  readonly public: string;
  /** Hubwire's only: the key that client tokens are signed with. */
  readonly connectionString?: string;
}

/** A server under test, in a process of its own. */
export class ServerProcess {
  readonly listening: Listening;
  readonly #child: ChildProcess;
  readonly #kill: () => void;

  /** Resolves once it listens. @throws Error when it ends before that */
  static async start(command: ServerCommand): Promise<ServerProcess> {
    const pinned = command.core === undefined ? [] : ['taskset', '-c', String(command.core)];
    const [file = '', ...args] = [...pinned, process.execPath, ...command.args];
    const child = spawn(file, args, { env: command.env, stdio: ['ignore', 'pipe', 'inherit'] });
    const kill = () => void child.kill('SIGKILL');
    process.once('exit', kill); // it must not outlive a bench that fails
    const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`${command.name} ended: ${code}`)));
    const line = await Promise.race([firstLine(child.stdout), ended]);
    return new ServerProcess(child, JSON.parse(line) as Listening, kill);
  }

  private constructor(child: ChildProcess, listening: Listening, kill: () => void) {
    this.#child = child;
    this.listening = listening;
    this.#kill = kill;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  cpuSeconds(): number {
    return cpuSeconds(this.pid);
  }

  residentBytes(): number {
    return residentBytes(this.pid);
  }

  async stop(): Promise<void> {
    process.off('exit', this.#kill);
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const timer = setTimeout(this.#kill, stopTimeoutMs);
    await ended;
    clearTimeout(timer);
  }
}

async function firstLine(output: Readable): Promise<string> {
  const signal = AbortSignal.timeout(startTimeoutMs);
  const [line] = await once(createInterface({ input: output }), 'line', { signal });
  return String(line);
}

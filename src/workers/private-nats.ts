import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Clock, wait } from '../clock.js';
import { PubSubError } from '../errors.js';
import { makeFolder } from '../folders.js';
import { Delays } from './delays.js';
import type { NatsProgram } from './nats-program.js';
import { temporaryFolder } from './temporary-folder.js';

/** The NATS of the workers of one process. */
export interface OwnNats {
  /** Settles once it takes connections. @throws PubSubError `invalid` when it does not start, with what it said */
  start(): Promise<void>;
  /** Ends it, and removes what it left. */
  stop(): Promise<void>;
  /** For the worker at this place; a comma list, with passwords. */
  urlsOf(place: number): string;
}

export interface PrivateNatsOptions {
  readonly program: NatsProgram;
  /** Those that it is for, as `workers`, for people. */
  readonly users: string;
  /** Of the server, for people. */
  readonly name?: string;
  /** Made when left out. */
  readonly password?: string;
  /** Lines of its configuration. */
  readonly settings?: string;
  /** Where streams are kept; undefined: in a temporary folder, which goes with the server. */
  readonly storeDirectory: string | undefined;
  readonly clock: Clock;
  readonly log: { info(text: string): void; warn(text: string): void };
}

/** Of a server's last words, for the error when it does not start. */
const keptLines = 20;

const portWithinMs = 5_000;
const portPollMs = 20;

/** How long it may take to end, after which it is killed. */
const endsWithinMs = 5_000;

/**
 * Of a shell, which the server replaces: it has the shell's process id, `$$`. What stays behind reads from a pipe, until nobody
 * holds the other end any more: then this process has ended, however it did, or gives the server up. It ends the server, by
 * force after 5 s, and removes the folder once this process is not there to do so. Its own output must not keep that of the
 * server open. Arguments: program, configuration, folder, process id of this process.
 */
const script = `
exec 3<&0 </dev/null
(
  cat <&3
  kill -TERM $$
  for step in 1 2 3 4 5 6 7 8 9 10; do kill -0 $$ && sleep 0.5; done
  kill -KILL $$
  kill -0 "$4" || rm -rf "$3"
) >/dev/null 2>&1 &
exec "$1" --config "$2" --ports_file_dir "$3" 3<&-
`;

/**
 * A nats-server for the nodes of this machine alone: on a free port of 127.0.0.1, with a password that is made at start and is
 * on no command line. It ends with this process, also when that is killed; when it ends by itself it is started again.
 */
export class PrivateNats implements OwnNats {
  readonly #options: PrivateNatsOptions;
  readonly #password: string;
  readonly #delays = new Delays();
  readonly #said: string[] = [];
  #directory = '';
  /** −1: any free one. */
  #port = -1;
  #child: ChildProcess | undefined;
  #isEnding = false;
  /** The start or the restart that is under way, or the last one. */
  #starting: Promise<void> = Promise.resolve();
  #cancelRestart = () => {};

  constructor(options: PrivateNatsOptions) {
    this.#options = options;
    this.#password = options.password ?? newPassword();
  }

  urlsOf(): string {
    return this.url;
  }

  /** With the password. */
  get url(): string {
    return `nats://hubwire:${this.#password}@127.0.0.1:${this.#port}`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** @throws also when it is stopped meanwhile */
  async start(): Promise<void> {
    const { program, users, log } = this.#options;
    this.#starting = this.#begin();
    await this.#starting;
    log.info(
      `nats-server ${program.version} is process ${this.pid}, on 127.0.0.1:${this.#port}, for the ${users} only`,
    );
  }

  async #begin(): Promise<void> {
    const { users, storeDirectory } = this.#options;
    this.#directory = await temporaryFolder('hubwire-workers-', `the nats-server of the ${users} needs`);
    try {
      if (storeDirectory !== undefined) makeFolder(storeDirectory, 0o700);
      await this.#run();
    } catch (error) {
      this.#isEnding = true;
      await this.#end();
      throw error;
    }
  }

  /** A start or restart that is under way comes to nothing. */
  async stop(): Promise<void> {
    this.#isEnding = true;
    this.#cancelRestart();
    await this.#endChild(); // which a start may wait for
    await Promise.allSettled([this.#starting]); // from the stop on it begins no server
    await this.#end();
  }

  async #end(): Promise<void> {
    await this.#endChild();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #endChild(): Promise<void> {
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const hasExited = new Promise(resolve => child.once('exit', resolve));
      const cancel = this.#options.clock.after(endsWithinMs, () => child.kill('SIGKILL'));
      child.kill('SIGTERM');
      await hasExited;
      cancel();
    }
    child?.stdin?.destroy();
  }

  async #run(): Promise<void> {
    const file = join(this.#directory, 'nats.conf');
    await writeFile(file, this.#configuration(), { mode: 0o600 });
    if (this.#isEnding) throw this.#notStarted(); // nobody would end what is begun now
    const child = this.#spawn(file);
    this.#child = child;
    const isReady = new Promise<boolean>(resolve => {
      child.once('error', () => resolve(false));
      const lines = createInterface({ input: child.stderr! });
      lines.on('line', line => {
        this.#said.push(line);
        if (this.#said.length > keptLines) this.#said.shift();
        if (line.includes('Server is ready')) resolve(true);
      });
      lines.once('close', () => resolve(false));
    });
    if (!(await isReady)) throw this.#notStarted();
    this.#port = await this.#portOf(child.pid ?? 0);
    child.once('exit', () => this.#onExit(child));
    if (child.exitCode !== null || child.signalCode !== null) this.#onExit(child);
  }

  #spawn(file: string): ChildProcess {
    const args = ['-c', script, 'sh', this.#options.program.path, file, this.#directory, String(process.pid)];
    // A process group of its own: Ctrl-C in the terminal ends it only when the nodes have ended.
    return spawn('/bin/sh', args, { stdio: ['pipe', 'ignore', 'pipe'], detached: true });
  }

  #configuration(): string {
    const { storeDirectory, name = 'hubwire-workers', settings = '' } = this.#options;
    const store = JSON.stringify(storeDirectory ?? join(this.#directory, 'store'));
    return `listen: "127.0.0.1:${this.#port}"
server_name: ${name}
authorization { user: hubwire, password: "${this.#password}" }
jetstream { store_dir: ${store} }
ping_interval: "5s"
ping_max: 2
write_deadline: "5s"
${settings}`;
  }

  /** It is written a moment after the server is ready. */
  async #portOf(pid: number): Promise<number> {
    const { clock } = this.#options;
    const untilMs = clock.monotonicMs() + portWithinMs;
    while (!this.#isEnding && clock.monotonicMs() < untilMs) {
      const port = await portIn(join(this.#directory, `nats-server_${pid}.ports`));
      if (port !== undefined) return port;
      await wait(portPollMs, clock);
    }
    throw this.#notStarted();
  }

  #notStarted(): PubSubError {
    const { path } = this.#options.program;
    return new PubSubError('invalid', `${path} did not start:\n${this.#said.join('\n')}`);
  }

  #onExit(child: ChildProcess): void {
    if (this.#isEnding || child !== this.#child) return;
    child.stdin?.destroy();
    const { users, clock, log } = this.#options;
    const delayMs = this.#delays.next(clock.monotonicMs());
    log.warn(`a nats-server of the ${users} has ended (${endOf(child)}); it is started again in ${delayMs / 1_000} s`);
    this.#cancelRestart = clock.after(delayMs, () => {
      this.#starting = this.#run().catch(error => {
        if (this.#isEnding) return;
        log.warn((error as Error).message);
        this.#onExit(this.#child ?? child);
      });
    });
  }
}

export function newPassword(): string {
  return randomBytes(24).toString('hex');
}

function endOf({ exitCode, signalCode }: ChildProcess): string {
  return signalCode ?? `exit code ${exitCode}`;
}

/** The file holds the URLs that a server listens on. Undefined as long as it is not whole. */
async function portIn(file: string): Promise<number | undefined> {
  try {
    const [url = ''] = (JSON.parse(await readFile(file, 'utf8')) as { nats: string[] }).nats;
    return Number(new URL(url).port);
  } catch {
    return undefined;
  }
}

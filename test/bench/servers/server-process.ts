import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { cpuSeconds, residentBytes } from './cores.js';

/** How long a server may take to listen, and to end once it is asked to. */
const startTimeoutMs = 60_000;
const stopTimeoutMs = 5_000;

/** Between two looks at a port. */
const retryMs = 50;

/** What is kept of a program's output until it listens, in characters. */
const mostPrinted = 4_096;

export interface ServerCommand {
  /** For messages. */
  readonly name: string;
  /** The program and its arguments. */
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Undefined: any. */
  readonly core: number | undefined;
}

/** What a server prints, as one line of JSON, when it listens. */
export interface Listening {
  /** `http://host:port` */
  readonly public: string;
  /** Hubwire's only: its operator's listener, and the key that client tokens are signed with. */
  readonly admin?: string;
  readonly connectionString?: string;
}

/** What is measured of a server, or of several that are one contender. */
export type Measured = Pick<ServerProcess, 'cpuSeconds' | 'residentBytes'>;

/** A server under test, in a process of its own. */
export class ServerProcess {
  readonly listening: Listening;
  readonly #child: ChildProcess;
  readonly #kill: () => void;

  /** Resolves once it says that it listens. @throws Error when it ends before that */
  static async start(command: ServerCommand): Promise<ServerProcess> {
    const { child, kill, ended } = launch(command);
    const line = await Promise.race([firstLine(child.stdout!), ended]);
    return new ServerProcess(child, JSON.parse(line) as Listening, kill);
  }

  /** For a program that does not say so: it does once its port takes connections. @throws Error with what it printed */
  static async startSilent(command: ServerCommand, listening: Listening): Promise<ServerProcess> {
    const { child, kill, ended } = launch(command);
    let printed = '';
    child.stdout!.on('data', (bytes: Buffer) => {
      if (printed.length < mostPrinted) printed += String(bytes);
    });
    try {
      await untilListening(new URL(listening.public), ended);
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${printed}`.trimEnd(), { cause: error });
    }
    return new ServerProcess(child, listening, kill);
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

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#kill();
    await ended;
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

function launch({ name, command, env, core }: ServerCommand) {
  const pinned = core === undefined ? [] : ['taskset', '-c', String(core)];
  const [file = '', ...args] = [...pinned, ...command];
  const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill); // it must not outlive a bench that fails
  const ended: Promise<never> = once(child, 'close').then(([code]) =>
    Promise.reject(new Error(`${name} ended: ${code}`)),
  );
  ended.catch(() => {}); // told to whoever waits for the start
  return { child, kill, ended };
}

/** Nothing tells when another program listens, so it is tried. @param ended rejects when it cannot come to that */
async function untilListening({ hostname, port }: URL, ended: Promise<never>): Promise<void> {
  const signal = AbortSignal.timeout(startTimeoutMs);
  while (!(await takesConnections(hostname, Number(port)))) {
    if (signal.aborted) throw new Error(`nothing listens on port ${port} after ${startTimeoutMs} ms`);
    await Promise.race([delay(retryMs), ended]);
  }
}

async function takesConnections(host: string, port: number): Promise<boolean> {
  const socket = connect(port, host);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false; // refused: not yet
  } finally {
    socket.destroy();
  }
}

async function firstLine(output: Readable): Promise<string> {
  const signal = AbortSignal.timeout(startTimeoutMs);
  const [line] = await once(createInterface({ input: output }), 'line', { signal });
  return String(line);
}

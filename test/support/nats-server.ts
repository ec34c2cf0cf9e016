import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished, type TestContext } from 'vitest';
import { eventually } from './eventually.js';
import { hasProgram, notRun } from './not-run.js';

/** The nats-server of the tests: `NATS_SERVER_PATH`, or the one on PATH. */
export const natsProgram = [process.env.NATS_SERVER_PATH, 'nats-server', '/usr/sbin/nats-server'].find(
  program => program !== undefined && hasProgram(program),
);

/** Ends the test as not run where there is no nats-server. [CL-001] */
export function requireNats(context: TestContext): void {
  if (natsProgram === undefined) notRun(context, 'there is no nats-server here; sh test/setup.sh installs it');
}

/** As in `2.9.10`. */
export function natsVersion(): string {
  const line = execFileSync(natsProgram ?? 'nats-server', ['--version'], { encoding: 'utf8' });
  return /v(\d+\.\d+\.\d+)/.exec(line)?.[1] ?? '';
}

export interface NatsServerOptions {
  /** With storage in a temporary folder. On when left out. */
  readonly jetStream?: boolean;
  /** More lines of the server's configuration file: `tls { … }`, `authorization { … }`, `max_payload: 64KB`. */
  readonly settings?: string;
  /** Where it listens: 127.0.0.1 when left out. */
  readonly host?: string;
  /** Unique within a cluster. */
  readonly name?: string;
}

/** A nats-server of a test's own, on a free port of 127.0.0.1, which it keeps when it is started again. [CL-004] */
export class NatsServer {
  readonly #directory: string;
  readonly #options: NatsServerOptions;
  #settings: string;
  /** −1: any free one. */
  #port = -1;
  #process: ChildProcess | undefined;
  /** The last lines that it has logged. */
  readonly #log: string[] = [];

  private constructor(directory: string, options: NatsServerOptions) {
    this.#directory = directory;
    this.#options = options;
    this.#settings = options.settings ?? '';
  }

  /** For `beforeAll`, which has to `stop` it; a test uses `startNats`. @throws when it ends instead of starting */
  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    const server = new NatsServer(await mkdtemp(join(tmpdir(), 'hubwire-nats-')), options);
    try {
      await server.start();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  get port(): number {
    return this.#port;
  }

  /** `nats://127.0.0.1:4222`, without credentials. */
  get url(): string {
    return `nats://127.0.0.1:${this.#port}`;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** What it has logged, for a test that fails. */
  get logged(): string {
    return this.#log.join('\n');
  }

  /** Again after `kill` or `end`, on the same port, with what it had stored. */
  async start(): Promise<void> {
    const file = await this.#writeFile();
    const args = ['--config', file, '--ports_file_dir', this.#directory];
    const child = spawn(natsProgram ?? 'nats-server', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process = child;
    const isReady = new Promise<boolean>(resolve => {
      const lines = createInterface({ input: child.stderr });
      lines.on('line', line => {
        this.#log.push(line);
        if (this.#log.length > 200) this.#log.shift();
        if (line.includes('Server is ready')) resolve(true);
      });
      child.once('error', () => resolve(false));
      lines.once('close', () => resolve(false));
    });
    if (!(await isReady)) throw new Error(`nats-server ended: ${this.logged}`);
    this.#port = await this.#readPort(child.pid ?? 0);
  }

  /** Ends it at once, as a crash would. */
  kill(): Promise<void> {
    return this.#signal('SIGKILL');
  }

  /** Ends it in order: clients are closed. */
  end(): Promise<void> {
    return this.#signal('SIGTERM');
  }

  /** What it had stored is gone, as in a container without a volume; to be called while it does not run. */
  async forget(): Promise<void> {
    await rm(join(this.#directory, 'jetstream'), { recursive: true, force: true });
  }

  /** It stands still and answers nothing; its sockets stay open, and the kernel accepts new ones. */
  pause(): void {
    this.#process?.kill('SIGSTOP');
  }

  resume(): void {
    this.#process?.kill('SIGCONT');
  }

  /** Other lines of its configuration file from now on, without a restart. */
  async reload(settings: string): Promise<void> {
    this.#settings = settings;
    await this.#writeFile();
    const isReloaded = /Reloaded server configuration/g;
    const before = this.logged.match(isReloaded)?.length ?? 0;
    this.#process?.kill('SIGHUP');
    await eventually(() => {
      if ((this.logged.match(isReloaded)?.length ?? 0) <= before) throw new Error(`not reloaded: ${this.logged}`);
    });
  }

  async #writeFile(): Promise<string> {
    const file = join(this.#directory, 'nats.conf');
    await writeFile(file, this.#configuration());
    return file;
  }

  /** Lame duck: tells its clients to go elsewhere, closes them after `lame_duck_grace_period`, then ends. */
  lameDuck(): void {
    this.#process?.kill('SIGUSR2');
  }

  /** Ends it and removes what it has stored. */
  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #signal(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  }

  /** The file is written some time after the server is ready. */
  #readPort(pid: number): Promise<number> {
    return eventually(async () => {
      const program = (natsProgram ?? 'nats-server').split('/').at(-1) ?? '';
      const ports = JSON.parse(await readFile(join(this.#directory, `${program}_${pid}.ports`), 'utf8'));
      return Number(new URL((ports as { nats: [string] }).nats[0]).port);
    });
  }

  #configuration(): string {
    const { jetStream = true, name = 'single', host = '127.0.0.1' } = this.#options;
    const store = join(this.#directory, 'jetstream');
    return [
      `server_name: ${name}`,
      `listen: "${host}:${this.#port}"`,
      ...(jetStream ? [`jetstream { store_dir: "${store}", max_mem: 64MB, max_file: 1GB }`] : []),
      this.#settings,
    ].join('\n');
  }
}

/** A server that ends with the test. */
export async function startNats(context: TestContext, options?: NatsServerOptions): Promise<NatsServer> {
  requireNats(context);
  const server = await NatsServer.start(options);
  onTestFinished(() => server.stop());
  return server;
}

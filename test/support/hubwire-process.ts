import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { clientUrl } from '../../src/auth/client-url.js';
import { KeyTokens } from '../../src/auth/key-tokens.js';
import { developmentKey } from '../../src/cli/key-settings.js';
import type { Service } from '../../src/service.js';
import type { Ending } from './ending.js';
import { type Dial, dialer } from './test-client.js';

/** What `node` runs. */
export const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
/** Several processes take several times as long to start; a node of several has others beside it. */
const patienceMs = { one: 30_000, several: 45_000 };

export type Environment = Readonly<Record<string, string>>;

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Another way to run it than `node dist/main.js` of this checkout. */
export interface Launch {
  /** What stands before the arguments, e.g. `['npx', 'hubwire']`. */
  readonly command?: readonly string[];
  readonly cwd?: string;
  /** Its standard input, at once; `open`: what `type` writes. Nothing by default. */
  readonly input?: string | 'open';
  /** Ends with the test when left out. */
  readonly ending?: Ending;
}

/** `hubwire` as a process of its own, and all that it has written. Ends with the test, unless `launch` has another ending. */
export class HubwireProcess {
  stdout = '';
  stderr = '';
  readonly exit: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #patienceMs: number;
  #hasEnded = false;
  #watchers: (() => void)[] = [];

  /** @param env in place of the test's own, so that no key or port of a developer's shell gets in */
  constructor(args: readonly string[], env: Environment = {}, launch: Launch = {}) {
    const { PATH = '', HOME = '' } = process.env;
    const isSeveral = ['--workers', '--cluster'].some(flag => args.includes(flag)) || env.HUBWIRE_NATS !== undefined;
    this.#patienceMs = isSeveral ? patienceMs.several : patienceMs.one;
    const [file = '', ...before] = launch.command ?? [process.execPath, program];
    this.#child = spawn(file, [...before, ...args], {
      cwd: launch.cwd,
      env: { PATH, HOME, ...env },
      stdio: [launch.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      detached: launch.command !== undefined, // a group of its own, so that all that it starts can be ended
    });
    this.exit = once(this.#child, 'close').then(([code, signal]) => {
      this.#hasEnded = true;
      this.#wake();
      return { code, signal };
    });
    for (const name of ['stdout', 'stderr'] as const) {
      this.#child[name]?.setEncoding('utf8').on('data', (text: string) => {
        this[name] += text;
        this.#wake();
      });
    }
    this.#child.stdin?.on('error', () => {}); // it may end before it has read all
    if (launch.input !== undefined && launch.input !== 'open') this.#child.stdin?.end(launch.input);
    const { ending = onTestFinished } = launch;
    ending(async () => {
      if (!this.#hasEnded) this.#kill(launch.command !== undefined);
      await this.exit;
    });
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('the process did not start');
    return this.#child.pid;
  }

  #kill(hasGroup: boolean): void {
    if (hasGroup && this.#child.pid !== undefined) process.kill(-this.#child.pid, 'SIGKILL');
    else this.#child.kill('SIGKILL');
  }

  /** Writes to its standard input. */
  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  endInput(): void {
    this.#child.stdin?.end();
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** What `pattern` finds in a stream, now or later. @throws when the process ends or nothing comes, with what it wrote */
  async find(pattern: RegExp, stream: 'stdout' | 'stderr' = 'stdout'): Promise<RegExpExecArray> {
    const timer = setTimeout(() => this.#fail(), this.#patienceMs);
    try {
      for (;;) {
        const found = pattern.exec(this[stream]);
        if (found) return found;
        if (this.#hasEnded || this.#isLate)
          throw new Error(`no ${pattern} in ${stream}:\n${this.stdout}\n${this.stderr}`);
        await new Promise<void>(resolve => this.#watchers.push(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #isLate = false;

  #fail(): void {
    this.#isLate = true;
    this.#wake();
  }

  #wake(): void {
    for (const watcher of this.#watchers.splice(0)) watcher();
  }
}

/** Runs a verb to its end. */
export async function runHubwire(
  args: readonly string[],
  env: Environment = {},
  launch: Launch = {},
): Promise<Exit & { stdout: string; stderr: string }> {
  const hubwire = new HubwireProcess(args, env, launch);
  const exit = await hubwire.exit;
  return { ...exit, stdout: hubwire.stdout, stderr: hubwire.stderr };
}

export interface RunningService {
  readonly process: HubwireProcess;
  /** Its hubs.yaml. */
  readonly file: string;
  readonly publicUrl: string;
  readonly adminUrl: string;
  readonly connectionString: string;
  /** Clients of hub `chat` with tokens of the primary key. */
  readonly dial: Dial;
  /** A client access URL of hub `chat`. */
  clientUrl(claims?: Parameters<Service['clientUrl']>[1]): string;
}

/** The service as a process on free ports, once it says that it listens. */
export async function startService(
  yaml: string,
  env: Environment = {},
  args: readonly string[] = [],
  ports: readonly string[] = ['--port', '0', '--admin-port', 'any'],
  ending: Ending = onTestFinished,
): Promise<RunningService> {
  const file = await fileWith(yaml, 'hubs.yaml', ending);
  const hubwire = new HubwireProcess(['start', '--json', '--hubs', file, ...ports, ...args], env, { ending });
  return serviceIn(hubwire, file, env);
}

/**
 * The service in a terminal, which SIGHUP to the process closes; how the service ended is then the process's standard error.
 * Needs python3.
 */
export async function startServiceInTerminal(yaml: string): Promise<RunningService> {
  const file = await fileWith(yaml);
  const terminal = fileURLToPath(new URL('closed_terminal.py', import.meta.url));
  const args = ['start', '--json', '--hubs', file, '--port', '0', '--admin-port', 'any'];
  const command = ['python3', terminal, process.execPath, program];
  return serviceIn(new HubwireProcess(args, {}, { command }), file);
}

/** Once it says that it listens. */
async function serviceIn(hubwire: HubwireProcess, file: string, env: Environment = {}): Promise<RunningService> {
  const [line] = await hubwire.find(/^\{"event":"listening".*\}\r?\n/m);
  const said = JSON.parse(line) as { public: string; admin: string; connectionString: string };
  const tokens = new KeyTokens({ primary: env.HUBWIRE_PRIMARY_KEY ?? developmentKey, secondary: undefined }, Date.now);
  const seen: Pick<Service, 'publicUrl' | 'clientUrl'> = {
    publicUrl: said.public,
    clientUrl: (hub, claims, minutes) => clientUrl(tokens, said.public, hub, claims, minutes),
  };
  return {
    process: hubwire,
    file,
    publicUrl: said.public,
    adminUrl: said.admin,
    connectionString: said.connectionString,
    dial: dialer(seen as Service), // of a service, clients need no more than this
    clientUrl: (claims = {}) => seen.clientUrl('chat', claims, 60),
  };
}

/** A file with this content in a folder of its own, which goes with the test unless there is another ending. */
export async function fileWith(content: string, name = 'hubs.yaml', ending: Ending = onTestFinished): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hubwire-'));
  ending(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, name);
  await writeFile(file, content);
  return file;
}

/** hubs.yaml of a hub `chat` with one handler for everything. */
export function chatYaml(urlTemplate: string, more = ''): string {
  return `hubs:
  chat:
    eventHandlers:
      - urlTemplate: ${urlTemplate}
        systemEvents: [connect, connected, disconnected]
        userEventPattern: "*"
${more}`;
}

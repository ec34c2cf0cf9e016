import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { within } from '../patience.js';
import { Inspector } from './inspector.js';
import { ServerLog } from './log.js';
import { readResident } from './resident.js';

/** More than the patience of the service with what will not end. [design 5] */
const exitPatienceMs = 60_000;

/** The peak can only be read while the process is there. */
const peakGapMs = 50;

const steppingClock = new URL('stepping-clock.js', import.meta.url).href;

/** The usual limit of descriptors; Node would raise it to the highest that is allowed. */
const limitDescriptors = 'ulimit -n 1024 && exec "$0" "$@"';

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

interface Listening {
  readonly public: string;
  readonly admin: string;
  readonly connectionString: string;
}

/** The service under soak: a process of its own, as its users start it, but for an inspector that can make it collect garbage. */
export class Hubwire {
  readonly log: ServerLog;
  readonly inspector: Inspector;
  /** `http://host:port`, of clients and REST. */
  readonly publicUrl: string;
  readonly adminUrl: string;
  readonly key: string;
  readonly #exit: Promise<Exit>;
  #isAskedToEnd = false;
  readonly #child: ChildProcess;

  /** Resolves once it listens. @throws Error when it ends or says nothing */
  static async start(program: string, hubsFile: string): Promise<Hubwire> {
    const ports = ['--host', '127.0.0.1', '--port', '0', '--admin-port', 'any'];
    const args = [
      '--inspect=127.0.0.1:0',
      '--import',
      steppingClock,
      program,
      'start',
      '--json',
      '--hubs',
      hubsFile,
      ...ports,
    ];
    const { PATH = '', HOME = '' } = process.env;
    const child = spawn('/bin/sh', ['-c', limitDescriptors, process.execPath, ...args], {
      env: { PATH, HOME },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    process.once('exit', () => child.kill('SIGKILL')); // it must not outlive a soak that fails
    const log = new ServerLog();
    child.stderr!.setEncoding('utf8').on('data', (text: string) => log.write(text));
    const inspectorUrl = new Promise<string>(tell => log.onOther(text => /ws:\S+/.exec(text)?.map(tell)));
    const exit = once(child, 'close').then(([code, signal]): Exit => ({ code, signal }));
    const ended = exit.then(({ code }) => Promise.reject(new Error(`the service ended with ${code}`)));
    ended.catch(() => {}); // of interest to the wait below only
    const [line] = await within(
      Promise.race([once(createInterface(child.stdout!), 'line'), ended]),
      'the service listens',
    );
    const inspector = await Inspector.connect(await within(inspectorUrl, 'the address of the inspector'));
    return new Hubwire(child, JSON.parse(line) as Listening, log, inspector, exit);
  }

  private constructor(
    child: ChildProcess,
    listening: Listening,
    log: ServerLog,
    inspector: Inspector,
    exit: Promise<Exit>,
  ) {
    this.#child = child;
    this.log = log;
    this.inspector = inspector;
    this.#exit = exit;
    this.publicUrl = listening.public.replace('localhost', '127.0.0.1');
    this.adminUrl = listening.admin.replace('localhost', '127.0.0.1');
    this.key = /AccessKey=([^;]*)/.exec(listening.connectionString)?.[1] ?? '';
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Never resolves. @throws Error when the process ends without having been asked */
  async untilItDies(): Promise<never> {
    const { code, signal } = await this.#exit;
    if (this.#isAskedToEnd) return new Promise<never>(() => {});
    throw new Error(`the service ended with ${code ?? signal}:\n${this.log.faults.join('\n')}`);
  }

  /** Steps its wall clock. Answers the Unix milliseconds that it then reads. */
  async stepClock(stepMs: number): Promise<number> {
    const answer = once(this.#child, 'message');
    this.#child.send(stepMs);
    const [nowMs] = (await within(answer, 'the time after a step of the clock')) as [number];
    return nowMs;
  }

  /** Asks it to end, and ends it when it does not. `peak`: its most resident bytes since `restartPeak`. */
  async terminate(): Promise<Exit & { readonly peak: number | undefined }> {
    this.#isAskedToEnd = true;
    this.#child.kill('SIGTERM');
    let peak = readResident(this.pid)?.peak;
    const peakTimer = setInterval(() => {
      peak = readResident(this.pid)?.peak ?? peak;
    }, peakGapMs);
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), exitPatienceMs);
    const exit = await this.#exit;
    clearTimeout(timer);
    clearInterval(peakTimer);
    return { ...exit, peak };
  }
}

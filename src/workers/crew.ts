import type { AccessKeys } from '../auth/keys.js';
import type { Clock } from '../clock.js';
import { PubSubError } from '../errors.js';
import { Delays } from './delays.js';
import type { Answers, HandlerState, RequestName, Requests } from './messages.js';
import { beatMs, missedBeats } from './pulse.js';
import { type ForkedProcess, type Patience, type WorkerEvents, WorkerProcess } from './worker-process.js';

export interface CrewOptions {
  /** How many workers. */
  readonly size: number;
  /** What each of them is called, for people. */
  readonly noun: 'worker' | 'node';
  /** @param index 1, 2, 3 … */
  fork(index: number): ForkedProcess;
  /** In use now. */
  keys(): AccessKeys;
  readonly clock: Clock;
  readonly log: { info(text: string): void; warn(text: string): void };
  /** A worker has ended, after which it may be started again. */
  onEnded(index: number): void;
}

interface Place {
  worker: WorkerProcess;
  readonly delays: Delays;
  /** The worker has ended, and another one is about to be forked in its place. */
  isRestarting: boolean;
}

/** The workers of one process: starts them, starts those again that end, and stops them. */
export class Crew {
  readonly #options: CrewOptions;
  readonly #places = new Map<number, Place>();
  #variables: Readonly<Record<string, string>> | undefined;
  #isStopping = false;
  /** They have all listened once, and then let clients in once: from then on one that ends is started again. */
  #hasBegun = false;
  #restarts = 0;
  #watchers: (() => void)[] = [];
  #cancelBeat = () => {};

  constructor(options: CrewOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#options.size;
  }

  /** Those that were started again so far. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Of each worker's listener. */
  get publicUrls(): readonly string[] {
    return [...new Set(this.#workers.map(({ publicUrl }) => publicUrl).filter(url => url !== ''))];
  }

  /** How many let clients in. */
  get ready(): number {
    return this.#answering.filter(({ isOpen }) => isOpen).length;
  }

  /** How many run and let no client in: they are paused, or about to stop. */
  get paused(): number {
    return this.#answering.length - this.ready;
  }

  /** How many run and do not answer: their event loop is busy for long, or they hang. */
  get silent(): number {
    return this.#active.length - this.#answering.length;
  }

  /**
   * Are clients let in, by any of them? At first by each: the others refuse what reaches them. One that is silent counts for a
   * while: with it a node that is merely busy would lose its clients to others.
   */
  get isReady(): boolean {
    return !this.#isStopping && this.#hasBegun && this.#isAnyOpen;
  }

  /** For people; undefined: clients are let in. */
  get whyNot(): string | undefined {
    if (this.isReady) return undefined;
    const { noun } = this.#options;
    if (this.#isStopping) return 'the service stops';
    const who = this.#isAnyOpen ? `not every ${noun} is` : `no ${noun} is`;
    return `${who} ready; the log says what each ${noun} waits for`;
  }

  /** The handlers of the configuration: failed or pending where they are that for any worker. */
  get handlers(): readonly HandlerState[] {
    const [first, ...others] = this.#active;
    if (first === undefined) return [];
    return first.handlers.map((handler, at) =>
      others.reduce((worst, { handlers }) => worse(worst, handlers[at]), handler),
    );
  }

  /** Settles once all of them listen, with the URL. @throws PubSubError `invalid` when one of them cannot, with what it says */
  async start(): Promise<string> {
    for (let index = 1; index <= this.size; index += 1) this.#fork(index);
    await this.#until('listening');
    this.#hasBegun = true;
    this.#beat();
    return this.#workers[0]?.publicUrl ?? '';
  }

  /** Settles once all of them let clients in. @param variables of the hubs file @throws as `start` */
  async activate(variables: Readonly<Record<string, string>>): Promise<void> {
    this.#hasBegun = false;
    this.#variables = variables;
    // One that has ended meanwhile and starts again is activated once it has begun.
    for (const worker of this.#workers) if (worker.state === 'listening') worker.activate(variables);
    await this.#until('ready');
    this.#hasBegun = true;
  }

  /** Settles once the event handlers of each of them are active or have failed; one that ends meanwhile is left out. */
  async validated(): Promise<void> {
    await this.#untilAll(({ isValidated, isAlive }) => isValidated || !isAlive);
  }

  /** The keys have changed. */
  tellKeys(): void {
    for (const worker of this.#workers) worker.send({ kind: 'keys', keys: this.#options.keys() });
  }

  /**
   * What those that have begun answer; one that ends meanwhile is left out. @param patience for how long with one that does not
   * answer its pings either @throws as a rejection, when one of them refuses, once the others have answered
   */
  async request<Q extends RequestName>(
    name: Q,
    parameters: Requests[Q]['parameters'],
    patience: Patience,
  ): Promise<Answers<Q>> {
    const given = new Map<number, Requests[Q]['answer']>();
    const missing: string[] = [];
    const refusals: unknown[] = [];
    const requests = this.#active.map(async worker => {
      try {
        given.set(worker.index, await worker.request(name, parameters, patience));
      } catch (error) {
        if (!worker.isAlive) return;
        if (isUnanswered(error)) missing.push(worker.who);
        else refusals.push(error);
      }
    });
    await Promise.all(requests);
    if (refusals.length > 0) throw refusals[0];
    return { given, missing };
  }

  /** As `request`, of one that answers its pings. @throws PubSubError `unknown` when there is none, or it does not answer */
  async requestOne<Q extends RequestName>(
    name: Q,
    parameters: Requests[Q]['parameters'],
    patience: Patience,
  ): Promise<Requests[Q]['answer']> {
    const worker = this.#answering[0] ?? this.#active[0];
    if (worker === undefined) throw new PubSubError('unknown', `no ${this.#options.noun} is ready`);
    return await worker.request(name, parameters, patience);
  }

  /** Stops all of them at the same time. @param mostMs after which those that are left are killed */
  async stop(mostMs: number): Promise<void> {
    this.#isStopping = true;
    const { clock, log } = this.#options;
    for (const worker of this.#workers) worker.send({ kind: 'stop' });
    const cancel = clock.after(mostMs, () => {
      for (const worker of this.#workers.filter(({ isAlive }) => isAlive)) {
        log.warn(`${worker.who} did not stop, and is killed`);
        worker.kill('SIGKILL');
      }
    });
    await this.#untilAll(({ isAlive }) => !isAlive);
    cancel();
    this.#cancelBeat();
  }

  /** Pings all of them, from now on. */
  #beat(): void {
    for (const worker of this.#workers) worker.beat();
    this.#cancelBeat = this.#options.clock.after(beatMs, () => this.#beat());
  }

  /** A worker that hangs is killed, and so started again: it has clients whom it does not serve. */
  #onMissing(worker: WorkerProcess, how: 'hung' | 'lost'): void {
    const { log } = this.#options;
    const { hung, lost } = missedBeats;
    const silent = `${worker.who} has not answered for ${seconds(missedBeats[how])}`;
    if (how === 'hung') {
      log.warn(`${silent}; it is killed if it does not answer within ${seconds(lost - hung)} more`);
      return;
    }
    log.warn(`${silent}, and is killed`);
    worker.kill('SIGKILL');
  }

  /** Those that run and have let clients in, whether they do now or not. */
  get #active(): readonly WorkerProcess[] {
    return this.#workers.filter(({ state }) => state === 'ready');
  }

  /** Those of them that answer their pings. */
  get #answering(): readonly WorkerProcess[] {
    return this.#active.filter(worker => !worker.isMissing('silent'));
  }

  get #isAnyOpen(): boolean {
    return this.#active.some(worker => worker.isOpen && !worker.isMissing('hung'));
  }

  get #workers(): readonly WorkerProcess[] {
    return [...this.#places.values()].map(({ worker }) => worker);
  }

  #fork(index: number): void {
    const { fork, clock, log, noun } = this.#options;
    const events: WorkerEvents = {
      changed: changed => this.#onChanged(changed),
      missing: (missing, how) => this.#onMissing(missing, how),
      back: ({ who }, silentSeconds) => log.info(`${who} answers again, after ${silentSeconds} s`),
    };
    const worker = new WorkerProcess(index, fork(index), clock, events, noun);
    log.info(`${worker.name} is process ${worker.pid}`);
    const { delays = new Delays(), worker: predecessor } = this.#places.get(index) ?? {};
    if (predecessor !== undefined) worker.publicUrl = predecessor.publicUrl;
    this.#places.set(index, { worker, delays, isRestarting: false });
  }

  #onChanged(worker: WorkerProcess): void {
    if (worker.state === 'starting') this.#begin(worker);
    if (worker.state === 'listening' && this.#variables !== undefined) worker.activate(this.#variables);
    if (worker.state === 'ended') this.#onEnded(worker);
    for (const watcher of this.#watchers.splice(0)) watcher();
  }

  /** A successor is activated before it listens. */
  #begin(worker: WorkerProcess): void {
    const keys = this.#options.keys();
    const { publicUrl } = worker;
    if (publicUrl === '' || this.#variables === undefined) {
      worker.send({ kind: 'begin', keys });
      return;
    }
    worker.send({ kind: 'begin', keys, publicUrl });
    worker.activate(this.#variables);
  }

  #onEnded(worker: WorkerProcess): void {
    const { clock, log, onEnded } = this.#options;
    onEnded(worker.index);
    const place = this.#places.get(worker.index);
    if (this.#isStopping || !this.#hasBegun || place === undefined) return;
    const delayMs = place.delays.next(clock.monotonicMs());
    const why = worker.failure ?? worker.end;
    log.warn(`${worker.who} has ended: ${why}; it is started again in ${delayMs / 1_000} s`);
    place.isRestarting = true;
    clock.after(delayMs, () => {
      if (this.#isStopping) return;
      this.#restarts += 1;
      this.#fork(worker.index);
    });
  }

  /** @throws PubSubError `invalid` when one of them ends before */
  async #until(state: 'listening' | 'ready'): Promise<void> {
    await this.#untilAll(
      worker => worker.state === 'ready' || worker.state === state || (!worker.isAlive && !this.#isRestarting(worker)),
    );
    const ended = this.#workers.find(({ isAlive }) => !isAlive);
    if (ended !== undefined) throw new StartFailure(ended.failure ?? `${ended.name} has ended: ${ended.end}`);
  }

  #isRestarting({ index }: WorkerProcess): boolean {
    return this.#places.get(index)?.isRestarting === true;
  }

  async #untilAll(isTrue: (worker: WorkerProcess) => boolean): Promise<void> {
    while (!this.#workers.every(isTrue)) {
      await new Promise<void>(resolve => void this.#watchers.push(resolve));
    }
  }
}

/** A worker could not start; the text is complete, and for people. */
export class StartFailure extends Error {
  override readonly name = 'StartFailure';
}

function isUnanswered(error: unknown): boolean {
  return error instanceof PubSubError && error.kind === 'unknown';
}

function seconds(beats: number): string {
  return `${(beats * beatMs) / 1_000} s`;
}

const severity = { active: 0, pending: 1, failed: 2 };

function worse(one: HandlerState, other: HandlerState | undefined): HandlerState {
  return other !== undefined && severity[other.state] > severity[one.state] ? other : one;
}

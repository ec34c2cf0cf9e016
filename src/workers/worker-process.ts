import type { Clock } from '../clock.js';
import { PubSubError } from '../errors.js';
import type { FromWorker, HandlerState, RequestName, Requests, ToWorker } from './messages.js';
import { missedBeats, Pulse } from './pulse.js';

/** A process that was forked, as its parent sees it. */
export interface ForkedProcess {
  readonly pid: number;
  /** Nothing happens when it has ended. */
  send(message: ToWorker): void;
  onMessage(listener: (message: FromWorker) => void): void;
  /** @param listener is told the exit code, the signal that ended it, or why it could not be started */
  onExit(listener: (end: string) => void): void;
  kill(signal: NodeJS.Signals): void;
}

/** What a worker is doing. `ready`: it listens and has let clients in, and may be paused since. `ended`: its process is gone. */
export type WorkerState = 'starting' | 'listening' | 'ready' | 'ended';

export interface WorkerEvents {
  /** The state is another one. */
  changed(worker: WorkerProcess): void;
  /** It has missed so many pings that it is `hung`, or `lost`. Once for each in a row. */
  missing(worker: WorkerProcess, how: 'hung' | 'lost'): void;
  /** One that was hung has said something. @param silentSeconds how long it had not */
  back(worker: WorkerProcess, silentSeconds: number): void;
}

/** How long an answer may take: a reload validates handlers, which takes up to 10 s. */
const answerWithinMs = 20_000;

/** How long somebody waits for one that does not answer its pings either. */
export type Patience = 'silent' | 'hung';

interface Pending {
  readonly patience: Patience;
  answer(value: unknown): void;
  refuse(error: Error): void;
}

/** One worker's process, from its fork to its end. */
export class WorkerProcess {
  /** 1, 2, 3 …: the place that it has, and that its successor takes. */
  readonly index: number;
  /** `worker 1`, for people. */
  readonly name: string;
  readonly startedMs: number;
  state: WorkerState = 'starting';
  /** As it has said last: does it let clients in? */
  isOpen = false;
  /** Where it listens, or will, as its predecessor did; empty: neither has listened. */
  publicUrl = '';
  handlers: readonly HandlerState[] = [];
  /** Is each of them active or failed? */
  isValidated = false;
  #isActivated = false;
  /** Why it cannot run, as it said itself; undefined: it did not say. */
  failure: string | undefined;
  /** As in `exit code 1`, once it has ended. */
  end = '';
  readonly #process: ForkedProcess;
  readonly #clock: Clock;
  readonly #events: WorkerEvents;
  readonly #pulse = new Pulse();
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;

  /** @param noun what it is called, for people */
  constructor(index: number, process: ForkedProcess, clock: Clock, events: WorkerEvents, noun: string) {
    this.index = index;
    this.name = `${noun} ${index}`;
    this.startedMs = clock.monotonicMs();
    this.#process = process;
    this.#clock = clock;
    this.#events = events;
    process.onMessage(message => this.#take(message));
    process.onExit(end => this.#onExit(end));
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** `worker 1 (process 17)`, for people. */
  get who(): string {
    return `${this.name} (process ${this.pid})`;
  }

  get isAlive(): boolean {
    return this.state !== 'ended';
  }

  /** It has not answered lately. */
  isMissing(how: Patience): boolean {
    return this.#pulse.has(how);
  }

  send(message: ToWorker): void {
    if (this.isAlive) this.#process.send(message);
  }

  /** Lets clients in, once. @param variables of the hubs file */
  activate(variables: Readonly<Record<string, string>>): void {
    if (this.#isActivated) return;
    this.#isActivated = true;
    this.send({ kind: 'activate', variables });
  }

  kill(signal: NodeJS.Signals): void {
    if (this.isAlive) this.#process.kill(signal);
  }

  /** To be called every `beatMs`. */
  beat(): void {
    if (!this.isAlive || !this.#pulse.beat()) return;
    this.send({ kind: 'ping' });
    for (const [id, { patience }] of this.#pending) if (this.isMissing(patience)) this.#giveUp(id);
    for (const how of ['hung', 'lost'] as const) {
      if (this.#pulse.missed === missedBeats[how]) this.#events.missing(this, how);
    }
  }

  /** @throws as a rejection: PubSubError `conflict` with what the worker said, `unknown` when it does not answer */
  request<Q extends RequestName>(
    name: Q,
    parameters: Requests[Q]['parameters'],
    patience: Patience,
  ): Promise<Requests[Q]['answer']> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(answerWithinMs, () => this.#giveUp(id));
      this.#pending.set(id, {
        patience,
        answer: value => {
          cancel();
          resolve(value as Requests[Q]['answer']);
        },
        refuse: error => {
          cancel();
          reject(error);
        },
      });
      this.send({ kind: 'request', id, name, parameters }); // also to one that hangs: it may go on, and then does it
      if (this.isMissing(patience)) this.#giveUp(id);
    });
  }

  #take(message: FromWorker): void {
    this.#heard();
    switch (message.kind) {
      case 'listening':
        this.publicUrl = message.publicUrl;
        this.#become('listening');
        return;
      case 'ready':
        this.#become('ready');
        return;
      case 'admission':
        this.isOpen = message.isOpen;
        return;
      case 'validated':
        this.isValidated = true;
        this.#events.changed(this);
        return;
      case 'failed':
        this.failure = message.text;
        return;
      case 'handlers':
        this.handlers = message.handlers;
        return;
      case 'answered':
        this.#settle(message.id)?.answer(message.answer);
        return;
      case 'refused':
        this.#settle(message.id)?.refuse(new PubSubError('conflict', message.text));
        return;
      case 'started':
        this.#events.changed(this);
        return;
      case 'pong':
    }
  }

  #heard(): void {
    const { silentSeconds } = this.#pulse;
    const wasHung = this.isMissing('hung');
    this.#pulse.heard();
    if (wasHung) this.#events.back(this, silentSeconds);
  }

  #become(state: WorkerState): void {
    this.state = state;
    this.#events.changed(this);
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #onExit(end: string): void {
    this.end = end;
    this.state = 'ended';
    for (const id of [...this.#pending.keys()]) this.#giveUp(id);
    this.#events.changed(this);
  }

  #giveUp(id: number): void {
    this.#settle(id)?.refuse(new PubSubError('unknown', `${this.who} did not answer`));
  }
}

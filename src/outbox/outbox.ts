import { atMost, type Clock } from '../clock.js';
import { Attempts } from './attempts.js';
import { DeadlineTimer } from './deadline-timer.js';
import { Dispatcher } from './dispatcher.js';
import type { AttemptRecord, DeadLetter, Envelope, Selection } from './envelope.js';
import { Orphans, removedReason } from './orphans.js';
import { NotKept } from './outbox-error.js';
import type { DeadlineTurn, Deliverer, EndpointStatus, Endpoints, OutboxObserver } from './ports.js';
import { SteadyTime } from './steady-time.js';
import type { Depth, OutboxStore } from './store.js';

const defaultGraceMs = 5_000;
/** After the grace, for attempts that were aborted. */
const abortedMs = 1_000;
const noTurn: DeadlineTurn = { envelopes: [], drafts: [], draftMs: 0, settled: () => {} };
const nothing: Depth = { ready: 0, delayed: 0, inFlight: 0, dead: 0 };

export interface OutboxOptions {
  /** Closed by the outbox. */
  readonly store: OutboxStore;
  readonly clock: Clock;
  readonly deliverer: Deliverer;
  readonly endpoints: Endpoints;
  readonly observer?: OutboxObserver | undefined;
  /** What a deadline turns into: called when it is due, and again if the store has failed meanwhile. */
  readonly onDeadline?: ((key: string, content: Buffer) => DeadlineTurn) | undefined;
  /**
   * The envelope as if it had been created at this time of the wall clock; id, endpoint and key stay. Used before the first
   * attempt of a replay, and of an envelope that waited for longer than its profile's budget.
   */
  readonly restamp?: ((envelope: Envelope, createdAtMs: number) => Envelope) | undefined;
  /** Attempts at a time; 64 by default, and never more than the queue's own limit. */
  readonly maxConcurrency?: number | undefined;
  readonly random?: (() => number) | undefined;
}

/**
 * Keeps envelopes until they are delivered or dead. What `accept` has resolved is delivered at least once, also if the
 * process is killed, as far as the store keeps its promise; first attempts leave in order of acceptance per endpoint.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #store: OutboxStore;
  readonly #observer: OutboxObserver;
  readonly #time: SteadyTime;
  readonly #attempts: Attempts;
  readonly #dispatcher: Dispatcher;
  readonly #deadlines: DeadlineTimer;
  readonly #orphans: Orphans;
  #isClosed = false;

  constructor(options: OutboxOptions) {
    const { store, clock, deliverer, endpoints, observer = {}, maxConcurrency } = options;
    const { random = Math.random, restamp = envelope => envelope, onDeadline = () => noTurn } = options;
    const time = new SteadyTime(clock);
    this.#options = options;
    this.#store = store;
    this.#observer = observer;
    this.#time = time;
    this.#attempts = new Attempts({ store, deliverer, clock, time, observer, random, restamp });
    const attempts = this.#attempts;
    this.#dispatcher = new Dispatcher({ store, endpoints, attempts, clock, time, observer, maxConcurrency });
    const onAdded = (count: number) => this.#added(count);
    this.#deadlines = new DeadlineTimer({ store, clock, time, observer, onDeadline, onAdded });
    const bury = (endpoint: string, reason: string) => this.deadLetterAll(endpoint, reason);
    this.#orphans = new Orphans({ store, endpoints, clock, observer, bury });
  }

  /** Begins to deliver, first what a former process left. */
  async start(): Promise<void> {
    await this.#dispatcher.start();
    this.#deadlines.start();
    this.#orphans.start();
  }

  /**
   * Resolves once the envelopes are kept, all of them.
   * @throws NotKept
   */
  async accept(envelopes: readonly Envelope[]): Promise<void> {
    if (envelopes.length === 0) return;
    try {
      this.#checkOpen();
      await this.#store.add(envelopes, this.#time.nowMs());
    } catch (error) {
      const notKept = NotKept.from(error);
      this.#observer.notKept?.(envelopes.length, notKept.reason);
      throw notKept;
    }
    this.#added(envelopes.length);
  }

  /** false: what is accepted is gone with the process, and drafts need not be made. */
  get isDurable(): boolean {
    return this.#store.isDurable;
  }

  /**
   * Keeps envelopes until `replace` puts another one in their place. If the process ends before that, they are delivered as
   * they are.
   * @param waitMs after which they will have been replaced
   * @throws NotKept
   */
  async draft(drafts: readonly Envelope[], waitMs: number): Promise<void> {
    this.#checkOpen();
    const nowMs = this.#time.nowMs();
    await this.#store.addDrafts(drafts, nowMs + waitMs, nowMs);
  }

  /**
   * As `accept`, in place of drafts.
   * @param drafts their ids
   * @throws NotKept; the drafts are kept then
   */
  async replace(drafts: readonly string[], envelope: Envelope): Promise<void> {
    this.#checkOpen();
    try {
      await this.#store.replaceDrafts(drafts, envelope, this.#time.nowMs());
    } catch (error) {
      this.#observer.storeFailed?.(error);
      throw NotKept.from(error);
    }
    this.#added(1);
  }

  /**
   * Keeps a deadline. It fires once, also after a restart; one with the same key is replaced.
   * @param dueAtMs wall clock
   * @throws NotKept
   */
  async schedule(key: string, dueAtMs: number, content: Buffer): Promise<void> {
    this.#checkOpen();
    const waitMs = dueAtMs - this.#options.clock.now();
    const kept = this.#store.schedule({ key, dueAtMs: this.#time.nowMs() + waitMs, content });
    await kept;
    this.#deadlines.wake();
  }

  /**
   * Keeps a deadline for the case that this process ends before it schedules one with this key: after the next start, it
   * fires as any other, unless it is cancelled. Not kept in memory and in redis.
   * @param afterMs after the start
   * @throws NotKept
   */
  async scheduleAtEnd(key: string, afterMs: number, content: Buffer): Promise<void> {
    this.#checkOpen();
    await this.#store.scheduleAtEnd({ key, afterMs, content });
  }

  /** Takes back `scheduleAtEnd`. @throws NotKept */
  async cancelAtEnd(key: string): Promise<void> {
    this.#checkOpen();
    await this.#store.cancelAtEnd(key);
  }

  /** @returns true if the deadline was pending: it does not fire. false if it has fired, or was never there */
  cancel(key: string): Promise<boolean> {
    return this.#store.cancel(key);
  }

  /** Endpoints or their options have changed. */
  async refresh(): Promise<void> {
    await this.#dispatcher.refresh();
    this.#orphans.changed();
  }

  /** Configured endpoints, then others for which something is kept. */
  async status(): Promise<readonly EndpointStatus[]> {
    const depths = await this.#store.depths();
    const ids = new Set([...this.#options.endpoints.ids(), ...depths.keys()]);
    return [...ids].map(id => this.#statusOf(id, depths.get(id) ?? nothing));
  }

  /** Milliseconds for which the oldest envelope that waits for a first attempt has waited; undefined: none is known. */
  async oldestReadyAgeMs(): Promise<number | undefined> {
    const atMs = await this.#store.oldestReadyAtMs();
    return atMs === undefined ? undefined : Math.max(0, this.#time.nowMs() - atMs);
  }

  /** The last 100 of the endpoint since the start, newest first. */
  attempts(endpoint: string): readonly AttemptRecord[] {
    return this.#dispatcher.endpoint(endpoint).log.list();
  }

  /** Attempts begin again: clears an automatic disable and closes the circuit. */
  async enable(id: string): Promise<void> {
    const endpoint = this.#dispatcher.endpoint(id);
    await this.#store.saveFacts(id, undefined);
    endpoint.enable();
    this.#observer.endpointEnabled?.(id);
    this.#dispatcher.wake();
  }

  /** One attempt now, of an envelope that is not kept. */
  test(envelope: Envelope): Promise<AttemptRecord> {
    return this.#attempts.once(envelope, this.#dispatcher.endpoint(envelope.endpoint));
  }

  /** Newest first. */
  deadLetters(selection: Selection = {}): Promise<readonly DeadLetter[]> {
    return this.#store.deadLetters(selection);
  }

  async deadLetter(id: string): Promise<DeadLetter | undefined> {
    const [letter] = await this.#store.deadLetters({ ids: [id], limit: 1 });
    return letter;
  }

  /**
   * Queues dead letters again, re-stamped, with their ids and without their attempts.
   * @param endpoint to which they go; by default each to its own
   * @returns the ids
   */
  async replay(selection: Selection, endpoint?: string): Promise<readonly string[]> {
    const ids = await this.#store.replay(selection, this.#time.nowMs(), endpoint);
    this.#orphans.changed();
    this.#dispatcher.wake();
    return ids;
  }

  /** Deletes dead letters. @returns the ids */
  drop(selection: Selection): Promise<readonly string[]> {
    return this.#store.drop(selection);
  }

  /**
   * All that waits for the endpoint becomes dead letters. For one that is missing in the configuration for a minute, this
   * happens by itself, if no other process may have it.
   * @returns how many so far
   */
  async deadLetterAll(endpoint: string, reason: string = removedReason(endpoint)): Promise<number> {
    const buried = this.#store.buryAll(endpoint, reason, this.#options.clock.now());
    const count = await buried.finally(() => this.#dispatcher.wake()); // nothing of the endpoint was claimed meanwhile
    if (count > 0) this.#observer.dead?.(endpoint, reason, count);
    return count;
  }

  /** Begins no more attempts, waits for those under way, then aborts them; closes the store. */
  async close(graceMs: number = defaultGraceMs): Promise<void> {
    if (this.#isClosed) return;
    const { clock } = this.#options;
    this.#isClosed = true;
    this.#deadlines.stop();
    this.#orphans.stop();
    const stopped = this.#dispatcher.stop();
    const isDone = await atMost(graceMs, stopped, clock);
    this.#attempts.abort(); // nothing is tried again from here on
    if (!isDone) await atMost(abortedMs, stopped, clock);
    await this.#store.close();
  }

  #added(count: number): void {
    this.#observer.accepted?.(count);
    this.#dispatcher.wake();
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new NotKept('closed', 'the outbox is closing');
  }

  #statusOf(id: string, depth: Depth): EndpointStatus {
    const options = this.#options.endpoints.options(id);
    const endpoint = this.#dispatcher.endpoint(id);
    const { lastSuccessAtMs, lastFailureAtMs, facts } = endpoint;
    const { failingSinceMs, disabled } = facts;
    const state =
      options === undefined ? 'unknown' : disabled ? 'disabled' : options.enabled === false ? 'paused' : 'enabled';
    const circuit = endpoint.circuitState(this.#time.nowMs());
    return { endpoint: id, state, circuit, depth, lastSuccessAtMs, lastFailureAtMs, failingSinceMs, disabled };
  }
}

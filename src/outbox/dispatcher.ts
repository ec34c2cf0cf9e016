import type { Clock } from '../clock.js';
import type { Attempts } from './attempts.js';
import { Endpoint } from './endpoint.js';
import type { EndpointOptions, Endpoints, OutboxObserver } from './ports.js';
import type { SteadyTime } from './steady-time.js';
import type { Claimed, EndpointRoom, OutboxStore, Room } from './store.js';

const defaultConcurrency = 64;
/** Claims of a disabled endpoint, which become dead letters without an attempt. */
const buriedAtOnce = 64;
/** What is delivered and not written down yet; more is not begun, since a crash would repeat it all. */
const mostUnsettled = 512;
const storeRetryMs = 1_000;

export interface DispatcherOptions {
  readonly store: OutboxStore;
  readonly endpoints: Endpoints;
  readonly attempts: Attempts;
  readonly clock: Clock;
  readonly time: SteadyTime;
  readonly observer: OutboxObserver;
  readonly maxConcurrency: number | undefined;
}

interface ConfiguredEndpoint {
  readonly endpoint: Endpoint;
  readonly options: EndpointOptions;
}

/**
 * Claims envelopes while there is room, and has them attempted. What waits is a row of the store: there is one timer for
 * all of it, and one claim at a time.
 */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #maxConcurrency: number;
  #attempting = 0;
  #unsettled = 0;
  #turn = 0;
  #isPlanned = false;
  #isPumping = false;
  #pumping: Promise<void> = Promise.resolve();
  #isWoken = false;
  #isStopped = true;
  #cancelTimer: () => void = () => {};
  #whenIdle: () => void = () => {};

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#maxConcurrency = Math.min(
      options.maxConcurrency ?? defaultConcurrency,
      options.store.maxConcurrency ?? Infinity,
    );
  }

  /** Reads what is known of endpoints that were not there before, and begins to claim for them. Never rejects. */
  async refresh(): Promise<void> {
    const { endpoints, store, observer, clock } = this.#options;
    try {
      for (const id of endpoints.ids()) {
        if (this.#endpoints.has(id)) continue;
        const endpoint = new Endpoint(id);
        endpoint.facts = (await store.facts(id)) ?? {};
        if (!this.#endpoints.has(id)) this.#endpoints.set(id, endpoint);
      }
    } catch (error) {
      if (this.#isStopped) return;
      observer.storeFailed?.(error);
      clock.after(storeRetryMs, () => void this.refresh());
    }
    this.wake();
  }

  async start(): Promise<void> {
    this.#isStopped = false;
    await this.refresh();
  }

  /** What is known of the endpoint; of one that was not used yet, nothing. */
  endpoint(id: string): Endpoint {
    return this.#endpoints.get(id) ?? new Endpoint(id);
  }

  /**
   * Something may be claimable, or there may be room. Hot path: while attempts are under way, what is accepted and what ends
   * within one turn of the event loop leads to one claim.
   */
  wake(): void {
    this.#isWoken = true;
    if (this.#isPlanned || this.#isPumping || this.#isStopped) return;
    if (this.#attempting === 0) {
      this.#start();
      return;
    }
    this.#isPlanned = true;
    setImmediate(this.#start);
  }

  readonly #start = (): void => {
    this.#isPlanned = false;
    if (!this.#isPumping && !this.#isStopped) this.#pumping = this.#pump();
  };

  /** Begins nothing more. Resolves once nothing is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelTimer();
    this.#options.store.interrupt?.();
    await this.#pumping;
    if (this.#unsettled === 0) return;
    await new Promise<void>(resolve => {
      this.#whenIdle = resolve;
    });
  }

  async #pump(): Promise<void> {
    this.#isPumping = true;
    this.#cancelTimer();
    while (this.#isWoken && !this.#isStopped) {
      this.#isWoken = false;
      const nextAtMs = await this.#claim();
      if (!this.#isWoken) this.#setTimer(nextAtMs);
    }
    this.#isPumping = false;
  }

  /** @returns when to look again; undefined: when something happens */
  async #claim(): Promise<number | undefined> {
    const { store, time, observer } = this.#options;
    if (this.#total() === 0) return undefined; // a finished attempt wakes
    try {
      const { claimed, nextDueAtMs } = await store.claim(() => this.#room(), time.nowMs);
      observer.storeAnswered?.();
      if (this.#isStopped) await Promise.all(claimed.map(each => store.release(each)));
      else for (const each of claimed) this.#begin(each);
      if (claimed.length > 0 && this.#hasRoom()) {
        this.#isWoken = true; // there may be more
        return undefined;
      }
      const pollAtMs = store.pollMs === undefined ? Infinity : time.nowMs() + store.pollMs;
      const atMs = Math.min(nextDueAtMs ?? Infinity, this.#roomAtMs(), pollAtMs);
      return atMs === Infinity ? undefined : atMs;
    } catch (error) {
      if (!this.#isStopped) observer.storeFailed?.(error);
      return time.nowMs() + storeRetryMs;
    }
  }

  #setTimer(atMs: number | undefined): void {
    this.#cancelTimer();
    if (atMs === undefined || this.#isStopped) return;
    const waitMs = Math.max(0, atMs - this.#options.time.nowMs());
    this.#cancelTimer = this.#options.clock.after(waitMs, () => this.wake());
  }

  readonly #room = (): Room => {
    const nowMs = this.#options.time.nowMs();
    const rooms: EndpointRoom[] = [];
    let suspectRoom = Math.ceil(this.#maxConcurrency / 2) - this.#suspectsUnderWay();
    const all = this.#configured();
    this.#turn += 1; // another one comes first each time
    for (let index = 0; index < all.length; index += 1) {
      const { endpoint, options } = all[(this.#turn + index) % all.length]!;
      const own = endpoint.isDisabled ? buriedAtOnce : endpoint.room(options, nowMs);
      const count = endpoint.isSuspect && !endpoint.isDisabled ? Math.min(own, Math.max(0, suspectRoom)) : own;
      if (endpoint.isSuspect) suspectRoom -= count;
      if (count > 0) rooms.push({ endpoint: endpoint.id, count, isOrdered: options.ordering === 'key' });
    }
    return { total: this.#total(), endpoints: rooms };
  };

  #hasRoom(): boolean {
    if (this.#total() === 0) return false;
    const nowMs = this.#options.time.nowMs();
    return this.#configured().some(({ endpoint, options }) => endpoint.isDisabled || endpoint.room(options, nowMs) > 0);
  }

  #total(): number {
    return Math.max(0, Math.min(this.#maxConcurrency - this.#attempting, mostUnsettled - this.#unsettled));
  }

  #configured(): ConfiguredEndpoint[] {
    const { endpoints } = this.#options;
    const all: ConfiguredEndpoint[] = [];
    for (const id of endpoints.ids()) {
      const endpoint = this.#endpoints.get(id);
      const options = endpoint && endpoints.options(id);
      if (endpoint !== undefined && options !== undefined) all.push({ endpoint, options });
    }
    return all;
  }

  #suspectsUnderWay(): number {
    let sum = 0;
    for (const endpoint of this.#endpoints.values()) if (endpoint.isSuspect) sum += endpoint.inFlight;
    return sum;
  }

  /** Infinity: nobody knows. */
  #roomAtMs(): number {
    const nowMs = this.#options.time.nowMs();
    let atMs = Infinity;
    for (const { endpoint, options } of this.#configured()) {
      atMs = Math.min(atMs, endpoint.roomAtMs(options, nowMs) ?? Infinity);
    }
    return atMs;
  }

  #begin(claimed: Claimed): void {
    const { attempts, endpoints } = this.#options;
    const endpoint = this.#endpoints.get(claimed.envelope.endpoint) ?? new Endpoint(claimed.envelope.endpoint);
    const options = endpoints.options(endpoint.id) ?? {};
    this.#attempting += 1;
    this.#unsettled += 1;
    let isAttempting = true;
    const attempted = () => {
      if (isAttempting) this.#attempting -= 1;
      isAttempting = false;
      this.wake();
    };
    void attempts.run(claimed, endpoint, options, attempted).then(() => {
      this.#unsettled -= 1;
      attempted();
      if (this.#unsettled === 0) this.#whenIdle();
    });
  }
}

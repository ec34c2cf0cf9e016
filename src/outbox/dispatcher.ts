import type { Clock } from '../clock.js';
import type { Attempts } from './attempts.js';
import { Endpoint } from './endpoint.js';
import type { EndpointOptions, Endpoints, OutboxObserver } from './ports.js';
import type { SteadyTime } from './steady-time.js';
import type { Claim, Claimed, EndpointRoom, OutboxStore, Room } from './store.js';

const defaultConcurrency = 64;
/** Claims of a disabled endpoint, which become dead letters without an attempt. */
const buriedAtOnce = 64;
/** What is under way, or delivered and not written down yet; more is not begun, since a crash would repeat it all. */
const mostUnsettled = 2_048;
/** Of what is delivered and not written down yet: it is in memory. */
const mostUnsettledBytes = 16 * 1024 * 1024;
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
  #unsettledBytes = 0;
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
    if (this.#isPumping || this.#isStopped) return;
    this.#isPumping = true;
    this.#cancelTimer();
    this.#pump();
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

  /** One claim after the other. Hot path: without a promise, unless the store needs one. */
  #pump(): void {
    while (this.#isWoken && !this.#isStopped) {
      this.#isWoken = false;
      const nextAtMs = this.#claim();
      if (nextAtMs instanceof Promise) {
        this.#pumping = nextAtMs.then(atMs => {
          this.#lookAt(atMs);
          this.#pump();
        });
        return;
      }
      this.#lookAt(nextAtMs);
    }
    this.#isPumping = false;
  }

  /** @returns when to look again; undefined: when something happens. Never rejects */
  #claim(): number | undefined | Promise<number | undefined> {
    const { store, time } = this.#options;
    if (this.#total() === 0) return undefined; // a finished attempt wakes
    try {
      const claim = store.claim(this.#room, time.nowMs);
      if (!(claim instanceof Promise)) return this.#begun(claim);
      return claim
        .then(late => (this.#isStopped ? this.#release(late) : this.#begun(late)))
        .catch((error: unknown) => this.#failed(error));
    } catch (error) {
      return this.#failed(error);
    }
  }

  #begun({ claimed, nextDueAtMs }: Claim): number | undefined {
    const { store, time, observer } = this.#options;
    observer.storeAnswered?.();
    for (const each of claimed) this.#begin(each);
    const nowMs = time.nowMs();
    const all = this.#configured();
    if (claimed.length > 0 && this.#total() > 0 && hasRoom(all, nowMs)) {
      this.#isWoken = true; // there may be more
      return undefined;
    }
    const pollAtMs = store.pollMs === undefined ? Infinity : nowMs + store.pollMs;
    const atMs = Math.min(nextDueAtMs ?? Infinity, roomAtMs(all, nowMs), pollAtMs);
    return atMs === Infinity ? undefined : atMs;
  }

  async #release({ claimed }: Claim): Promise<undefined> {
    await Promise.all(claimed.map(each => this.#options.store.release(each)));
  }

  #failed(error: unknown): number {
    const { observer, time } = this.#options;
    if (!this.#isStopped) observer.storeFailed?.(error);
    return time.nowMs() + storeRetryMs;
  }

  #lookAt(atMs: number | undefined): void {
    if (!this.#isWoken) this.#setTimer(atMs);
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

  #total(): number {
    if (this.#unsettledBytes >= mostUnsettledBytes) return 0;
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

  #begin(claimed: Claimed): void {
    const { attempts, endpoints } = this.#options;
    const endpoint = this.#endpoints.get(claimed.envelope.endpoint) ?? new Endpoint(claimed.envelope.endpoint);
    const options = endpoints.options(endpoint.id) ?? {};
    this.#attempting += 1;
    this.#unsettled += 1;
    const { byteLength } = claimed.envelope.content;
    let isAttempting = true;
    const attempted = () => {
      this.#attempting -= 1;
      this.#unsettledBytes += byteLength;
      isAttempting = false;
      this.wake();
    };
    const settled = () => {
      this.#unsettled -= 1;
      if (isAttempting) this.#attempting -= 1;
      else this.#unsettledBytes -= byteLength;
      this.wake();
      if (this.#unsettled === 0) this.#whenIdle();
    };
    attempts.run(claimed, endpoint, options, { attempted, settled });
  }
}

function hasRoom(all: readonly ConfiguredEndpoint[], nowMs: number): boolean {
  return all.some(({ endpoint, options }) => endpoint.isDisabled || endpoint.room(options, nowMs) > 0);
}

/** Infinity: nobody knows. */
function roomAtMs(all: readonly ConfiguredEndpoint[], nowMs: number): number {
  let atMs = Infinity;
  for (const { endpoint, options } of all) atMs = Math.min(atMs, endpoint.roomAtMs(options, nowMs) ?? Infinity);
  return atMs;
}

import type { Clock } from '../clock.js';
import type { Endpoints, OutboxObserver } from './ports.js';
import { type Depth, type OutboxStore, wholeQueue } from './store.js';

/** So long an endpoint is missing before it counts as removed: an operator may just be changing it. */
const graceMs = 60_000;

export interface OrphansOptions {
  readonly store: Pick<OutboxStore, 'depths' | 'pollMs'>;
  readonly endpoints: Endpoints;
  readonly clock: Clock;
  readonly observer: OutboxObserver;
  /** Makes dead letters of all that waits for the endpoint. */
  readonly bury: (endpoint: string, reason: string) => Promise<unknown>;
}

/** What waits for an endpoint that is not configured any more becomes dead letters, after a minute or two. */
export class Orphans {
  readonly #options: OrphansOptions;
  /** Since when, in monotonic milliseconds. */
  readonly #missingSince = new Map<string, number>();
  #isStarted = false;
  #looking: Promise<void> = Promise.resolve();
  #cancelTimer: (() => void) | undefined;

  constructor(options: OrphansOptions) {
    this.#options = options;
  }

  start(): void {
    this.#isStarted = true;
    this.#look();
  }

  /** Endpoints have changed, or envelopes have got to one that may not be configured. */
  changed(): void {
    if (!this.#isStarted) return;
    this.#look();
    this.#lookLater(); // at what is still being written
  }

  stop(): void {
    this.#isStarted = false;
    this.#cancelTimer?.();
  }

  #look(): void {
    this.#looking = this.#looking
      .then(() => this.#buryMissing())
      .catch((error: unknown) => {
        if (!this.#isStarted) return;
        this.#options.observer.storeFailed?.(error);
        this.#lookLater();
      });
  }

  #lookLater(): void {
    if (!this.#isStarted) return;
    this.#cancelTimer ??= this.#options.clock.after(graceMs, () => {
      this.#cancelTimer = undefined;
      this.#look();
    });
  }

  async #buryMissing(): Promise<void> {
    const { store, endpoints, clock, bury } = this.#options;
    const depths = [...(await store.depths())].filter(([id, depth]) => isWaiting(id, depth));
    const missing = new Set(depths.map(([id]) => id).filter(id => endpoints.options(id) === undefined));
    const nowMs = clock.monotonicMs();
    for (const id of this.#missingSince.keys()) if (!missing.has(id)) this.#missingSince.delete(id);
    for (const id of missing) {
      const sinceMs = this.#missingSince.get(id) ?? nowMs;
      this.#missingSince.set(id, sinceMs);
      if (nowMs - sinceMs >= graceMs) await bury(id, `endpoint_removed: ${id} is not configured`);
    }
    const mayOthersAdd = store.pollMs !== undefined;
    if (missing.size > 0 || mayOthersAdd) this.#lookLater();
  }
}

/** What is in delivery may wait for another attempt later. */
function isWaiting(id: string, { ready, delayed, inFlight }: Depth): boolean {
  return id !== wholeQueue && ready + delayed + inFlight > 0;
}

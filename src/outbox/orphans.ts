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

/**
 * What waits for an endpoint that is not configured any more becomes dead letters, after a minute or two. Of a queue that
 * other processes share, this is so only for what this process had and a reload took away: another process may have the
 * rest. The rest waits, and is told once.
 */
export class Orphans {
  readonly #options: OrphansOptions;
  /** Since when, in monotonic milliseconds. */
  readonly #missingSince = new Map<string, number>();
  #configured: ReadonlySet<string> = new Set();
  /** By a reload of this process: when, in monotonic milliseconds. Until what waited then is a dead letter. */
  readonly #removedAt = new Map<string, number>();
  readonly #told = new Set<string>();
  #isStarted = false;
  #looking: Promise<void> = Promise.resolve();
  #cancelTimer: (() => void) | undefined;

  constructor(options: OrphansOptions) {
    this.#options = options;
  }

  start(): void {
    this.#isStarted = true;
    this.#compare();
    this.#look();
  }

  /** Endpoints have changed, or envelopes have got to one that may not be configured. */
  changed(): void {
    if (!this.#isStarted) return;
    this.#compare();
    this.#look();
    this.#lookLater(); // at what is still being written
  }

  stop(): void {
    this.#isStarted = false;
    this.#cancelTimer?.();
  }

  /** What is configured, with what was before. */
  #compare(): void {
    const { endpoints, clock } = this.#options;
    const now = new Set(endpoints.ids());
    for (const id of this.#configured) if (!now.has(id)) this.#removedAt.set(id, clock.monotonicMs());
    for (const id of now) this.#removedAt.delete(id);
    this.#configured = now;
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
    const { store, endpoints, clock } = this.#options;
    const waiting = [...(await store.depths())].filter(([id, depth]) => isWaiting(id, depth));
    const missing = new Map(waiting.filter(([id]) => endpoints.options(id) === undefined));
    const nowMs = clock.monotonicMs();
    for (const id of this.#missingSince.keys()) if (!missing.has(id)) this.#missingSince.delete(id);
    for (const [id, atMs] of this.#removedAt) {
      if (!missing.has(id) && nowMs - atMs >= graceMs) this.#removedAt.delete(id);
    }
    for (const [id, depth] of missing) {
      const sinceMs = this.#missingSince.get(id) ?? nowMs;
      this.#missingSince.set(id, sinceMs);
      if (nowMs - sinceMs >= graceMs) await this.#end(id, depth);
    }
    if (missing.size > 0 || this.#isShared) this.#lookLater();
  }

  async #end(id: string, { ready, delayed, inFlight }: Depth): Promise<void> {
    const { bury, observer } = this.#options;
    if (!this.#isShared || this.#removedAt.has(id)) {
      await bury(id, removedReason(id));
      if (inFlight === 0) this.#removedAt.delete(id); // what comes later is of a process that has it
    } else if (!this.#told.has(id)) {
      this.#told.add(id);
      observer.leftWaiting?.(id, ready + delayed + inFlight);
    }
  }

  /** Other processes may add. */
  get #isShared(): boolean {
    return this.#options.store.pollMs !== undefined;
  }
}

export function removedReason(endpoint: string): string {
  return `endpoint_removed: ${endpoint} is not configured`;
}

/** What is in delivery may wait for another attempt later. */
function isWaiting(id: string, { ready, delayed, inFlight }: Depth): boolean {
  return id !== wholeQueue && ready + delayed + inFlight > 0;
}

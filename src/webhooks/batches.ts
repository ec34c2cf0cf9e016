import type { Clock } from '../clock.js';

/** When the events that wait for one endpoint leave: at the first of these. [pusher-webhooks 1.3, row 25] */
export interface BatchLimits {
  /** Milliseconds since the first of them. */
  readonly durationMs: number;
  readonly size: number;
  /** Of the JSON texts of the events. A single larger event leaves alone. */
  readonly maxBytes: number;
}

/** Events that leave together, in the order in which they were added. */
export interface Batch<Endpoint> {
  readonly endpoint: Endpoint;
  readonly lane: string;
  readonly events: readonly string[];
  /** Ids of envelopes that keep events of it meanwhile. */
  readonly drafts: Set<string>;
}

/** Of what leaves at once. */
const noDrafts = new Set<string>();

/** Events of a batch that waits. */
export interface FreshEvents<Endpoint> {
  readonly batch: Batch<Endpoint>;
  readonly events: readonly string[];
  /** Milliseconds after which the batch has left. */
  readonly durationMs: number;
}

/** A batch that waits. */
interface Waiting<Endpoint> extends Batch<Endpoint> {
  readonly events: string[];
  readonly durationMs: number;
  readonly cancelTimer: () => void;
  bytes: number;
  /** Those of the events that nobody keeps and that `takeFresh` has not given. */
  fresh: string[];
}

/**
 * Collects events per endpoint and lane. A lane is what must not share an envelope with others: an encrypted channel, or
 * each channel where order is kept by channel.
 */
export class Batches<Endpoint extends object> {
  readonly #clock: Clock;
  readonly #leave: (batch: Batch<Endpoint>) => void;
  readonly #waiting = new Map<Endpoint, Map<string, Waiting<Endpoint>>>();
  /** Those with events that `takeFresh` has not given. */
  readonly #fresh = new Set<Waiting<Endpoint>>();

  /** @param leave called within `add`, from a timer, or within `flush` */
  constructor(clock: Clock, leave: (batch: Batch<Endpoint>) => void) {
    this.#clock = clock;
    this.#leave = leave;
  }

  /**
   * @param limits undefined: it leaves at once and alone
   * @param draft id of the envelope that keeps it already
   */
  add(endpoint: Endpoint, lane: string, event: string, limits: BatchLimits | undefined, draft?: string): void {
    if (limits === undefined) {
      this.#leave({ endpoint, lane, events: [event], drafts: noDrafts });
      return;
    }
    const bytes = Buffer.byteLength(event, 'utf8') + 1; // and a comma
    const before = this.#waiting.get(endpoint)?.get(lane);
    if (before !== undefined && before.bytes + bytes > limits.maxBytes) this.#flushLane(endpoint, lane);
    const batch = this.#waiting.get(endpoint)?.get(lane) ?? this.#open(endpoint, lane, limits.durationMs);
    batch.events.push(event);
    batch.bytes += bytes;
    if (draft === undefined) this.#freshen(batch, event);
    else batch.drafts.add(draft);
    if (batch.events.length >= limits.size || batch.bytes >= limits.maxBytes) this.#flushLane(endpoint, lane);
  }

  /** Does an event wait that is not kept, and that `takeFresh` has not given? */
  get hasFresh(): boolean {
    return this.#fresh.size > 0;
  }

  /** The events that wait, are not kept and were not given before. They go on waiting. */
  takeFresh(): readonly FreshEvents<Endpoint>[] {
    const all = [...this.#fresh].map(batch => {
      const events = batch.fresh;
      batch.fresh = [];
      return { batch, events, durationMs: batch.durationMs };
    });
    this.#fresh.clear();
    return all;
  }

  /** Lets what waits leave now. */
  flush(): void {
    for (const [endpoint, lanes] of [...this.#waiting]) {
      for (const lane of [...lanes.keys()]) this.#flushLane(endpoint, lane);
    }
  }

  #freshen(batch: Waiting<Endpoint>, event: string): void {
    batch.fresh.push(event);
    this.#fresh.add(batch);
  }

  #open(endpoint: Endpoint, lane: string, durationMs: number): Waiting<Endpoint> {
    const lanes = this.#waiting.get(endpoint) ?? new Map<string, Waiting<Endpoint>>();
    this.#waiting.set(endpoint, lanes);
    const cancelTimer = this.#clock.after(durationMs, () => this.#flushLane(endpoint, lane));
    const batch = {
      endpoint,
      lane,
      events: [],
      drafts: new Set<string>(),
      durationMs,
      cancelTimer,
      bytes: 0,
      fresh: [],
    };
    lanes.set(lane, batch);
    return batch;
  }

  #flushLane(endpoint: Endpoint, lane: string): void {
    const lanes = this.#waiting.get(endpoint);
    const batch = lanes?.get(lane);
    if (lanes === undefined || batch === undefined) return;
    lanes.delete(lane);
    if (lanes.size === 0) this.#waiting.delete(endpoint);
    this.#fresh.delete(batch);
    batch.cancelTimer();
    this.#leave(batch);
  }
}

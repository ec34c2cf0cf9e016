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
}

/** Events that wait. */
interface Buffered {
  readonly events: string[];
  bytes: number;
  readonly cancelTimer: () => void;
}

/**
 * Collects events per endpoint and lane. A lane is what must not share an envelope with others: an encrypted channel, or
 * each channel where order is kept by channel.
 */
export class Batches<Endpoint extends object> {
  readonly #clock: Clock;
  readonly #leave: (batch: Batch<Endpoint>) => void;
  readonly #waiting = new Map<Endpoint, Map<string, Buffered>>();

  /** @param leave called within `add`, from a timer, or within `flush` */
  constructor(clock: Clock, leave: (batch: Batch<Endpoint>) => void) {
    this.#clock = clock;
    this.#leave = leave;
  }

  /** @param limits undefined: it leaves at once and alone */
  add(endpoint: Endpoint, lane: string, event: string, limits: BatchLimits | undefined): void {
    if (limits === undefined) {
      this.#leave({ endpoint, lane, events: [event] });
      return;
    }
    const bytes = Buffer.byteLength(event, 'utf8') + 1; // and a comma
    const before = this.#waiting.get(endpoint)?.get(lane);
    if (before !== undefined && before.bytes + bytes > limits.maxBytes) this.#flushLane(endpoint, lane);
    const buffered = this.#waiting.get(endpoint)?.get(lane) ?? this.#open(endpoint, lane, limits.durationMs);
    buffered.events.push(event);
    buffered.bytes += bytes;
    if (buffered.events.length >= limits.size || buffered.bytes >= limits.maxBytes) this.#flushLane(endpoint, lane);
  }

  /** Lets what waits leave now. @param endpoint undefined: of all */
  flush(endpoint?: Endpoint): void {
    const endpoints = endpoint === undefined ? [...this.#waiting.keys()] : [endpoint];
    for (const one of endpoints)
      for (const lane of [...(this.#waiting.get(one)?.keys() ?? [])]) this.#flushLane(one, lane);
  }

  #open(endpoint: Endpoint, lane: string, durationMs: number): Buffered {
    const lanes = this.#waiting.get(endpoint) ?? new Map<string, Buffered>();
    this.#waiting.set(endpoint, lanes);
    const cancelTimer = this.#clock.after(durationMs, () => this.#flushLane(endpoint, lane));
    const buffered: Buffered = { events: [], bytes: 0, cancelTimer };
    lanes.set(lane, buffered);
    return buffered;
  }

  #flushLane(endpoint: Endpoint, lane: string): void {
    const lanes = this.#waiting.get(endpoint);
    const buffered = lanes?.get(lane);
    if (lanes === undefined || buffered === undefined) return;
    lanes.delete(lane);
    if (lanes.size === 0) this.#waiting.delete(endpoint);
    buffered.cancelTimer();
    this.#leave({ endpoint, lane, events: buffered.events });
  }
}

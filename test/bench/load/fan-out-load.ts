import { maskedText } from './frames.js';
import type { Guard } from './guard.js';
import type { RawClient } from './raw-client.js';
import { drainTimeoutMs, type Load, Slice, type Work } from './slice.js';

/** Messages that are told apart at a time: a power of two above any number in flight. */
const ring = 64;

/** One subscriber in this many has its latencies taken. */
const sampled = 20;

/** One publisher, many subscribers, and always the same number of messages that not all subscribers have yet. */
export class FanOutLoad implements Load {
  readonly #publisher: RawClient;
  readonly #subscribers: readonly RawClient[];
  /** By number of messages less one: that many copies of the publisher's frame, for one write. */
  readonly #bursts: readonly Buffer[];
  readonly #inFlight: number;
  readonly #guard: Guard;
  readonly #publishedAtMs = new Float64Array(ring);
  /** How many subscribers have a message, by its number modulo `ring`. */
  readonly #arrivals = new Uint32Array(ring);
  #published = 0;
  #completed = 0;
  #slice: Slice | undefined;

  constructor(
    publisher: RawClient,
    subscribers: readonly RawClient[],
    request: string,
    inFlight: number,
    guard: Guard,
  ) {
    this.#publisher = publisher;
    this.#subscribers = subscribers;
    const frame = maskedText(request);
    this.#bursts = Array.from({ length: inFlight }, (_, index) => Buffer.concat(Array(index + 1).fill(frame)));
    this.#inFlight = inFlight;
    this.#guard = guard;
  }

  /** Publishes one message and has every subscriber's copy looked at; then only lengths are. */
  async prime(check: (message: string) => void): Promise<void> {
    this.#publisher.write(this.#bursts[0]!);
    const coming = Promise.all(this.#subscribers.map(subscriber => subscriber.next()));
    const copies = await this.#guard.during(coming, drainTimeoutMs);
    copies.forEach(check);
    const bytes = Buffer.byteLength(copies[0] ?? '');
    this.#subscribers.forEach((subscriber, index) => {
      subscriber.startCounting(bytes, this.#counterOf(index % sampled === 0));
    });
  }

  run(durationMs: number): Promise<Work> {
    this.#slice = new Slice();
    this.#publish(this.#inFlight);
    return this.#slice.run(durationMs, this.#guard);
  }

  #counterOf(isSampled: boolean): (count: number) => void {
    let seen = 0;
    return count => {
      if (isSampled) this.#sample(seen, count);
      this.#arrived(seen, count);
      seen += count;
    };
  }

  #sample(from: number, count: number): void {
    const now = performance.now();
    const latencies = this.#slice!.latenciesMs;
    for (let number = from; number < from + count; number += 1) {
      latencies.push(now - this.#publishedAtMs[number % ring]!);
    }
  }

  #arrived(from: number, count: number): void {
    const arrivals = this.#arrivals;
    const everyone = this.#subscribers.length;
    let complete = 0;
    for (let number = from; number < from + count; number += 1) {
      const slot = number % ring;
      arrivals[slot]! += 1;
      if (arrivals[slot] === everyone) {
        arrivals[slot] = 0;
        complete += 1;
      }
    }
    this.#slice!.done += count;
    if (complete > 0) this.#onComplete(complete);
  }

  #onComplete(count: number): void {
    this.#completed += count;
    if (this.#slice!.isOpen) this.#publish(count);
    else if (this.#completed === this.#published) this.#slice!.finish();
  }

  #publish(count: number): void {
    const now = performance.now();
    for (let index = 0; index < count; index += 1) {
      this.#publishedAtMs[this.#published % ring] = now;
      this.#published += 1;
    }
    this.#publisher.write(this.#bursts[count - 1]!);
  }
}

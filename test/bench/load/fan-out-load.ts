import type { Lengths } from './frames.js';
import type { Guard } from './guard.js';
import type { RawClient } from './raw-client.js';
import { drainTimeoutMs, type Load, Slice, type Work } from './slice.js';

/** Messages that are told apart at a time: a power of two above any number in flight. */
const ring = 64;

/** One subscriber in this many has its latencies taken. */
const sampled = 20;

/** Messages that a reliable subscriber gets before it acknowledges them; the vendor's clients do so once a second, which is rarer here. */
const ackEvery = 250;

/** Who hears the messages. */
export interface Subscriber {
  readonly client: RawClient;
  lengthsOf(message: Buffer): Lengths;
  readonly acknowledge?: (sequenceId: number) => Buffer;
  /** Numbered messages that it got before the load's first; none unless it says so. */
  readonly heardBefore?: number;
  /** A frame that the server answers with nothing, for a server that pings silent clients with messages. */
  readonly signOfLife?: Buffer;
}

/** How often subscribers give a sign of life: half of the shortest time after which a server pings them. */
const signOfLifeMs = 60_000;

/** Puts `count` messages on their way, in one write where the protocol has it so. */
export type Publish = (count: number) => void;

/** One publisher, many subscribers, and always the same number of messages that not all subscribers have yet. */
export class FanOutLoad implements Load {
  readonly #send: Publish;
  readonly #subscribers: readonly Subscriber[];
  readonly #inFlight: number;
  readonly #guard: Guard;
  readonly #publishedAtMs = new Float64Array(ring);
  /** How many subscribers have a message, by its number modulo `ring`. */
  readonly #arrivals = new Uint32Array(ring);
  #published = 0;
  #completed = 0;
  #signOfLifeAtMs = performance.now();
  #slice: Slice | undefined;

  constructor(send: Publish, subscribers: readonly Subscriber[], inFlight: number, guard: Guard) {
    this.#send = send;
    this.#subscribers = subscribers;
    this.#inFlight = inFlight;
    this.#guard = guard;
  }

  /** Publishes one message and has every subscriber's copy looked at; then only lengths are. */
  async prime(check: (message: Buffer, subscriber: number) => void): Promise<void> {
    this.#send(1);
    const coming = Promise.all(this.#subscribers.map(({ client }) => client.next()));
    const copies = await this.#guard.during(coming, drainTimeoutMs);
    copies.forEach(check);
    for (const [index, subscriber] of this.#subscribers.entries()) {
      subscriber.client.startCounting(subscriber.lengthsOf(copies[index]!), this.#counterOf(subscriber, index));
    }
  }

  async prepare(): Promise<void> {
    if (performance.now() - this.#signOfLifeAtMs < signOfLifeMs) return;
    this.#signOfLifeAtMs = performance.now();
    for (const { client, signOfLife } of this.#subscribers) if (signOfLife !== undefined) client.write(signOfLife);
  }

  run(durationMs: number): Promise<Work> {
    this.#slice = new Slice();
    this.#publish(this.#inFlight);
    return this.#slice.run(durationMs, this.#guard);
  }

  #counterOf(subscriber: Subscriber, index: number): (count: number) => void {
    const isSampled = index % sampled === 0;
    const acknowledge = acknowledging(subscriber);
    let seen = 0;
    return count => {
      if (isSampled) this.#sample(seen, count);
      this.#arrived(seen, count);
      seen += count;
      acknowledge?.(seen + 1); // the sample was the first
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
    this.#send(count);
  }
}

/** Writes frames made beforehand, those of one call in one write. */
export function publishing(publisher: RawClient, frame: Buffer, inFlight: number): Publish {
  const bursts = Array.from({ length: inFlight }, (_, index) => Buffer.concat(Array<Buffer>(index + 1).fill(frame)));
  return count => publisher.write(bursts[count - 1]!);
}

/** Answers what is told how many messages of the load there were. */
function acknowledging({ client, acknowledge, heardBefore = 0 }: Subscriber): ((count: number) => void) | undefined {
  if (acknowledge === undefined) return undefined;
  let acked = 0;
  return count => {
    if (count - acked < ackEvery) return;
    acked = count;
    client.write(acknowledge(heardBefore + count));
  };
}

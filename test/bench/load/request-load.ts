import { maskedText } from './frames.js';
import type { Guard } from './guard.js';
import type { RawClient } from './raw-client.js';
import { drainTimeoutMs, type Load, Slice, type Work } from './slice.js';

/** One client in this many has its latencies taken. */
const sampled = 4;

/** The first ackId. All have the same number of digits, so that acks of success have one length and failures another. */
export const firstAckId = 100_000;

/** Prepared requests, each with an ackId of its own; more than the service remembers, so they can be used again. [client-protocols 4.4] */
const preparedRequests = 2_048;

/** Many clients, each with one request that is not answered yet. */
export class RequestLoad implements Load {
  readonly #clients: readonly RawClient[];
  readonly #frames: readonly Buffer[];
  readonly #guard: Guard;
  readonly #sentAtMs: Float64Array;
  readonly #next: Uint32Array;
  #pending = 0;
  #slice: Slice | undefined;

  constructor(clients: readonly RawClient[], requestOf: (ackId: number) => string, guard: Guard) {
    this.#clients = clients;
    this.#frames = Array.from({ length: preparedRequests }, (_, index) => maskedText(requestOf(firstAckId + index)));
    this.#guard = guard;
    this.#sentAtMs = new Float64Array(clients.length);
    this.#next = new Uint32Array(clients.length);
  }

  /** Sends one request from each client, one after another, and has its ack looked at; then only lengths are. */
  async prime(check: (ack: Buffer) => void): Promise<void> {
    for (const [index, client] of this.#clients.entries()) {
      client.write(this.#frameFor(index));
      const ack = await this.#guard.during(client.next(), drainTimeoutMs);
      check(ack);
      client.startCounting({ least: ack.length, most: ack.length }, count => this.#acked(index, count));
    }
  }

  run(durationMs: number): Promise<Work> {
    this.#slice = new Slice();
    this.#pending = this.#clients.length;
    for (let index = 0; index < this.#clients.length; index += 1) this.#send(index);
    return this.#slice.run(durationMs, this.#guard);
  }

  #acked(index: number, count: number): void {
    const slice = this.#slice!;
    if (count !== 1) throw new Error('a request was acked more than once');
    slice.done += 1;
    if (index % sampled === 0) slice.latenciesMs.push(performance.now() - this.#sentAtMs[index]!);
    if (slice.isOpen) {
      this.#send(index);
      return;
    }
    this.#pending -= 1;
    if (this.#pending === 0) slice.finish();
  }

  #send(index: number): void {
    if (index % sampled === 0) this.#sentAtMs[index] = performance.now();
    this.#clients[index]!.write(this.#frameFor(index));
  }

  #frameFor(index: number): Buffer {
    const number = this.#next[index]!;
    this.#next[index] = number + 1;
    return this.#frames[number % preparedRequests]!;
  }
}

import { maskedText } from './frames.js';
import type { Guard } from './guard.js';
import type { RawClient } from './raw-client.js';
import { type Load, Slice, type Work } from './slice.js';

/** The first ackId and the first group: all have the same number of digits, so that all acks have one length. */
const first = 1_000_000;

/** Timers are late by a millisecond or more; what is due by then is sent at once. */
const tickMs = 2;

/** Clients that join groups in turn, each a group that nobody is in, so many a second whether or not those before are acked. */
export class PacedJoins implements Load {
  readonly #clients: readonly RawClient[];
  readonly #perSecond: number;
  readonly #guard: Guard;
  /** When the joins of each client that are not acked were sent, the oldest first. */
  readonly #sentAtMs: readonly number[][];
  #joined = 0;
  #pending = 0;
  #slice: Slice | undefined;

  constructor(clients: readonly RawClient[], perSecond: number, guard: Guard) {
    this.#clients = clients;
    this.#perSecond = perSecond;
    this.#guard = guard;
    this.#sentAtMs = clients.map(() => []);
  }

  /** Joins once with each client and has the ack looked at; then only lengths are. */
  async prime(check: (ack: Buffer) => void): Promise<void> {
    for (const [index, client] of this.#clients.entries()) {
      client.write(this.#nextJoin());
      const ack = await this.#guard.during(client.next(), 10_000);
      check(ack);
      client.startCounting({ least: ack.length, most: ack.length }, count => this.#acked(index, count));
    }
  }

  async run(durationMs: number): Promise<Work> {
    const slice = new Slice();
    this.#slice = slice;
    const pacing = this.#pace(slice);
    try {
      return await slice.run(durationMs, this.#guard);
    } finally {
      clearInterval(pacing);
    }
  }

  #pace(slice: Slice): NodeJS.Timeout {
    const startedMs = performance.now();
    let sent = 0;
    return setInterval(() => {
      if (!slice.isOpen) {
        if (this.#pending === 0) slice.finish();
        return;
      }
      const due = Math.floor(((performance.now() - startedMs) * this.#perSecond) / 1_000);
      for (; sent < due; sent += 1) this.#join();
    }, tickMs);
  }

  #join(): void {
    const index = this.#joined % this.#clients.length;
    this.#sentAtMs[index]!.push(performance.now());
    this.#pending += 1;
    this.#clients[index]!.write(this.#nextJoin());
  }

  #nextJoin(): Buffer {
    const number = first + this.#joined;
    this.#joined += 1;
    return maskedText(JSON.stringify({ type: 'joinGroup', group: `group-${number}`, ackId: number }));
  }

  #acked(index: number, count: number): void {
    const now = performance.now();
    const slice = this.#slice!;
    for (const sentMs of this.#sentAtMs[index]!.splice(0, count)) slice.latenciesMs.push(now - sentMs);
    slice.done += count;
    this.#pending -= count;
  }
}

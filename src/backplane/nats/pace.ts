import type { Entry } from './ring.js';

/** What waits is sent so much faster than it came. */
const speed = 2;

/**
 * Messages that are sent at this rate in any case, by all nodes together. A client may get all of them, may leave 1,000
 * unacknowledged, and acknowledges once a second. [client-protocols 5.1]
 */
const free = { atOnce: 200, perSecond: 400 };

/** Such a client may leave 16 MiB unacknowledged: so many bytes are like a message. */
const bytesPerMessage = (16 * 1024 * 1024) / 1_000;

/** Where so little came that all of it was sent in any case, what comes next is due no later than after this. */
const mostGapMs = 2_000;

/** So much is made up for in one step: of a process that stands still for longer, the rest is not sent all at once. */
const mostStepMs = 250;

/**
 * The pace of what was kept while there was no connection. It is sent in its order, twice as fast as it came, and so is what is
 * added behind it: a client gets no more at a time than twice what it would have got, from however many targets and nodes, and
 * there is an end, whatever the load. A small backlog is sent faster. [cluster 3.5]
 */
export class Pace {
  readonly #senders: () => number;
  #nowMs: number | undefined;
  /** What was added so long ago is due. */
  #behindMs = Number.POSITIVE_INFINITY;
  #freeAtOnce = 0;
  #freePerMs = 0;
  #free = 0;
  #mostBytes = 0;
  #isHurried = false;

  /** @param senders nodes that may send to the same client; read when it begins */
  constructor(senders: () => number) {
    this.#senders = senders;
  }

  /** Time has passed; the first time, it begins. @param nowMs monotonic @param waitingBytes of all that waits */
  advance(nowMs: number, waitingBytes: number): void {
    if (this.#nowMs === undefined) this.#begin(waitingBytes);
    const stepMs = nowMs - (this.#nowMs ?? nowMs);
    this.#nowMs = nowMs;
    this.#behindMs -= Math.min(stepMs, mostStepMs) * (speed - 1);
    this.#free = Math.min(this.#free + stepMs * this.#freePerMs, this.#freeAtOnce);
  }

  /**
   * May the next one be sent now? It counts as sent then. More never waits than when it began: load that comes faster than it
   * is sent pushes it out. @param waitingBytes with this one
   */
  admits({ addedAtMs, commands, bytes }: Entry, waitingBytes: number): boolean {
    const lateMs = this.#nowMs! - addedAtMs;
    if (this.#behindMs === Number.POSITIVE_INFINITY) this.#behindMs = lateMs;
    const messages = Math.max(commands, bytes.length / bytesPerMessage);
    const isDue = lateMs >= this.#behindMs || messages <= this.#free;
    if (!isDue && waitingBytes <= this.#mostBytes && !this.#isHurried) return false;
    this.#behindMs = Math.min(this.#behindMs, lateMs + mostGapMs);
    this.#free = Math.max(0, this.#free - messages);
    return true;
  }

  /** From now on all may be sent. */
  hurry(): void {
    this.#isHurried = true;
  }

  #begin(waitingBytes: number): void {
    const senders = Math.max(1, this.#senders());
    this.#freeAtOnce = free.atOnce / senders;
    this.#freePerMs = free.perSecond / 1_000 / senders;
    this.#free = this.#freeAtOnce;
    this.#mostBytes = waitingBytes;
  }
}

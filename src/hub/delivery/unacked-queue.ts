import type { Body } from '../../frames/body.js';
import type { Numbering } from '../../protocols/protocol.js';
import type { UnackedRecord } from '../session.js';
import { BodyBatch } from './batch.js';

/** A message of a session that its client has not acknowledged. */
export interface Unacked {
  readonly sequenceId: number;
  readonly body: Body;
  /** Monotonic milliseconds; infinite for a message that never expires. */
  readonly expiresAtMs: number;
}

/** @param nowMs monotonic */
export function recordOf({ sequenceId, body, expiresAtMs }: Unacked, nowMs: number): UnackedRecord {
  const ttlMs = expiresAtMs === Number.POSITIVE_INFINITY ? undefined : expiresAtMs - nowMs;
  return { sequenceId, body: body.record(), ttlMs };
}

/** @param nowMs monotonic. @throws PubSubError `malformed` for a body that is not of this protocol */
export function unackedFrom(
  { sequenceId, body, ttlMs = Number.POSITIVE_INFINITY }: UnackedRecord,
  numbering: Numbering,
  nowMs: number,
): Unacked {
  return { sequenceId, body: numbering.restore(body), expiresAtMs: nowMs + ttlMs };
}

/** Places that a queue begins with, and above which it gives its memory back once it is empty. */
const leastPlaces = 16;
const keptPlaces = 512;

/**
 * Batches in the order of their ids, as a ring of columns: a fan-out adds to the queue of each of its receivers, and an
 * object apiece, or arrays that grow anew after each acknowledgement, are what the garbage collector then spends its
 * time on. [design 4]
 */
export class UnackedQueue {
  #firstIds: number[] = [];
  #batches: (BodyBatch | undefined)[] = [];
  /** Where the oldest is. The number of places is a power of two. */
  #first = 0;
  #batchCount = 0;
  /** Messages of the oldest batch that are acknowledged. */
  #released = 0;
  /** Messages. */
  size = 0;
  /** Of all messages, without their numbers. */
  bytes = 0;

  /** @throws as `unackedFrom` */
  static from(records: readonly UnackedRecord[], numbering: Numbering, nowMs: number): UnackedQueue {
    const queue = new UnackedQueue();
    for (const record of records) {
      const { sequenceId, body, expiresAtMs } = unackedFrom(record, numbering, nowMs);
      queue.add(sequenceId, new BodyBatch([{ body, expiresAtMs }]));
    }
    return queue;
  }

  record(nowMs: number): UnackedRecord[] {
    const records: UnackedRecord[] = [];
    for (let next = this.after(0); next !== undefined; next = this.after(next.sequenceId)) {
      records.push(recordOf(next, nowMs));
    }
    return records;
  }

  add(firstId: number, batch: BodyBatch): void {
    if (this.#batchCount === this.#batches.length) this.#grow();
    const at = this.#place(this.#batchCount);
    this.#firstIds[at] = firstId;
    this.#batches[at] = batch;
    this.#batchCount += 1;
    this.size += batch.length;
    this.bytes += batch.bytes;
  }

  /** Forgets all ids up to this one. */
  release(upTo: number): void {
    while (this.#batchCount > 0) {
      const batch = this.#batches[this.#first]!;
      const released = Math.min(batch.length, upTo - this.#firstIds[this.#first]! + 1);
      if (released > this.#released) this.#forget(batch, released);
      if (released < batch.length) return;
      this.#dropOldest();
    }
    if (this.#batches.length > keptPlaces) this.#resize(0);
  }

  /** The first one whose id is above this. */
  after(sequenceId: number): Unacked | undefined {
    const index = this.#indexOf(sequenceId + 1);
    if (index === this.#batchCount) return undefined;
    const at = this.#place(index);
    const [batch, firstId] = [this.#batches[at]!, this.#firstIds[at]!];
    const offset = Math.max(sequenceId + 1 - firstId, index === 0 ? this.#released : 0);
    return { sequenceId: firstId + offset, body: batch.body(offset), expiresAtMs: batch.expiresAtMs(offset) };
  }

  /** Of the first batch that has this id or a later one. */
  #indexOf(sequenceId: number): number {
    let [low, high] = [0, this.#batchCount];
    while (low < high) {
      const middle = (low + high) >> 1;
      const at = this.#place(middle);
      if (this.#firstIds[at]! + this.#batches[at]!.length > sequenceId) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #place(index: number): number {
    return (this.#first + index) & (this.#batches.length - 1);
  }

  /** So many messages of the oldest batch are acknowledged now. */
  #forget(batch: BodyBatch, released: number): void {
    this.size -= released - this.#released;
    this.bytes -= batch.bytesOfFirst(released) - batch.bytesOfFirst(this.#released);
    this.#released = released;
  }

  #dropOldest(): void {
    this.#batches[this.#first] = undefined;
    this.#first = (this.#first + 1) & (this.#batches.length - 1);
    this.#batchCount -= 1;
    this.#released = 0;
  }

  #grow(): void {
    this.#resize(Math.max(leastPlaces, this.#batches.length * 2));
  }

  #resize(places: number): void {
    const [firstIds, batches, mask] = [this.#firstIds, this.#batches, this.#batches.length - 1];
    this.#firstIds = new Array<number>(places).fill(0);
    this.#batches = new Array<BodyBatch | undefined>(places).fill(undefined);
    for (let index = 0; index < this.#batchCount; index += 1) {
      const at = (this.#first + index) & mask;
      this.#firstIds[index] = firstIds[at]!;
      this.#batches[index] = batches[at];
    }
    this.#first = 0;
  }
}

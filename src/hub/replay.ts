import type { Frame } from '../protocols/frames.js';
import type { StampedBatch } from './stamped-batch.js';
import type { StateSubject } from './state-subject.js';

/** What a session holds that its client has not acknowledged, attached or not. [client-protocols 5.1] */
const maxUnackedMessages = 1000;
const maxUnackedBytes = 16 * 1024 * 1024;

interface Unacked {
  readonly sequenceId: number;
  readonly frame: Frame;
  /** Monotonic milliseconds; infinite for a message that never expires. */
  readonly expiresAtMs: number;
}

/** Places that a queue begins with, and above which it gives its memory back once it is empty. */
const leastPlaces = 16;
const keptPlaces = 512;

/**
 * Batches in the order of their ids, as a ring of columns: a fan-out adds to the queue of each of its receivers, and an
 * object apiece, or arrays that grow anew after each acknowledgement, are what the garbage collector then spends its
 * time on. [design 4]
 */
class UnackedQueue {
  #firstIds: number[] = [];
  #batches: (StampedBatch | undefined)[] = [];
  /** Where the oldest is. The number of places is a power of two. */
  #first = 0;
  #batchCount = 0;
  /** Messages of the oldest batch that are acknowledged. */
  #released = 0;
  /** Messages. */
  size = 0;
  /** Of all messages, without their numbers. */
  bytes = 0;

  add(firstId: number, batch: StampedBatch): void {
    if (this.#batchCount === this.#batches.length) this.#grow();
    const at = (this.#first + this.#batchCount) & (this.#batches.length - 1);
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

  /** Oldest first. */
  all(): Unacked[] {
    return Array.from({ length: this.#batchCount }, (_, index) => this.#messagesOf(index)).flat();
  }

  #messagesOf(index: number): Unacked[] {
    const at = (this.#first + index) & (this.#batches.length - 1);
    const [batch, firstId] = [this.#batches[at]!, this.#firstIds[at]!];
    const messages = batch.framesAnew(firstId).map((frame, offset) => {
      return { sequenceId: firstId + offset, frame, expiresAtMs: batch.expiresAtMs(offset) };
    });
    return index === 0 ? messages.slice(this.#released) : messages;
  }

  /** So many messages of the oldest batch are acknowledged now. */
  #forget(batch: StampedBatch, released: number): void {
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
    this.#batches = new Array<StampedBatch | undefined>(places).fill(undefined);
    for (let index = 0; index < this.#batchCount; index += 1) {
      const at = (this.#first + index) & mask;
      this.#firstIds[index] = firstIds[at]!;
      this.#batches[index] = batches[at];
    }
    this.#first = 0;
  }
}

/** Numbers the messages of a session and keeps them until they are acknowledged. [client-protocols 5.1] */
export class ReplayBuffer {
  #lastId = 0;
  readonly #unacked = new UnackedQueue();
  /** Most sessions never get one. */
  #states: UnackedStates | undefined;

  /** The id that the next message gets. */
  get nextId(): number {
    return this.#lastId + 1;
  }

  /**
   * Gives the messages the next ids. Answers what it could keep of them: less than all when the buffer is full, and then
   * its session cannot go on. Messages about group states never fill it, as clients in the field do not acknowledge
   * them. [client-protocols D24]
   */
  add(batch: StampedBatch): StampedBatch {
    const firstId = this.nextId;
    if (batch.about !== undefined) {
      this.#states ??= new UnackedStates();
      this.#states.add(stateOf(batch, firstId), batch.about);
      this.#lastId += 1;
      return batch;
    }
    const kept = batch.head(maxUnackedMessages - this.#unacked.size, maxUnackedBytes - this.#unacked.bytes);
    if (kept.length > 0) this.#unacked.add(firstId, kept);
    this.#lastId += kept.length;
    return kept;
  }

  /** Releases all ids up to this one; one beyond the last releases everything, an old one nothing. */
  release(sequenceId: bigint): void {
    this.#states?.release(sequenceId);
    this.#unacked.release(Number(sequenceId)); // ours are exact as numbers; one that is not is beyond them
  }

  /** In order, with their ids; what has expired is left out, which leaves a gap that clients allow for. [client-protocols D39] */
  unacked(nowMs: number): readonly Frame[] {
    const kept = this.#unacked.all();
    const all = this.#states === undefined ? kept : inOrder([...kept, ...this.#states.all()]);
    return all.flatMap(({ frame, expiresAtMs }) => (expiresAtMs > nowMs ? [frame] : []));
  }

  /** Groups whose states were too many to be kept, and are forgotten: only a new snapshot can tell them. Named once. */
  takeForgottenGroups(): readonly string[] {
    return this.#states?.takeForgotten() ?? [];
  }

  /** Messages that count against the limits. */
  get size(): number {
    return this.#unacked.size;
  }
}

function stateOf(batch: StampedBatch, sequenceId: number): Unacked {
  return { sequenceId, frame: batch.framesAnew(sequenceId)[0]!, expiresAtMs: batch.expiresAtMs(0) };
}

function inOrder(messages: Unacked[]): readonly Unacked[] {
  return messages.sort((a, b) => a.sequenceId - b.sequenceId);
}

/** What a session holds of group states, besides its other messages. */
const maxUnackedStates = 1000;
const maxUnackedStateBytes = 4 * 1024 * 1024;

/** Stands for the snapshot among the connection ids of a group; no id is empty. */
const snapshotKey = '';

/** The last unacknowledged message about each connection's state in each group. [client-protocols D24] */
class UnackedStates {
  /** By group and connection; within a group in the order of sequence ids. */
  readonly #groups = new Map<string, Map<string, Unacked>>();
  #forgotten = new Set<string>();
  /** Sequence id of the last message that was forgotten; a client that has it has missed nothing. */
  #forgottenUpTo = 0;
  #size = 0;
  #bytes = 0;

  /** Past the limits all is forgotten: a client that has missed so much is better served by a snapshot. */
  add(message: Unacked, { group, connectionId }: StateSubject): void {
    if (connectionId === undefined) this.#dropGroup(group);
    else this.#drop(group, connectionId);
    const isOver = this.#size >= maxUnackedStates || this.#bytes + message.frame.bytes.length > maxUnackedStateBytes;
    if (isOver) this.#forgetAll(message.sequenceId - 1);
    this.#keep(message, group, connectionId ?? snapshotKey);
  }

  release(sequenceId: bigint): void {
    if (sequenceId >= BigInt(this.#forgottenUpTo)) this.#forgotten.clear();
    for (const [group, messages] of this.#groups) {
      for (const [key, message] of messages) {
        if (BigInt(message.sequenceId) > sequenceId) break;
        this.#drop(group, key);
      }
    }
  }

  all(): readonly Unacked[] {
    return [...this.#groups.values()].flatMap(messages => [...messages.values()]);
  }

  takeForgotten(): readonly string[] {
    const groups = [...this.#forgotten];
    this.#forgotten = new Set();
    return groups;
  }

  #keep(message: Unacked, group: string, key: string): void {
    const messages = this.#groups.get(group) ?? new Map<string, Unacked>();
    this.#groups.set(group, messages.set(key, message));
    this.#size += 1;
    this.#bytes += message.frame.bytes.length;
  }

  #drop(group: string, key: string): void {
    const messages = this.#groups.get(group);
    const message = messages?.get(key);
    if (messages === undefined || message === undefined) return;
    messages.delete(key);
    if (messages.size === 0) this.#groups.delete(group);
    this.#size -= 1;
    this.#bytes -= message.frame.bytes.length;
  }

  #dropGroup(group: string): void {
    this.#forgotten.delete(group);
    for (const key of this.#groups.get(group)?.keys() ?? []) this.#drop(group, key);
  }

  #forgetAll(upTo: number): void {
    this.#forgottenUpTo = upTo;
    for (const group of this.#groups.keys()) this.#forgotten.add(group);
    this.#groups.clear();
    this.#size = 0;
    this.#bytes = 0;
  }
}

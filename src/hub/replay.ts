import type { Frame, Stamp } from '../protocols/codec.js';
import type { SequencedMessage } from '../protocols/messages.js';

/** What a session holds that its client has not acknowledged, attached or not. [client-protocols 5.1] */
const maxUnackedMessages = 1000;
const maxUnackedBytes = 16 * 1024 * 1024;

interface Unacked {
  readonly sequenceId: number;
  readonly frame: Frame;
  /** Unix milliseconds; infinite for a message that never expires. */
  readonly expiresAtMs: number;
}

/** Places that a queue begins with, and above which it gives its memory back once it is empty. */
const leastPlaces = 16;
const keptPlaces = 512;

/**
 * Messages in the order of their ids, as a ring of columns: a fan-out adds to the queue of each of its receivers, and
 * an object apiece, or arrays that grow anew after each acknowledgement, are what the garbage collector then spends its
 * time on. [design 4]
 */
class UnackedQueue {
  #ids: number[] = [];
  #frames: (Frame | undefined)[] = [];
  #expiries: number[] = [];
  /** Where the oldest is. The number of places is a power of two. */
  #first = 0;
  size = 0;
  /** Of all frames. */
  bytes = 0;

  add(sequenceId: number, frame: Frame, expiresAtMs: number): void {
    if (this.size === this.#ids.length) this.#grow();
    const at = (this.#first + this.size) & (this.#ids.length - 1);
    this.#ids[at] = sequenceId;
    this.#frames[at] = frame;
    this.#expiries[at] = expiresAtMs;
    this.size += 1;
    this.bytes += frame.bytes.length;
  }

  /** Forgets all ids up to this one. */
  release(upTo: number): void {
    const mask = this.#ids.length - 1;
    while (this.size > 0 && this.#ids[this.#first]! <= upTo) {
      this.bytes -= this.#frames[this.#first]!.bytes.length;
      this.#frames[this.#first] = undefined;
      this.#first = (this.#first + 1) & mask;
      this.size -= 1;
    }
    if (this.size === 0 && this.#ids.length > keptPlaces) this.#resize(0);
  }

  /** Oldest first. */
  all(): Unacked[] {
    return Array.from({ length: this.size }, (_, index) => {
      const at = (this.#first + index) & (this.#ids.length - 1);
      return { sequenceId: this.#ids[at]!, frame: this.#frames[at]!, expiresAtMs: this.#expiries[at]! };
    });
  }

  #grow(): void {
    this.#resize(Math.max(leastPlaces, this.#ids.length * 2));
  }

  #resize(places: number): void {
    const [ids, frames, expiries, mask] = [this.#ids, this.#frames, this.#expiries, this.#ids.length - 1];
    this.#ids = new Array<number>(places).fill(0);
    this.#frames = new Array<Frame | undefined>(places).fill(undefined);
    this.#expiries = new Array<number>(places).fill(Number.POSITIVE_INFINITY);
    for (let index = 0; index < this.size; index += 1) {
      const at = (this.#first + index) & mask;
      this.#ids[index] = ids[at]!;
      this.#frames[index] = frames[at];
      this.#expiries[index] = expiries[at]!;
    }
    this.#first = 0;
  }
}

/** What a group-state message is about: a later one about the same takes its place. [client-protocols D24] */
export interface StateSubject {
  readonly group: string;
  /** Undefined: a snapshot, which takes the place of everything about its group. */
  readonly connectionId: string | undefined;
}

/** Undefined for messages that are kept one by one. */
export function stateSubjectOf(message: SequencedMessage): StateSubject | undefined {
  if (message.kind === 'groupStateSnapshot') return { group: message.group, connectionId: undefined };
  if (message.kind !== 'groupStateUpdate') return undefined;
  const [item, ...others] = message.items;
  return item === undefined || others.length > 0
    ? undefined
    : { group: message.group, connectionId: item.connectionId };
}

/** Numbers the messages of a session and keeps them until they are acknowledged. [client-protocols 5.1] */
export class ReplayBuffer {
  #lastId = 0;
  readonly #unacked = new UnackedQueue();
  /** Most sessions never get one. */
  #states: UnackedStates | undefined;

  /**
   * Gives the message the next id. Undefined when the buffer is full: its session cannot go on. Messages about group
   * states never fill it, as clients in the field do not acknowledge them. [client-protocols D24]
   */
  add(stamp: Stamp, expiresAtMs: number, about?: StateSubject): Frame | undefined {
    const sequenceId = this.#lastId + 1;
    const frame = stamp.frame(sequenceId);
    if (about !== undefined) {
      this.#lastId = sequenceId;
      this.#states ??= new UnackedStates();
      this.#states.add({ sequenceId, frame, expiresAtMs }, about);
      return frame;
    }
    const unacked = this.#unacked;
    if (unacked.size >= maxUnackedMessages || unacked.bytes + frame.bytes.length > maxUnackedBytes) return undefined;
    this.#lastId = sequenceId;
    unacked.add(sequenceId, frame, expiresAtMs);
    return frame;
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

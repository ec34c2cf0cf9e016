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
  /** Oldest first. Those before `#first` are released; they are cut off now and then. */
  #unacked: Unacked[] = [];
  #first = 0;
  #bytes = 0;
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
    if (this.size >= maxUnackedMessages || this.#bytes + frame.bytes.length > maxUnackedBytes) return undefined;
    this.#lastId = sequenceId;
    this.#unacked.push({ sequenceId, frame, expiresAtMs });
    this.#bytes += frame.bytes.length;
    return frame;
  }

  /** Releases all ids up to this one; one beyond the last releases everything, an old one nothing. */
  release(sequenceId: bigint): void {
    this.#states?.release(sequenceId);
    let oldest = this.#unacked[this.#first];
    while (oldest !== undefined && BigInt(oldest.sequenceId) <= sequenceId) {
      this.#bytes -= oldest.frame.bytes.length;
      this.#first += 1;
      oldest = this.#unacked[this.#first];
    }
    if (this.#first * 2 < this.#unacked.length) return;
    this.#unacked = this.#unacked.slice(this.#first);
    this.#first = 0;
  }

  /** In order, with their ids; what has expired is left out, which leaves a gap that clients allow for. [client-protocols D39] */
  unacked(nowMs: number): readonly Frame[] {
    const kept = this.#unacked.slice(this.#first);
    const all = this.#states === undefined ? kept : inOrder([...kept, ...this.#states.all()]);
    return all.flatMap(({ frame, expiresAtMs }) => (expiresAtMs > nowMs ? [frame] : []));
  }

  /** Groups whose states were too many to be kept, and are forgotten: only a new snapshot can tell them. Named once. */
  takeForgottenGroups(): readonly string[] {
    return this.#states?.takeForgotten() ?? [];
  }

  /** Messages that count against the limits. */
  get size(): number {
    return this.#unacked.length - this.#first;
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

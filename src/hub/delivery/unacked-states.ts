import type { MessageLimit, Numbering } from '../../protocols/protocol.js';
import type { UnackedStatesRecord } from '../session.js';
import type { StateSubject } from './state-subject.js';
import { recordOf, type Unacked, unackedFrom } from './unacked-queue.js';

/** Stands for the snapshot among the connection ids of a group; no id is empty. */
const snapshotKey = '';

/** The last unacknowledged message about each connection's state in each group. [client-protocols D24] */
export class UnackedStates {
  /** By group and connection; within a group in the order of sequence ids. */
  readonly #groups = new Map<string, Map<string, Unacked>>();
  readonly #limit: MessageLimit;
  #forgotten = new Set<string>();
  /** Sequence id of the last message that was forgotten; a client that has it has missed nothing. */
  #forgottenUpTo = 0;
  /** Messages, and their bytes. */
  #size = 0;
  #bytes = 0;

  constructor(limit: MessageLimit) {
    this.#limit = limit;
  }

  /** @throws as `unackedFrom` */
  static from(record: UnackedStatesRecord, numbering: Numbering, limit: MessageLimit, nowMs: number): UnackedStates {
    const states = new UnackedStates(limit);
    for (const message of record.messages) {
      states.#keep(unackedFrom(message, numbering, nowMs), message.group, message.connectionId ?? snapshotKey);
    }
    states.#forgotten = new Set(record.forgotten);
    states.#forgottenUpTo = record.forgottenUpTo;
    return states;
  }

  /** Groups keep their order, in which snapshots are sent. */
  record(nowMs: number): UnackedStatesRecord {
    const messages = [...this.#groups].flatMap(([group, states]) =>
      [...states].map(([key, message]) => ({
        ...recordOf(message, nowMs),
        group,
        connectionId: key === snapshotKey ? undefined : key,
      })),
    );
    return { messages, forgotten: [...this.#forgotten], forgottenUpTo: this.#forgottenUpTo };
  }

  /** Past the limit all is forgotten: a client that has missed so much is better served by a snapshot. */
  add(message: Unacked, { group, connectionId }: StateSubject): void {
    if (connectionId === undefined) this.#dropGroup(group);
    else this.#drop(group, connectionId);
    const isOver = this.#size >= this.#limit.messages || this.#bytes + bytesOf(message) > this.#limit.bytes;
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

  /** In the order of their ids. */
  all(): readonly Unacked[] {
    const all = [...this.#groups.values()].flatMap(messages => [...messages.values()]);
    return all.sort((a, b) => a.sequenceId - b.sequenceId);
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#bytes;
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
    this.#bytes += bytesOf(message);
  }

  #drop(group: string, key: string): void {
    const messages = this.#groups.get(group);
    const message = messages?.get(key);
    if (messages === undefined || message === undefined) return;
    messages.delete(key);
    if (messages.size === 0) this.#groups.delete(group);
    this.#size -= 1;
    this.#bytes -= bytesOf(message);
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

function bytesOf({ body, sequenceId }: Unacked): number {
  return body.size(sequenceId);
}

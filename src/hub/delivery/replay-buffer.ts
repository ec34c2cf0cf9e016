import type { Frame, Frames } from '../../frames/frames.js';
import { numberedMessage } from '../../frames/numbered-frames.js';
import { concatWires } from '../../frames/wire.js';
import type { Reliability } from '../../protocols/protocol.js';
import type { ReplayRecord } from '../session.js';
import type { BodyBatch } from './batch.js';
import { type Unacked, UnackedQueue } from './unacked-queue.js';
import { UnackedStates } from './unacked-states.js';

/** What a session holds that its client has not acknowledged, attached or not. [client-protocols 5.1] */
export type ReplayLimits = Pick<Reliability, 'window' | 'stateWindow'>;

/** Numbers the messages of a session and keeps them until they are acknowledged. [client-protocols 5.1] */
export class ReplayBuffer {
  #lastId = 0;
  /** All messages up to this one are. */
  #acknowledgedId = 0;
  #unacked = new UnackedQueue();
  readonly #limits: ReplayLimits;
  /** Most sessions never get one. */
  #states: UnackedStates | undefined;

  constructor(limits: ReplayLimits) {
    this.#limits = limits;
  }

  /** @param nowMs monotonic. @throws PubSubError `malformed` for a message that is not of this protocol */
  static from(record: ReplayRecord, reliability: Reliability, nowMs: number): ReplayBuffer {
    const { numbering, stateWindow } = reliability;
    const buffer = new ReplayBuffer(reliability);
    buffer.#lastId = record.lastId;
    buffer.#unacked = UnackedQueue.from(record.unacked, numbering, nowMs);
    buffer.#states = record.states && UnackedStates.from(record.states, numbering, stateWindow, nowMs);
    return buffer;
  }

  /** @param nowMs monotonic: what has expired is part of it, since its id is taken */
  record(nowMs: number): ReplayRecord {
    return {
      lastId: this.#lastId,
      unacked: this.#unacked.record(nowMs),
      states: this.#states?.record(nowMs),
    };
  }

  /** The id that the next message gets. */
  get nextId(): number {
    return this.#lastId + 1;
  }

  /**
   * Gives the messages the next ids. Returns what it could keep of them: less than all when the buffer is full, and then
   * its session cannot go on. Messages about group states never fill it, as clients in the field do not acknowledge
   * them. [client-protocols D24]
   */
  add(batch: BodyBatch): BodyBatch {
    const firstId = this.nextId;
    if (batch.about !== undefined) {
      this.#states ??= new UnackedStates(this.#limits.stateWindow);
      this.#states.add(stateOf(batch, firstId), batch.about);
      this.#lastId += 1;
      return batch;
    }
    const { messages, bytes } = this.#limits.window;
    const kept = batch.head(messages - this.#unacked.size, bytes - this.#unacked.bytes);
    if (kept.length > 0) this.#unacked.add(firstId, kept);
    this.#lastId += kept.length;
    return kept;
  }

  /** Releases all ids up to this one; one beyond the last releases everything, an old one nothing. */
  release(sequenceId: bigint): void {
    const id = Math.min(Number(sequenceId), this.#lastId); // ours are exact as numbers; one that is not is beyond them
    this.#states?.release(sequenceId);
    this.#unacked.release(id);
    this.#acknowledgedId = Math.max(this.#acknowledgedId, id);
  }

  /**
   * What its client has not acknowledged, in order, with the ids it had; messages that are added later are not part of
   * it. It is read from here as it is sent: what has expired or been acknowledged by then is left out, which leaves a
   * gap that clients allow for. [client-protocols D39]
   *
   * @param nowMs reads a monotonic clock
   */
  unacked(nowMs: () => number): Frames {
    const [states, upToId] = [this.#states?.all() ?? [], this.#lastId];
    const count = this.#unacked.size + states.length;
    const payloadBytes = this.#unacked.bytes + (this.#states?.bytes ?? 0);
    return new Replay(count, payloadBytes, () => this.#each(states, upToId, nowMs));
  }

  *#each(states: readonly Unacked[], upToId: number, nowMs: () => number): Iterable<Frames> {
    let next = 0;
    for (let sentId = 0; ; ) {
      const lastId = Math.max(sentId, this.#acknowledgedId);
      while (states[next] !== undefined && states[next]!.sequenceId <= lastId) next += 1;
      const message = firstOf(this.#unacked.after(lastId), states[next]);
      if (message === undefined || message.sequenceId > upToId) return;
      sentId = message.sequenceId;
      if (message.expiresAtMs > nowMs()) yield numberedMessage(message.body, sentId);
    }
  }

  /** Groups with too many states to keep, which were dropped: they need a new snapshot. Returned once. */
  takeForgottenGroups(): readonly string[] {
    return this.#states?.takeForgotten() ?? [];
  }

  /** Messages that count against the limits. */
  get size(): number {
    return this.#unacked.size;
  }
}

function stateOf(batch: BodyBatch, sequenceId: number): Unacked {
  return { sequenceId, body: batch.body(0), expiresAtMs: batch.expiresAtMs(0) };
}

function firstOf(a: Unacked | undefined, b: Unacked | undefined): Unacked | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.sequenceId < b.sequenceId ? a : b;
}

/** What a session sends again: made message by message as a socket takes it, since a thousand sessions may do so at once. */
class Replay implements Frames {
  readonly count: number;
  readonly payloadBytes: number;
  readonly expiresAtMs = Number.POSITIVE_INFINITY;
  readonly #messages: () => Iterable<Frames>;

  constructor(count: number, payloadBytes: number, messages: () => Iterable<Frames>) {
    this.count = count;
    this.payloadBytes = payloadBytes;
    this.#messages = messages;
  }

  each(): readonly Frame[] {
    return [...this.#messages()].flatMap(message => message.each());
  }

  wire(): Buffer {
    return concatWires([...this.#messages()]);
  }

  buffers(): readonly Buffer[] {
    return [this.wire()];
  }

  parts(): Iterable<Frames> {
    return this.#messages();
  }
}

import type { Stamp } from '../protocols/codec.js';
import { StampedFrames, StampedMessages } from '../protocols/stamped-frames.js';
import type { StateSubject } from './state-subject.js';

/** One message of a reliable protocol, before it has its number. */
export interface Stamped {
  readonly stamp: Stamp;
  /** Unix milliseconds; infinite for a message that never expires. */
  readonly expiresAtMs: number;
}

/**
 * Messages of one reliable protocol, in order, before each receiver numbers them in its own way. Sessions keep the batch,
 * which they share, rather than frames: a fan-out then adds one thing to each of them, however many messages it is of,
 * and the garbage collector has one to follow. Frames are made anew for the few that are replayed. [design 4]
 */
export class StampedBatch {
  /** Set for a message about a group state, which is alone in its batch. */
  readonly about: StateSubject | undefined;
  readonly #expiries: readonly number[];
  readonly #messages: StampedMessages;
  /** Those that were asked for last. */
  #frames: StampedFrames | undefined;

  constructor(messages: readonly Stamped[], about?: StateSubject) {
    this.#messages = new StampedMessages(messages.map(({ stamp }) => stamp));
    this.#expiries = messages.map(({ expiresAtMs }) => expiresAtMs);
    this.about = about;
  }

  get length(): number {
    return this.#expiries.length;
  }

  /** Of all messages, without their numbers. */
  get bytes(): number {
    return this.#messages.bytes;
  }

  /** The messages, numbered from `firstId` on. Receivers that are at the same id get the same object. */
  framesFrom(firstId: number): StampedFrames {
    if (this.#frames?.firstId !== firstId) this.#frames = new StampedFrames(this.#messages, firstId);
    return this.#frames;
  }

  expiresAtMs(index: number): number {
    return this.#expiries[index]!;
  }

  /** Of each message, numbered from `firstId` on. */
  sizesFrom(firstId: number): readonly number[] {
    return this.#messages.stamps.map((stamp, index) => stamp.size(firstId + index));
  }

  /** Of the first so many messages, without their numbers. */
  bytesOfFirst(count: number): number {
    if (count === this.length) return this.bytes;
    let bytes = 0;
    for (let index = 0; index < count; index += 1) bytes += this.#messages.stamps[index]!.bytes;
    return bytes;
  }

  /** Its first messages: no more than so many, and of no more than so many bytes. */
  head(maxMessages: number, maxBytes: number): StampedBatch {
    if (this.length <= maxMessages && this.bytes <= maxBytes) return this;
    let count = Math.min(this.length, maxMessages);
    while (this.bytesOfFirst(count) > maxBytes) count -= 1;
    const kept = this.#messages.stamps.slice(0, count);
    return new StampedBatch(
      kept.map((stamp, index) => ({ stamp, expiresAtMs: this.expiresAtMs(index) })),
      this.about,
    );
  }
}

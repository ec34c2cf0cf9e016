import type { Frame, Stamp } from '../protocols/codec.js';
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
  readonly #messages: readonly Stamped[];
  /** Set for a message about a group state, which is alone in its batch. */
  readonly about: StateSubject | undefined;
  /** Of all messages, without their numbers. */
  readonly bytes: number;
  #firstId = 0;
  #frames: readonly Frame[] = [];

  constructor(messages: readonly Stamped[], about?: StateSubject) {
    this.#messages = messages;
    this.about = about;
    this.bytes = bytesOf(messages);
  }

  get length(): number {
    return this.#messages.length;
  }

  /** The messages with this id and those that follow it. Receivers that are at the same id get the same array. */
  framesFrom(firstId: number): readonly Frame[] {
    if (this.#firstId !== firstId) {
      this.#firstId = firstId;
      this.#frames = this.#messages.map(({ stamp }, index) => stamp.frame(firstId + index));
    }
    return this.#frames;
  }

  expiresAtMs(index: number): number {
    return this.#messages[index]!.expiresAtMs;
  }

  /** Of the first so many messages, without their numbers. */
  bytesOfFirst(count: number): number {
    if (count === this.length) return this.bytes;
    let bytes = 0;
    for (let index = 0; index < count; index += 1) bytes += this.#messages[index]!.stamp.bytes;
    return bytes;
  }

  /** Its first messages: no more than so many, and of no more than so many bytes. */
  head(maxMessages: number, maxBytes: number): StampedBatch {
    if (this.length <= maxMessages && this.bytes <= maxBytes) return this;
    let count = 0;
    for (let bytes = 0; count < maxMessages && count < this.length; count += 1) {
      bytes += this.#messages[count]!.stamp.bytes;
      if (bytes > maxBytes) break;
    }
    return new StampedBatch(this.#messages.slice(0, count), this.about);
  }
}

function bytesOf(messages: readonly Stamped[]): number {
  let bytes = 0;
  for (const { stamp } of messages) bytes += stamp.bytes;
  return bytes;
}

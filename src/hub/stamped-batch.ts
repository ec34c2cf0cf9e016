import type { Sequencer, Stamp } from '../protocols/codec.js';
import type { SequencedMessage } from '../protocols/messages.js';
import { StampedFrames, StampedMessages } from '../protocols/stamped-frames.js';
import { type StateSubject, stateSubjectOf } from './state-subject.js';

/** A message and its expiry. */
export interface Send {
  readonly message: SequencedMessage;
  /** Monotonic milliseconds; infinite for a message that never expires. */
  readonly expiresAtMs: number;
  /** Called with the number of connections of this node that it was written to. */
  readonly onDelivered?: ((receivers: number) => void) | undefined;
}

/** One message of a reliable protocol, before it has its number. */
export interface Stamped {
  readonly stamp: Stamp;
  /** As of a `Send`. */
  readonly expiresAtMs: number;
}

/**
 * Messages of one reliable protocol, in order, before each receiver numbers them. Sessions share the batch and keep it
 * instead of frames: one reference per session and fan-out, whatever the number of messages. Frames are made again for
 * messages that are replayed. [design 4]
 */
export class StampedBatch {
  /** Set for a message about a group state, which is alone in its batch. */
  readonly about: StateSubject | undefined;
  /** Of all messages, without their numbers. */
  readonly bytes: number;
  readonly #messages: readonly Stamped[];
  /** What receivers share while the batch is sent, and the frames that were requested last. */
  #shared: StampedMessages | undefined;
  #frames: StampedFrames | undefined;

  /** The messages that the protocol can express; undefined when there are none. A message about a group state is alone in its batch. */
  static of(sends: readonly Send[], sequencer: Sequencer): StampedBatch | undefined {
    const messages = sends.flatMap(({ message, expiresAtMs }) => {
      const stamp = sequencer.prepare(message);
      return stamp === undefined ? [] : [{ stamp, expiresAtMs }];
    });
    const [first] = sends;
    return messages.length === 0 ? undefined : new StampedBatch(messages, first && stateSubjectOf(first.message));
  }

  constructor(messages: readonly Stamped[], about?: StateSubject) {
    this.#messages = messages;
    this.bytes = bytesOf(messages, messages.length);
    this.about = about;
  }

  get length(): number {
    return this.#messages.length;
  }

  /** The messages, numbered from `firstId` on. Receivers that are at the same id get the same object. */
  framesFrom(firstId: number): StampedFrames {
    if (this.#frames?.firstId !== firstId) {
      this.#shared ??= new StampedMessages(this.#messages.map(({ stamp }) => stamp));
      this.#frames = new StampedFrames(this.#shared, firstId);
    }
    return this.#frames;
  }

  /** One of the messages, for a session that sends it again. */
  stamp(index: number): Stamp {
    return this.#messages[index]!.stamp;
  }

  /** To be called once all receivers have their frames: sessions keep the batch, and must not keep a copy of its bytes with it. */
  forgetFrames(): void {
    this.#shared = undefined;
    this.#frames = undefined;
  }

  expiresAtMs(index: number): number {
    return this.#messages[index]!.expiresAtMs;
  }

  /** Of each message, numbered from `firstId` on. */
  sizesFrom(firstId: number): readonly number[] {
    return this.#messages.map(({ stamp }, index) => stamp.size(firstId + index));
  }

  /** Of the first so many messages, without their numbers. */
  bytesOfFirst(count: number): number {
    return count === this.length ? this.bytes : bytesOf(this.#messages, count);
  }

  /** Its first messages: no more than so many, and of no more than so many bytes. */
  head(maxMessages: number, maxBytes: number): StampedBatch {
    if (this.length <= maxMessages && this.bytes <= maxBytes) return this;
    let count = Math.min(this.length, maxMessages);
    while (this.bytesOfFirst(count) > maxBytes) count -= 1;
    return new StampedBatch(this.#messages.slice(0, count), this.about);
  }
}

/** Of the first so many. */
function bytesOf(messages: readonly Stamped[], count: number): number {
  let bytes = 0;
  for (let index = 0; index < count; index += 1) bytes += messages[index]!.stamp.bytes;
  return bytes;
}

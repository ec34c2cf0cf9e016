import type { Body } from '../../frames/body.js';
import { BodyList, NumberedFrames } from '../../frames/numbered-frames.js';
import type { NumberedMessage, PublishedMessage, StateMessage } from '../../protocols/messages.js';
import { type Numbering, prepareWith } from '../../protocols/protocol.js';
import { type StateSubject, stateSubjectOf } from './state-subject.js';

/** A message and its expiry. */
export interface Send<Message extends NumberedMessage = PublishedMessage> {
  readonly message: Message;
  /** Monotonic milliseconds; infinite for a message that never expires. */
  readonly expiresAtMs: number;
  /** Called with the number of connections of this node that it was written to. */
  readonly onDelivered?: ((receivers: number) => void) | undefined;
}

/** What is sent together: messages, or one message about a group state, which takes the place of an earlier one. */
export type Sends = readonly Send[] | readonly [Send<StateMessage>];

/** One message of a reliable protocol, before it has its number. */
export interface ExpiringBody {
  readonly body: Body;
  /** As of a `Send`. */
  readonly expiresAtMs: number;
}

/**
 * Messages of one reliable protocol, in order, before each receiver numbers them. Sessions share the batch and keep it
 * instead of frames: one reference per session and fan-out, whatever the number of messages. Frames are made again for
 * messages that are replayed. [design 4]
 */
export class BodyBatch {
  /** Set for a message about a group state. */
  readonly about: StateSubject | undefined;
  /** Of all messages, without their numbers. */
  readonly bytes: number;
  readonly #messages: readonly ExpiringBody[];
  /** What receivers share while the batch is sent, and the frames that were requested last. */
  #shared: BodyList | undefined;
  #frames: NumberedFrames | undefined;

  /** The messages that the protocol can express; undefined when there are none. */
  static of(sends: Sends, numbering: Numbering): BodyBatch | undefined {
    const messages = sends.flatMap(({ message, expiresAtMs }) => {
      const body = prepareWith(numbering, message);
      return body === undefined ? [] : [{ body, expiresAtMs }];
    });
    const [first] = sends;
    return messages.length === 0 ? undefined : new BodyBatch(messages, first && stateSubjectOf(first.message));
  }

  constructor(messages: readonly ExpiringBody[], about?: StateSubject) {
    this.#messages = messages;
    this.bytes = bytesOf(messages, messages.length);
    this.about = about;
  }

  get length(): number {
    return this.#messages.length;
  }

  /** The messages, numbered from `firstId` on. Receivers that are at the same id get the same object. */
  framesFrom(firstId: number): NumberedFrames {
    if (this.#frames?.firstId !== firstId) {
      this.#shared ??= new BodyList(this.#messages.map(({ body }) => body));
      this.#frames = new NumberedFrames(this.#shared, firstId);
    }
    return this.#frames;
  }

  /** One of the messages, for a session that sends it again. */
  body(index: number): Body {
    return this.#messages[index]!.body;
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
    return this.#messages.map(({ body }, index) => body.size(firstId + index));
  }

  /** Of the first so many messages, without their numbers. */
  bytesOfFirst(count: number): number {
    return count === this.length ? this.bytes : bytesOf(this.#messages, count);
  }

  /** Its first messages: no more than so many, and of no more than so many bytes. */
  head(maxMessages: number, maxBytes: number): BodyBatch {
    if (this.length <= maxMessages && this.bytes <= maxBytes) return this;
    let count = Math.min(this.length, maxMessages);
    while (this.bytesOfFirst(count) > maxBytes) count -= 1;
    return new BodyBatch(this.#messages.slice(0, count), this.about);
  }
}

/** Of the first so many. */
function bytesOf(messages: readonly ExpiringBody[], count: number): number {
  let bytes = 0;
  for (let index = 0; index < count; index += 1) bytes += messages[index]!.body.bytes;
  return bytes;
}

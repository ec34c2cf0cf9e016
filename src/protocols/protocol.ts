import { type ErrorKind, PubSubError } from '../errors.js';
import type { Body } from '../frames/body.js';
import type { Frame, Frames } from '../frames/frames.js';
import type { Act, ActResult, StreamNotice } from './acts.js';
import {
  type DataMessage,
  isPresenceMessage,
  isStateMessage,
  type NumberedMessage,
  type PresenceMessage,
  type ServerMessage,
  type StateMessage,
} from './messages.js';

/** One WebSocket message as it came in. */
export interface InboundFrame {
  readonly isBinary: boolean;
  readonly bytes: Buffer;
}

/** Turns messages into frames. One object per wire form: fan-out encodes once per encoder. */
export interface Encoder {
  /** Undefined when the protocol cannot express the message (simple clients receive payloads only). */
  encode(message: ServerMessage): Frame | undefined;
  /** Left out by protocols whose clients cannot subscribe to group states. */
  encodeState?(message: StateMessage): Frame | undefined;
  /** Left out by protocols whose clients are not told who is there. */
  encodePresence?(message: PresenceMessage): Frame | undefined;
}

/** Encodes what reliable protocols number: the body once, the sequence id per receiver. [client-protocols 5.1] */
export interface Numbering {
  /** Undefined when the protocol cannot express the message. */
  prepare(message: DataMessage): Body | undefined;
  /** As for `Encoder.encodeState`. */
  prepareState?(message: StateMessage): Body | undefined;
  /** @param record of a body that this protocol prepared. @throws PubSubError `malformed` for another one */
  restore(record: Buffer): Body;
}

/** A number of messages and their bytes. */
export interface MessageLimit {
  readonly messages: number;
  readonly bytes: number;
}

/** How messages survive the loss of a socket. [client-protocols 5] */
export interface Reliability {
  readonly numbering: Numbering;
  /** What a session keeps that its client has not acknowledged; group states are counted by themselves. */
  readonly window: MessageLimit;
  readonly stateWindow: MessageLimit;
}

/** What an inbound frame, or a part of it, amounts to. */
export type Step =
  /** Carried out in its turn: after the acts before it. */
  | Act
  /** Ends the connection, in its turn. */
  | PubSubError
  /** Sent at once, past acts that wait. */
  | { readonly kind: 'say'; readonly frames: Frames }
  /** Releases numbered messages, at once: whatever makes room must not wait. [client-protocols D18] */
  | Acked
  /** The response of an invocation is no longer wanted; handled at once. [client-protocols 4.2] */
  | Cancelled;

export interface Acked {
  readonly kind: 'acked';
  readonly sequenceId: bigint;
}

export interface Cancelled {
  readonly kind: 'cancelInvocation';
  readonly invocationId: string;
}

/** What a frame amounts to: nothing while a packet is incomplete, one step, or several when it holds several packets. */
export type Steps = Step | readonly Step[] | undefined;

/** What a client is told of its act: nothing, some frames, or an error that ends its connection: the protocol cannot express it. */
export type ActAnswer = Frames | PubSubError | undefined;

/**
 * One client's conversation, over all of its sockets: how its frames become acts, and how each act is answered. Pure: no
 * clock, no socket; what it knows is plain data. A protocol that remembers nothing has one dialogue for all clients.
 *
 * Hot path: the usual frame is one act, which is returned as it was decoded, without an array, a wrapper or a callback.
 * An act comes back to `repeated` and `answer` as the object that `receive` gave, so a dialogue puts what it needs for the
 * answer, such as an ackId, into that object; the rest of the program sees an `Act`.
 */
export interface Dialogue {
  /** One frame, in the order of arrival. Never throws: bytes that are not of the protocol are a `PubSubError`. */
  receive(frame: InboundFrame): Steps;
  /** When the act's turn comes: the answer to an act that succeeded before and is not carried out again; else undefined. */
  repeated(act: Act): Frames | undefined;
  /** Once the act has ended, also after its connection has. Reply messages and own copies have been sent before. */
  answer(act: Act, result: ActResult): ActAnswer;
  /** Undefined when the protocol has no streams. */
  notice(notice: StreamNotice): Frames | undefined;
  /** What another node needs to go on with the dialogue; undefined: nothing. */
  record(): DialogueRecord | undefined;
}

/** Plain, serialisable data of one protocol. Its version is that of the session's record. */
export type DialogueRecord = Readonly<Record<string, unknown>>;

/** Why the service ends a connection without an error. */
export type ServiceEnd = 'closedByAppServer' | 'pingTimeout';

/** A message that a client must answer with any frame of its own. */
export interface MessagePing {
  readonly frames: Frames;
  /** Sent after a silence of so long. */
  readonly afterMs: number;
  /** A client that is silent for so long after it has gone. */
  readonly answerWithinMs: number;
}

/** One client protocol. Pure: no sockets, timers or logger. */
export interface Protocol {
  /** Its subprotocol, or `simple`: in metrics and logs. */
  readonly name: string;
  /** Its `Sec-WebSocket-Protocol` value; undefined for simple clients. */
  readonly subprotocol: string | undefined;
  readonly encoder: Encoder;
  /** Sessions of a protocol with reliability outlive their sockets. */
  readonly reliability: Reliability | undefined;
  /** WebSocket close code for each kind of error that ends a connection, and for other ends that the service begins. */
  readonly closeCodes: Readonly<Record<ErrorKind | ServiceEnd, number>>;
  /** Is the reason written into the Close frame? Left out: it is not. */
  readonly tellsCloseReason?: boolean;
  /**
   * How a silent peer is found out: by WebSocket pings or by messages of the protocol, which `KeepAlive` sends, or by the
   * client's own pings, which its entrance sees to.
   */
  readonly silence: 'webSocketPing' | 'protocolPing' | MessagePing;
  /** @param record of the same protocol, to go on with a dialogue that began elsewhere. @throws PubSubError `internal` for another one */
  begin(record?: DialogueRecord): Dialogue;
}

/** @returns undefined when the protocol cannot express the message */
export function encodeWith(encoder: Encoder, message: NumberedMessage): Frame | undefined {
  if (isStateMessage(message)) return encoder.encodeState?.(message);
  return isPresenceMessage(message) ? encoder.encodePresence?.(message) : encoder.encode(message);
}

/** @returns undefined when the protocol cannot express the message */
export function prepareWith(numbering: Numbering, message: NumberedMessage): Body | undefined {
  if (isStateMessage(message)) return numbering.prepareState?.(message);
  return isPresenceMessage(message) ? undefined : numbering.prepare(message);
}

/** What `decode` throws for, as a step. */
export function decoded<Request>(decode: (frame: InboundFrame) => Request, frame: InboundFrame): Request | PubSubError {
  try {
    return decode(frame);
  } catch (error) {
    return PubSubError.from(error);
  }
}

import type { ClientRequest, SequencedMessage, ServerMessage } from './messages.js';

/** One WebSocket message as it came in. */
export interface InboundFrame {
  readonly isBinary: boolean;
  readonly bytes: Buffer;
}

/**
 * One WebSocket message to be sent. A frame is shared by all its receivers, so `wire`, the bytes with the WebSocket
 * header in front, is filled in by the first socket that needs it and reused by the rest. [design 4]
 */
export class Frame {
  wire: Buffer | undefined = undefined;
  /** Unix milliseconds: a socket that could not take it before then drops it. [rest-api 5 › TTL] */
  expiresAtMs = Number.POSITIVE_INFINITY;

  constructor(
    readonly isBinary: boolean,
    readonly bytes: Buffer,
  ) {}
}

/** Turns messages into frames. One object per wire form: fan-out encodes once per encoder. */
export interface Encoder {
  /** Undefined when the protocol has no way to say this (a simple client hears payloads only). */
  encode(message: ServerMessage): Frame | undefined;
}

/** One message of a reliable protocol, encoded but for its sequence id. */
export interface Stamp {
  /** Of the message without its sequence id. */
  readonly bytes: number;
  /** The message with its sequence id. */
  frame(sequenceId: number): Frame;
}

/** Encodes what reliable protocols number: the body once, the sequence id per receiver. [client-protocols 5.1] */
export interface Sequencer {
  /** Undefined when the protocol has no way to say this. */
  prepare(message: SequencedMessage): Stamp | undefined;
}

/** One client protocol. Pure: no sockets, timers or logger. */
export interface Codec {
  /** The `Sec-WebSocket-Protocol` value it answers to; undefined for simple clients. */
  readonly subprotocol: string | undefined;
  /** What a request that failed turns into: an ack, when one was asked for, or the end of the connection. [client-protocols 3, 4.5] */
  readonly onFailure: 'ack' | 'close';
  readonly encoder: Encoder;
  /** Reliable protocols have one; their sessions outlive their sockets. [client-protocols 5] */
  readonly sequencer: Sequencer | undefined;
  /** @throws PubSubError `malformed` or `wrongFrameType` */
  decode(frame: InboundFrame): ClientRequest;
}

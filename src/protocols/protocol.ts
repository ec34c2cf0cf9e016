import type { Body } from '../frames/body.js';
import type { Frame } from '../frames/frames.js';
import type { ClientRequest, NumberedMessage, ServerMessage } from './messages.js';

/** One WebSocket message as it came in. */
export interface InboundFrame {
  readonly isBinary: boolean;
  readonly bytes: Buffer;
}

/** Turns messages into frames. One object per wire form: fan-out encodes once per encoder. */
export interface Encoder {
  /** Undefined when the protocol cannot express the message (simple clients receive payloads only). */
  encode(message: ServerMessage): Frame | undefined;
}

/** Encodes what reliable protocols number: the body once, the sequence id per receiver. [client-protocols 5.1] */
export interface Numbering {
  /** Undefined when the protocol cannot express the message. */
  prepare(message: NumberedMessage): Body | undefined;
}

/** One client protocol. Pure: no sockets, timers or logger. */
export interface Protocol {
  /** Its subprotocol, or `simple`: in metrics and logs. */
  readonly name: string;
  /** Its `Sec-WebSocket-Protocol` value; undefined for simple clients. */
  readonly subprotocol: string | undefined;
  /** How a failed request is answered: by an ack, if one was requested, or by closing the connection. [client-protocols 3, 4.5] */
  readonly onFailure: 'ack' | 'close';
  readonly encoder: Encoder;
  /** Reliable protocols have one; their sessions outlive their sockets. [client-protocols 5] */
  readonly numbering: Numbering | undefined;
  /** @throws PubSubError `malformed` or `wrongFrameType` */
  decode(frame: InboundFrame): ClientRequest;
}

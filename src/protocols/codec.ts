import type { ClientRequest, ServerMessage } from './messages.js';

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

/** One client protocol. Pure: no sockets, timers or logger. */
export interface Codec {
  /** The `Sec-WebSocket-Protocol` value it answers to; undefined for simple clients. */
  readonly subprotocol: string | undefined;
  /** What a request that failed turns into: an ack, when one was asked for, or the end of the connection. [client-protocols 3, 4.5] */
  readonly onFailure: 'ack' | 'close';
  readonly encoder: Encoder;
  /** @throws PubSubError `malformed` or `wrongFrameType` */
  decode(frame: InboundFrame): ClientRequest;
}

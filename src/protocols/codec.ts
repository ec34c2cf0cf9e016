import { Frame } from './frames.js';
import type { ClientRequest, SequencedMessage, ServerMessage } from './messages.js';
import { fragmentsOf, headerBytes, maxFrameBytes, writeHeader } from './wire.js';

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

/** One message of a reliable protocol, encoded but for its sequence id. */
export abstract class Stamp {
  abstract readonly isBinary: boolean;
  /** Of the message without its sequence id. */
  abstract readonly bytes: number;

  /** Bytes that the id itself takes. If two ids take as many bytes, the two messages differ in the id only. */
  abstract idBytes(sequenceId: number): number;

  /** Of the message with this id. */
  abstract size(sequenceId: number): number;

  /** Writes the message with this id from `at` on. Returns the position of the id. */
  abstract write(target: Buffer, at: number, sequenceId: number): number;

  /** Writes an id, which takes so many bytes, over another one of as many. */
  abstract writeId(target: Buffer, at: number, sequenceId: number, idBytes: number): void;

  /** The message with this id in parts: what all receivers share, and before and after it a receiver's own bytes. */
  abstract split(sequenceId: number): { readonly before: Buffer; readonly shared: Buffer; readonly after: Buffer };

  frame(sequenceId: number): Frame {
    const size = this.size(sequenceId);
    if (size > maxFrameBytes) return new Frame(this.isBinary, this.#written(0, size, sequenceId));
    const header = headerBytes(size);
    const wire = this.#written(header, size, sequenceId);
    writeHeader(wire, 0, this.isBinary, size);
    return new Frame(this.isBinary, wire.subarray(header), wire);
  }

  /** The message with this id as it goes over TCP in several frames, of which receivers share nearly all bytes. */
  fragments(sequenceId: number): Buffer[] {
    const { before, shared, after } = this.split(sequenceId);
    return fragmentsOf(this.isBinary, [before, shared, after]);
  }

  #written(at: number, size: number, sequenceId: number): Buffer {
    const bytes = Buffer.allocUnsafe(at + size);
    this.write(bytes, at, sequenceId);
    return bytes;
  }
}

/** Encodes what reliable protocols number: the body once, the sequence id per receiver. [client-protocols 5.1] */
export interface Sequencer {
  /** Undefined when the protocol cannot express the message. */
  prepare(message: SequencedMessage): Stamp | undefined;
}

/** One client protocol. Pure: no sockets, timers or logger. */
export interface Codec {
  /** Its `Sec-WebSocket-Protocol` value; undefined for simple clients. */
  readonly subprotocol: string | undefined;
  /** How a failed request is answered: by an ack, if one was requested, or by closing the connection. [client-protocols 3, 4.5] */
  readonly onFailure: 'ack' | 'close';
  readonly encoder: Encoder;
  /** Reliable protocols have one; their sessions outlive their sockets. [client-protocols 5] */
  readonly sequencer: Sequencer | undefined;
  /** @throws PubSubError `malformed` or `wrongFrameType` */
  decode(frame: InboundFrame): ClientRequest;
}

import { concatWires, wireOf } from './wire.js';

/**
 * Messages that are sent together, in order. Receivers of the same messages get the same object, so that the bytes are
 * joined once for all of them. [design 4]
 */
export interface Frames {
  /** Number of messages. */
  readonly count: number;
  /** Of all messages, without sequence ids. */
  readonly payloadBytes: number;
  /** Monotonic milliseconds: the earliest expiry of the messages. A blocked socket drops what has expired. [rest-api 5 › TTL] */
  readonly expiresAtMs: number;
  each(): readonly Frame[];
  /** All of them as they go over TCP in one Buffer, made when a first socket needs it. */
  wire(): Buffer;
  /** As `wire`, in several Buffers, of which receivers share all that is not one receiver's own. */
  buffers(): readonly Buffer[];
  /** The same messages in parts, each made on demand. What is made for one receiver alone has at most `maxPartBytes`. */
  parts(): Iterable<Frames>;
}

/** Bytes that are made for one receiver at a time: what a socket that makes no progress costs, beside its kernel's memory. */
export const maxPartBytes = 64 * 1024;

/** Messages whose joined size is above this are not copied together; the copy would cost more than a second write. */
export const maxJoinedBytes = 256 * 1024;

/** One WebSocket message to be sent. */
export class Frame implements Frames {
  readonly count = 1;
  readonly isBinary: boolean;
  readonly bytes: Buffer;
  readonly expiresAtMs: number;
  #wire: Buffer | undefined;

  /** @param wire as it goes over TCP, when that is known @param expiresAtMs as of `Frames` */
  constructor(isBinary: boolean, bytes: Buffer, wire?: Buffer, expiresAtMs = Number.POSITIVE_INFINITY) {
    this.isBinary = isBinary;
    this.bytes = bytes;
    this.expiresAtMs = expiresAtMs;
    this.#wire = wire;
  }

  /** The same message with this expiry; itself when it has it already. */
  expiringAt(expiresAtMs: number): Frame {
    return expiresAtMs === this.expiresAtMs ? this : new Frame(this.isBinary, this.bytes, this.#wire, expiresAtMs);
  }

  get payloadBytes(): number {
    return this.bytes.length;
  }

  each(): readonly Frame[] {
    return [this];
  }

  wire(): Buffer {
    this.#wire ??= wireOf(this.isBinary, this.bytes);
    return this.#wire;
  }

  buffers(): readonly Buffer[] {
    return [this.wire()];
  }

  parts(): Iterable<Frames> {
    return [this];
  }
}

/** Several messages, each of them ready. */
export class FrameList implements Frames {
  readonly payloadBytes: number;
  readonly expiresAtMs: number;
  readonly #frames: readonly Frame[];
  #wire: Buffer | undefined;

  constructor(frames: readonly Frame[]) {
    let [bytes, earliest] = [0, Number.POSITIVE_INFINITY];
    for (const frame of frames) {
      bytes += frame.payloadBytes;
      earliest = Math.min(earliest, frame.expiresAtMs);
    }
    this.#frames = frames;
    this.payloadBytes = bytes;
    this.expiresAtMs = earliest;
  }

  get count(): number {
    return this.#frames.length;
  }

  each(): readonly Frame[] {
    return this.#frames;
  }

  wire(): Buffer {
    this.#wire ??= concatWires(this.#frames);
    return this.#wire;
  }

  buffers(): readonly Buffer[] {
    return [this.wire()];
  }

  parts(): Iterable<Frames> {
    return this.payloadBytes <= maxJoinedBytes ? [this] : this.#frames;
  }
}

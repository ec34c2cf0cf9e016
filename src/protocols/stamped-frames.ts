import type { Stamp } from './codec.js';
import { type Frame, type Frames, maxPartBytes } from './frames.js';
import { transient } from './slabs.js';
import { concatWires, headerBytes, maxFrameBytes, writeHeader } from './wire.js';

/** The joined bytes of all messages for one receiver, and where the sequence ids are in them. */
interface Template {
  readonly wire: Buffer;
  readonly idsAt: readonly number[];
}

/**
 * Messages of a reliable protocol, in order, and their bytes for any receiver. Two receivers' bytes differ in the ids
 * only, so most of them are a copy of another's with other digits: to put each message together for each receiver costs
 * more than to write it to the socket. [design 4]
 */
export class StampedMessages {
  readonly stamps: readonly Stamp[];
  /** Of all messages, without their ids. */
  readonly bytes: number;
  /** May one of them not fit into one frame? */
  readonly #isLarge: boolean;
  /** By the bytes that each id takes. */
  readonly #templates: (Template | undefined)[] = [];

  constructor(stamps: readonly Stamp[]) {
    this.stamps = stamps;
    this.bytes = stamps.reduce((sum, stamp) => sum + stamp.bytes, 0);
    this.#isLarge = stamps.some(stamp => stamp.size(Number.MAX_SAFE_INTEGER) > maxFrameBytes);
  }

  /** All messages as they go over TCP, numbered from `firstId`. */
  wire(firstId: number): Buffer {
    const [first] = this.stamps;
    if (first === undefined || this.#isLarge) return concatWires(this.frames(firstId));
    const idBytes = first.idBytes(firstId);
    if (idBytes !== first.idBytes(firstId + this.stamps.length - 1)) return this.#build(firstId).wire;
    const template = this.#templates[idBytes];
    if (template !== undefined) return this.#copy(template, firstId, idBytes);
    const made = this.#build(firstId);
    this.#templates[idBytes] = made;
    return made.wire;
  }

  frames(firstId: number): readonly Frame[] {
    return this.stamps.map((stamp, index) => stamp.frame(firstId + index));
  }

  #copy({ wire, idsAt }: Template, firstId: number, idBytes: number): Buffer {
    const copy = transient(wire.length);
    wire.copy(copy);
    for (let index = 0; index < idsAt.length; index += 1) {
      this.stamps[index]!.writeId(copy, idsAt[index]!, firstId + index, idBytes);
    }
    return copy;
  }

  #build(firstId: number): Template {
    const sizes = this.stamps.map((stamp, index) => stamp.size(firstId + index));
    const wire = transient(sizes.reduce((sum, size) => sum + headerBytes(size) + size, 0));
    let at = 0;
    const idsAt = this.stamps.map((stamp, index) => {
      const start = writeHeader(wire, at, stamp.isBinary, sizes[index]!);
      at = start + sizes[index]!;
      return stamp.write(wire, start, firstId + index);
    });
    return { wire, idsAt };
  }
}

/** The messages numbered for one receiver, or for several with the same next id. */
export class StampedFrames implements Frames {
  /** A message that is numbered leaves a gap when it is dropped, so its socket keeps it. */
  readonly expiresAtMs = Number.POSITIVE_INFINITY;
  readonly firstId: number;
  readonly #messages: StampedMessages;
  #wire: Buffer | undefined;

  constructor(messages: StampedMessages, firstId: number) {
    this.#messages = messages;
    this.firstId = firstId;
  }

  get count(): number {
    return this.#messages.stamps.length;
  }

  get payloadBytes(): number {
    return this.#messages.bytes;
  }

  each(): readonly Frame[] {
    return this.#messages.frames(this.firstId);
  }

  wire(): Buffer {
    this.#wire ??= this.#messages.wire(this.firstId);
    return this.#wire;
  }

  buffers(): readonly Buffer[] {
    return [this.wire()];
  }

  parts(): Iterable<Frames> {
    return this.payloadBytes <= maxPartBytes ? [this] : this.#oneByOne();
  }

  *#oneByOne(): Iterable<Frames> {
    let id = this.firstId;
    for (const stamp of this.#messages.stamps) {
      yield stampedMessage(stamp, id);
      id += 1;
    }
  }
}

/** One message with its id, for one receiver. */
export function stampedMessage(stamp: Stamp, sequenceId: number): Frames {
  return stamp.size(sequenceId) <= maxFrameBytes ? stamp.frame(sequenceId) : new LargeMessage(stamp, sequenceId);
}

/** One that takes several frames. However many receivers wait for it, its bytes are in memory once. */
class LargeMessage implements Frames {
  readonly count = 1;
  readonly expiresAtMs = Number.POSITIVE_INFINITY;
  readonly #stamp: Stamp;
  readonly #sequenceId: number;

  constructor(stamp: Stamp, sequenceId: number) {
    this.#stamp = stamp;
    this.#sequenceId = sequenceId;
  }

  get payloadBytes(): number {
    return this.#stamp.bytes;
  }

  each(): readonly Frame[] {
    return [this.#stamp.frame(this.#sequenceId)];
  }

  wire(): Buffer {
    return Buffer.concat(this.buffers());
  }

  buffers(): readonly Buffer[] {
    return this.#stamp.fragments(this.#sequenceId);
  }
  parts(): Iterable<Frames> {
    return [this];
  }
}

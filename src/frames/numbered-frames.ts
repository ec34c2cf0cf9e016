import type { Body } from './body.js';
import { type Frame, type Frames, maxPartBytes } from './frames.js';
import { cutFromSlab } from './slabs.js';
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
export class BodyList {
  readonly bodies: readonly Body[];
  /** Of all messages, without their ids. */
  readonly bytes: number;
  /** May one of them not fit into one frame? */
  readonly #isLarge: boolean;
  /** By the bytes that each id takes. */
  readonly #templates: (Template | undefined)[] = [];

  constructor(bodies: readonly Body[]) {
    this.bodies = bodies;
    this.bytes = bodies.reduce((sum, body) => sum + body.bytes, 0);
    this.#isLarge = bodies.some(body => body.size(Number.MAX_SAFE_INTEGER) > maxFrameBytes);
  }

  /** All messages as they go over TCP, numbered from `firstId`. */
  wire(firstId: number): Buffer {
    const [first] = this.bodies;
    if (first === undefined || this.#isLarge) return concatWires(this.frames(firstId));
    const idBytes = first.idBytes(firstId);
    if (idBytes !== first.idBytes(firstId + this.bodies.length - 1)) return this.#build(firstId).wire;
    const template = this.#templates[idBytes];
    if (template !== undefined) return this.#copy(template, firstId, idBytes);
    const made = this.#build(firstId);
    this.#templates[idBytes] = made;
    return made.wire;
  }

  frames(firstId: number): readonly Frame[] {
    return this.bodies.map((body, index) => body.frame(firstId + index));
  }

  #copy({ wire, idsAt }: Template, firstId: number, idBytes: number): Buffer {
    const copy = cutFromSlab(wire.length);
    wire.copy(copy);
    for (let index = 0; index < idsAt.length; index += 1) {
      this.bodies[index]!.writeId(copy, idsAt[index]!, firstId + index, idBytes);
    }
    return copy;
  }

  #build(firstId: number): Template {
    const sizes = this.bodies.map((body, index) => body.size(firstId + index));
    const wire = cutFromSlab(sizes.reduce((sum, size) => sum + headerBytes(size) + size, 0));
    let at = 0;
    const idsAt = this.bodies.map((body, index) => {
      const start = writeHeader(wire, at, body.isBinary, sizes[index]!);
      at = start + sizes[index]!;
      return body.write(wire, start, firstId + index);
    });
    return { wire, idsAt };
  }
}

/** The messages numbered for one receiver, or for several with the same next id. */
export class NumberedFrames implements Frames {
  /** A message that is numbered leaves a gap when it is dropped, so its socket keeps it. */
  readonly expiresAtMs = Number.POSITIVE_INFINITY;
  readonly firstId: number;
  readonly #messages: BodyList;
  #wire: Buffer | undefined;

  constructor(messages: BodyList, firstId: number) {
    this.#messages = messages;
    this.firstId = firstId;
  }

  get count(): number {
    return this.#messages.bodies.length;
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
    for (const body of this.#messages.bodies) {
      yield numberedMessage(body, id);
      id += 1;
    }
  }
}

/** One message with its id, for one receiver. */
export function numberedMessage(body: Body, sequenceId: number): Frames {
  return body.size(sequenceId) <= maxFrameBytes ? body.frame(sequenceId) : new LargeMessage(body, sequenceId);
}

/** One that takes several frames. However many receivers wait for it, its bytes are in memory once. */
class LargeMessage implements Frames {
  readonly count = 1;
  readonly expiresAtMs = Number.POSITIVE_INFINITY;
  readonly #body: Body;
  readonly #sequenceId: number;

  constructor(body: Body, sequenceId: number) {
    this.#body = body;
    this.#sequenceId = sequenceId;
  }

  get payloadBytes(): number {
    return this.#body.bytes;
  }

  each(): readonly Frame[] {
    return [this.#body.frame(this.#sequenceId)];
  }

  wire(): Buffer {
    return Buffer.concat(this.buffers());
  }

  buffers(): readonly Buffer[] {
    return this.#body.fragments(this.#sequenceId);
  }
  parts(): Iterable<Frames> {
    return [this];
  }
}

import { Frame } from './frames.js';
import { fragmentsOf, headerBytes, maxFrameBytes, writeHeader } from './wire.js';

/** One message of a reliable protocol, encoded but for its sequence id. */
export abstract class Body {
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

  /** The message without an id, as a plain protocol sends it: `Numbering.restore` makes the body again. */
  abstract record(): Buffer;

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

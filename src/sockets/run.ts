import type { Frame } from '../protocols/codec.js';
import { wireOf } from './wire.js';

/** Frames whose joined size is above this are not copied together; the copy would cost more than a second write. */
const maxJoinedBytes = 256 * 1024;

/** Continuations that one run remembers: as many as there are wire forms that a message commonly goes out in. */
const rememberedNext = 4;

/**
 * Frames in the order in which they are due. Immutable and shared: receivers that are due the same frames come to hold
 * the same run, so that nothing is allocated for one of them and the frames are joined once for all. [design 4]
 */
export class Run {
  static readonly #none: readonly Run[] = [];
  readonly length: number;
  /** Payload bytes of all frames. */
  readonly bytes: number;
  /** The earliest, in Unix milliseconds; infinite when no frame expires. */
  readonly #expiresAtMs: number;
  readonly #before: Run | undefined;
  readonly #last: readonly Frame[];
  #next: readonly Run[] = Run.#none;
  #joined: Buffer | undefined;

  private constructor(before: Run | undefined, last: readonly Frame[]) {
    this.#before = before;
    this.#last = last;
    let bytes = before?.bytes ?? 0;
    let earliest = before === undefined ? Number.POSITIVE_INFINITY : before.#expiresAtMs;
    for (const frame of last) {
      bytes += frame.bytes.length;
      earliest = Math.min(earliest, frame.expiresAtMs);
    }
    this.length = (before?.length ?? 0) + last.length;
    this.bytes = bytes;
    this.#expiresAtMs = earliest;
  }

  /** No frames: where the runs of a turn begin. */
  static empty(): Run {
    return new Run(undefined, []);
  }

  /** This run and more frames; the same object for all who add the same array in turn. */
  with(frames: readonly Frame[]): Run {
    for (const next of this.#next) if (next.#last === frames) return next;
    const made = new Run(this, frames);
    this.#remember(made);
    return made;
  }

  /** What of it is still of use; undefined when nothing is. */
  fresh(nowMs: number): Run | undefined {
    if (this.#expiresAtMs > nowMs) return this;
    const frames = this.#frames().filter(({ expiresAtMs }) => expiresAtMs > nowMs);
    return frames.length === 0 ? undefined : Run.empty().with(frames);
  }

  /** All frames in one Buffer, made once; undefined when they are too large to be worth a copy. */
  joined(): Buffer | undefined {
    if (this.#joined === undefined && (this.length === 1 || this.bytes <= maxJoinedBytes)) {
      const wires = this.wires();
      this.#joined = wires.length === 1 ? wires[0] : Buffer.concat(wires);
    }
    return this.#joined;
  }

  /** Each frame as it goes over TCP, in order. */
  wires(): Buffer[] {
    return this.#frames().map(wireOf);
  }

  #frames(): readonly Frame[] {
    if (this.#before === undefined || this.#before.length === 0) return this.#last;
    const parts: (readonly Frame[])[] = [];
    for (let run: Run | undefined = this; run !== undefined; run = run.#before) parts.push(run.#last);
    return parts.reverse().flat();
  }

  /** The newest come first: a fan-out asks for the same one again and again. */
  #remember(next: Run): void {
    this.#next = [next, ...this.#next.slice(0, rememberedNext - 1)];
  }
}

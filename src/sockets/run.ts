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
  readonly #before: Run | undefined;
  readonly #last: Frame | undefined;
  #next: Run[] | readonly Run[] = Run.#none;
  #joined: Buffer | undefined;

  private constructor(before: Run | undefined, last: Frame | undefined) {
    this.#before = before;
    this.#last = last;
    this.length = before === undefined ? 0 : before.length + 1;
    this.bytes = (before?.bytes ?? 0) + (last?.bytes.length ?? 0);
  }

  /** No frames: where the runs of a turn begin. */
  static empty(): Run {
    return new Run(undefined, undefined);
  }

  /** This run and one more frame; the same object for all who add the same frame in turn. */
  with(frame: Frame): Run {
    for (const next of this.#next) if (next.#last === frame) return next;
    const made = new Run(this, frame);
    this.#remember(made);
    return made;
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
    const wires = new Array<Buffer>(this.length);
    for (let run: Run = this; run.#before !== undefined; run = run.#before) {
      wires[run.length - 1] = wireOf(run.#last as Frame);
    }
    return wires;
  }

  /** The newest come first: a fan-out asks for the same one again and again. */
  #remember(next: Run): void {
    this.#next = [next, ...this.#next.slice(0, rememberedNext - 1)];
  }
}

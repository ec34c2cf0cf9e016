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
  readonly #last: Frame | undefined;
  #next: Run[] | readonly Run[] = Run.#none;
  #joined: Buffer | undefined;

  private constructor(before: Run | undefined, last: Frame | undefined) {
    this.#before = before;
    this.#last = last;
    this.length = before === undefined ? 0 : before.length + 1;
    this.bytes = (before?.bytes ?? 0) + (last?.bytes.length ?? 0);
    const earlier = before === undefined ? Number.POSITIVE_INFINITY : before.#expiresAtMs;
    this.#expiresAtMs = Math.min(earlier, last?.expiresAtMs ?? earlier);
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

  /** What of it is still of use; undefined when nothing is. */
  fresh(nowMs: number): Run | undefined {
    if (this.#expiresAtMs > nowMs) return this;
    let run = Run.empty();
    for (const frame of this.#frames()) if (frame.expiresAtMs > nowMs) run = run.with(frame);
    return run.length === 0 ? undefined : run;
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

  #frames(): Frame[] {
    const frames = new Array<Frame>(this.length);
    for (let run: Run = this; run.#before !== undefined; run = run.#before) frames[run.length - 1] = run.#last as Frame;
    return frames;
  }

  /** The newest come first: a fan-out asks for the same one again and again. */
  #remember(next: Run): void {
    this.#next = [next, ...this.#next.slice(0, rememberedNext - 1)];
  }
}

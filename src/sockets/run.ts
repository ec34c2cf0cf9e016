import { type Frame, FrameList, type Frames } from '../protocols/frames.js';
import { concatWires } from '../protocols/wire.js';

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
  /** Messages. */
  readonly length: number;
  /** Payload bytes of all frames. */
  readonly bytes: number;
  /** The earliest, in Unix milliseconds; infinite when no frame expires. */
  readonly #expiresAtMs: number;
  readonly #before: Run | undefined;
  readonly #last: Frames | undefined;
  #next: readonly Run[] = Run.#none;
  #joined: Buffer | undefined;

  private constructor(before: Run | undefined, last: Frames | undefined) {
    this.#before = before;
    this.#last = last;
    this.length = (before?.length ?? 0) + (last?.count ?? 0);
    this.bytes = (before?.bytes ?? 0) + (last?.payloadBytes ?? 0);
    const earlier = before === undefined ? Number.POSITIVE_INFINITY : before.#expiresAtMs;
    this.#expiresAtMs = Math.min(earlier, last?.expiresAtMs ?? earlier);
  }

  /** No frames: where the runs of a turn begin. */
  static empty(): Run {
    return new Run(undefined, undefined);
  }

  /** This run and more frames; the same object for all who add the same ones in turn. */
  with(frames: Frames): Run {
    for (const next of this.#next) if (next.#last === frames) return next;
    const made = new Run(this, frames);
    this.#remember(made);
    return made;
  }

  /** What of it is still of use; undefined when nothing is. */
  fresh(nowMs: number): Run | undefined {
    if (this.#expiresAtMs > nowMs) return this;
    const frames = this.#frames().filter(({ expiresAtMs }) => expiresAtMs > nowMs);
    return frames.length === 0 ? undefined : Run.empty().with(new FrameList(frames));
  }

  /** All frames in one Buffer, made once; undefined when they are too large to be worth a copy. */
  joined(): Buffer | undefined {
    if (this.#joined === undefined && (this.length === 1 || this.bytes <= maxJoinedBytes)) {
      this.#joined = concatWires(this.#parts());
    }
    return this.#joined;
  }

  /** Each frame as it goes over TCP, in order. */
  wires(): Buffer[] {
    return this.#frames().map(frame => frame.wire());
  }

  #frames(): readonly Frame[] {
    return this.#parts().flatMap(part => part.each());
  }

  /** What was added, in order. */
  #parts(): readonly Frames[] {
    const parts: Frames[] = [];
    for (let run: Run | undefined = this; run !== undefined; run = run.#before) {
      if (run.#last !== undefined) parts.push(run.#last);
    }
    return parts.reverse();
  }

  /** The newest come first: a fan-out asks for the same one again and again. */
  #remember(next: Run): void {
    this.#next = [next, ...this.#next.slice(0, rememberedNext - 1)];
  }
}

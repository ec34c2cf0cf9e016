import type { Frame, Frames } from './frames.js';
import { concatWires } from './wire.js';

/** Maximum number of continuations that a run caches: the usual number of wire forms of a message. */
const rememberedNext = 4;

/**
 * Queued frames, in order. Immutable and shared: receivers with equal queues hold the same
 * run, so that nothing is allocated for one of them and the frames are joined once for all. [design 4]
 */
export class Run implements Frames {
  static readonly #none: readonly Run[] = [];
  readonly count: number;
  readonly payloadBytes: number;
  readonly expiresAtMs: number;
  readonly #before: Run | undefined;
  readonly #last: Frames | undefined;
  #next: readonly Run[] = Run.#none;
  #wire: Buffer | undefined;

  private constructor(before: Run | undefined, last: Frames | undefined) {
    this.#before = before;
    this.#last = last;
    this.count = (before?.count ?? 0) + (last?.count ?? 0);
    this.payloadBytes = (before?.payloadBytes ?? 0) + (last?.payloadBytes ?? 0);
    this.expiresAtMs = Math.min(
      before?.expiresAtMs ?? Number.POSITIVE_INFINITY,
      last?.expiresAtMs ?? Number.POSITIVE_INFINITY,
    );
  }

  /** Nothing: where the runs of a turn begin. */
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

  each(): readonly Frame[] {
    return this.#added().flatMap(frames => frames.each());
  }

  wire(): Buffer {
    this.#wire ??= concatWires(this.#added());
    return this.#wire;
  }

  buffers(): readonly Buffer[] {
    return [this.wire()];
  }

  *parts(): Iterable<Frames> {
    for (const frames of this.#added()) yield* frames.parts();
  }

  /** In order. */
  #added(): readonly Frames[] {
    const added: Frames[] = [];
    for (let run: Run | undefined = this; run !== undefined; run = run.#before) {
      if (run.#last !== undefined) added.push(run.#last);
    }
    return added.reverse();
  }

  /** The newest come first: a fan-out needs the same one again and again. */
  #remember(next: Run): void {
    this.#next = [next, ...this.#next.slice(0, rememberedNext - 1)];
  }
}

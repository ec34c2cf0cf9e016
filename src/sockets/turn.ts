import type { Frame } from '../protocols/codec.js';
import { wireOf } from './wire.js';

/** Something that has frames to write by the end of the turn. */
export interface Flushable {
  flush(joiner: Joiner): void;
}

/** Frames whose joined size is above this are not copied together; the copy would cost more than a second write. */
const maxJoinedBytes = 256 * 1024;

/**
 * Joins the writes of one turn of the event loop: what a socket is due within a turn leaves in one write. Under load
 * this is worth more than anything else on the way out. [design 4]
 */
export class Turn {
  #due: Flushable[] = [];

  /** Flushes it once all input of this turn has been handled. */
  add(flushable: Flushable): void {
    if (this.#due.length === 0) setImmediate(this.#end);
    this.#due.push(flushable);
  }

  readonly #end = (): void => {
    const due = this.#due;
    this.#due = [];
    const joiner = new Joiner();
    for (const flushable of due) flushable.flush(joiner);
  };
}

/** Joins runs of frames; receivers with the same run share the joined Buffer. */
export class Joiner {
  #run: readonly Frame[] = [];
  #joined: Buffer | undefined;

  /** Undefined when the run is too large to be worth a copy: write its frames one by one. */
  join(run: readonly Frame[], bytes: number): Buffer | undefined {
    if (run.length === 1) return wireOf(run[0] as Frame);
    if (bytes > maxJoinedBytes) return undefined;
    if (this.#joined === undefined || !isSameRun(run, this.#run)) {
      this.#run = run;
      this.#joined = Buffer.concat(run.map(wireOf));
    }
    return this.#joined;
  }
}

function isSameRun(a: readonly Frame[], b: readonly Frame[]): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index += 1) if (a[index] !== b[index]) return false;
  return true;
}

import type { Clock } from '../clock.js';
import { Run } from '../frames/run.js';
import type { Turn } from '../hub/ports.js';

/** Something that has frames to write by the end of the turn. */
export interface Flushable {
  /** Writes what is due, or a part of it, and then adds itself again. Answers the bytes that it wrote. */
  flush(): number;
}

type MonotonicClock = Pick<Clock, 'monotonicMs'>;

/** Milliseconds for which the writes of one turn may hold up the event loop; the next turn goes on with them. [design 8] */
export const sliceMs = 20;

/** What a write costs beside its bytes, as bytes. */
export const writeCostBytes = 16 * 1024;

/** Bytes after which the clock is read again. */
const unclockedBytes = 256 * 1024;

/**
 * Joins the writes of one turn of the event loop: what a socket is due within a turn leaves in one write. Under load
 * this is worth more than anything else on the way out. [design 4] Sockets take turns: when a slice is over, those that
 * are left come first in the next one.
 */
export class EventLoopTurn implements Turn {
  readonly #clock: MonotonicClock;
  #tasks: (() => void)[] = [];
  #due: Flushable[] = [];
  #start = Run.empty();
  #isEndAwaited = false;

  constructor(clock: MonotonicClock) {
    this.#clock = clock;
  }

  /** The empty run that all sockets begin with in this turn; sharing it is how they come to share what follows. */
  get start(): Run {
    return this.#start;
  }

  /** Flushes it once all input of this turn has been handled. */
  add(flushable: Flushable): void {
    this.#due.push(flushable);
    this.#awaitEnd();
  }

  atEnd(task: () => void): void {
    this.#tasks.push(task);
    this.#awaitEnd();
  }

  #awaitEnd(): void {
    if (this.#isEndAwaited) return;
    this.#isEndAwaited = true;
    setImmediate(this.#end);
  }

  readonly #end = (): void => {
    const endMs = this.#clock.monotonicMs() + sliceMs;
    try {
      for (const task of this.#tasks) task(); // those that they add come next, and what they send still leaves in this turn
    } finally {
      this.#tasks = [];
      // Behind those of the NATS client, which writes in a microtask: other nodes do not wait for the clients of this one. [cluster 3.4]
      queueMicrotask(() => this.#flush(endMs));
    }
  };

  #flush(endMs: number): void {
    this.#start = Run.empty();
    try {
      this.#flushUntil(endMs);
    } finally {
      this.#isEndAwaited = false;
      if (this.#due.length > 0 || this.#tasks.length > 0) this.#awaitEnd();
    }
  }

  /** Round by round: one that has more to write comes behind all others. */
  #flushUntil(endMs: number): void {
    let unclocked = 0;
    while (this.#due.length > 0) {
      const due = this.#due;
      this.#due = [];
      for (let index = 0; index < due.length; index += 1) {
        unclocked += writeCostBytes + due[index]!.flush();
        if (unclocked < unclockedBytes) continue;
        unclocked = 0;
        if (this.#clock.monotonicMs() < endMs) continue;
        this.#due = due.slice(index + 1).concat(this.#due);
        return;
      }
    }
  }
}

import type { Turn } from '../hub/ports.js';
import { Run } from './run.js';

/** Something that has frames to write by the end of the turn. */
export interface Flushable {
  flush(): void;
}

/**
 * Joins the writes of one turn of the event loop: what a socket is due within a turn leaves in one write. Under load
 * this is worth more than anything else on the way out. [design 4]
 */
export class EventLoopTurn implements Turn {
  #tasks: (() => void)[] = [];
  #due: Flushable[] = [];
  #start = Run.empty();
  #isEndAwaited = false;

  /** The empty run that all sockets begin with in this turn; sharing it is how they come to share what follows. */
  get start(): Run {
    return this.#start;
  }

  /** Flushes it once all input of this turn has been handled. */
  add(flushable: Flushable): void {
    this.#awaitEnd();
    this.#due.push(flushable);
  }

  atEnd(task: () => void): void {
    this.#awaitEnd();
    this.#tasks.push(task);
  }

  #awaitEnd(): void {
    if (this.#isEndAwaited) return;
    this.#isEndAwaited = true;
    setImmediate(this.#end);
  }

  readonly #end = (): void => {
    const tasks = this.#tasks;
    this.#tasks = [];
    for (const task of tasks) task(); // what they send still leaves in this turn
    const due = this.#due;
    this.#due = [];
    this.#start = Run.empty();
    this.#isEndAwaited = false;
    for (const flushable of due) flushable.flush();
  };
}

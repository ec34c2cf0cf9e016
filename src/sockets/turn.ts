import { Run } from './run.js';

/** Something that has frames to write by the end of the turn. */
export interface Flushable {
  flush(): void;
}

/**
 * Joins the writes of one turn of the event loop: what a socket is due within a turn leaves in one write. Under load
 * this is worth more than anything else on the way out. [design 4]
 */
export class Turn {
  #due: Flushable[] = [];
  #start = Run.empty();

  /** The empty run that all sockets begin with in this turn; sharing it is how they come to share what follows. */
  get start(): Run {
    return this.#start;
  }

  /** Flushes it once all input of this turn has been handled. */
  add(flushable: Flushable): void {
    if (this.#due.length === 0) setImmediate(this.#end);
    this.#due.push(flushable);
  }

  readonly #end = (): void => {
    const due = this.#due;
    this.#due = [];
    this.#start = Run.empty();
    for (const flushable of due) flushable.flush();
  };
}

/** What slices need of the machine. */
export interface Pace {
  /** Milliseconds since some fixed moment; never goes back. */
  monotonicMs(): number;
  /** Runs `task` once, in a later turn of the event loop: input that came meanwhile has been handled by then. */
  nextTurn(task: () => void): void;
}

/** Work in small steps, each of which leaves everything in order; what it returns is its result. */
export type Steps<T> = Generator<void, T, void>;

/** Work that goes on in a later turn. */
interface Unfinished {
  /** One slice; true once the work is over. */
  goOn(): boolean;
}

/**
 * Maximum time for all work of one turn together, so that the event loop is not blocked for longer. Two turns' shares may
 * run back to back, when the first began while input was handled. [design 8]
 */
export const sliceMs = 10;

/**
 * Does work over many in slices, with a turn of the event loop between them. The first slice begins at once, so that
 * small work is over within the call and costs nothing more. All work shares the turns: each gets one slice in its turn,
 * so that a small call does not wait for the end of a large one.
 *
 * Steps must expect that between any two of them connections open and end, messages are sent, and other work is done.
 */
export class Slices {
  readonly #pace: Pace;
  readonly #unfinished: Unfinished[] = [];
  /** When this turn's share is used up; undefined until something of it is used. */
  #endMs: number | undefined;

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  /** The result at once when one slice was enough. @throws what a step throws; as a rejection when it was a later one */
  run<T>(steps: Steps<T>): T | Promise<Awaited<T>> {
    const first = this.#slice(steps);
    if (first !== undefined) return first.value;
    return new Promise((resolve, reject) => {
      const goOn = (): boolean => {
        try {
          const last = this.#slice(steps);
          if (last !== undefined) resolve(last.value as Awaited<T>); // a promise is waited for
          return last !== undefined;
        } catch (error) {
          reject(error);
          return true;
        }
      };
      this.#unfinished.push({ goOn });
    });
  }

  /** Undefined when the share of this turn was used up first. */
  #slice<T>(steps: Steps<T>): IteratorReturnResult<T> | undefined {
    const endMs = this.#endMs ?? this.#beginShare();
    do {
      const step = steps.next();
      if (step.done === true) return step;
    } while (this.#pace.monotonicMs() < endMs);
    return undefined;
  }

  #beginShare(): number {
    this.#pace.nextTurn(this.#onTurn);
    this.#endMs = this.#pace.monotonicMs() + sliceMs;
    return this.#endMs;
  }

  readonly #onTurn = (): void => {
    this.#endMs = undefined;
    // The rest waits for the next turn, which the first slice of this one has scheduled.
    for (let count = this.#unfinished.length; count > 0 && this.#isShareLeft(); count -= 1) {
      const work = this.#unfinished.shift()!;
      if (!work.goOn()) this.#unfinished.push(work);
    }
  };

  #isShareLeft(): boolean {
    return this.#endMs === undefined || this.#pace.monotonicMs() < this.#endMs;
  }
}

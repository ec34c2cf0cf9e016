/** How long what is in flight may take to arrive once a slice's time is up. */
const drainTimeoutMs = 10_000;

/** What a load did within one slice. */
export interface Work {
  /** Deliveries, acks or whatever the scenario counts. */
  readonly done: number;
  /** Of a sample. */
  readonly latenciesMs: readonly number[];
}

/** Drives one server. It keeps its work in flight at every moment of a slice: it never sleeps and never polls. */
export interface Load {
  /** Runs for this long, then until nothing is in flight. */
  run(durationMs: number): Promise<Work>;
}

/** One slice of a load: open until its time is up, over once the load says that nothing is in flight any more. */
export class Slice {
  readonly latenciesMs: number[] = [];
  readonly over: Promise<Work>;
  done = 0;
  isOpen = true;
  readonly #timers: NodeJS.Timeout[];
  #resolve: (work: Work) => void = () => {};
  #reject: (error: Error) => void = () => {};

  constructor(durationMs: number) {
    this.over = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const stalled = () => this.fail(new Error(`stalled: work is missing ${drainTimeoutMs} ms after the slice's end`));
    this.#timers = [
      setTimeout(() => {
        this.isOpen = false;
      }, durationMs),
      setTimeout(stalled, durationMs + drainTimeoutMs),
    ];
  }

  finish(): void {
    this.#cancel();
    this.#resolve({ done: this.done, latenciesMs: this.latenciesMs });
  }

  fail(error: Error): void {
    this.#cancel();
    this.#reject(error);
  }

  #cancel(): void {
    this.isOpen = false;
    for (const timer of this.#timers) clearTimeout(timer);
  }
}

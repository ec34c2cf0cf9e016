import type { Guard } from './guard.js';

/** How long what is in flight may take to arrive: once a slice's time is up, and before the first slice. */
export const drainTimeoutMs = 10_000;

/** What a load did within one slice. */
export interface Work {
  /** Deliveries, acks or whatever the scenario counts. */
  readonly done: number;
  /** Of a sample. */
  readonly latenciesMs: readonly number[];
}

/** Drives one server. It keeps its work in flight at every moment of a slice: it never sleeps and never polls. */
export interface Load {
  /** What has to be done before each slice and is not measured. */
  prepare?(): Promise<void>;
  /** Runs for this long, then until nothing is in flight. @throws Error when a connection is lost or work goes missing */
  run(durationMs: number): Promise<Work>;
}

/** One slice of a load: open until its time is up, over once the load says that nothing is in flight any more. */
export class Slice {
  readonly latenciesMs: number[] = [];
  done = 0;
  isOpen = true;
  readonly #over: Promise<void>;
  #finish: () => void = () => {};

  constructor() {
    this.#over = new Promise(resolve => {
      this.#finish = resolve;
    });
  }

  /** Nothing is in flight. */
  finish(): void {
    this.#finish();
  }

  async run(durationMs: number, guard: Guard): Promise<Work> {
    const timer = setTimeout(() => {
      this.isOpen = false;
    }, durationMs);
    try {
      await guard.during(this.#over, durationMs + drainTimeoutMs);
    } finally {
      clearTimeout(timer);
    }
    return { done: this.done, latenciesMs: this.latenciesMs };
  }
}

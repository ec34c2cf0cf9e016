import type { Clock } from '../clock.js';

/** Until the first new attempt; doubled each time. */
const firstDelayMs = 1_000;
const maxDelayMs = 30_000;

/** Repeats a task that fails temporarily, with increasing delays. */
export class Retry {
  readonly #clock: Clock;
  readonly #task: () => void;
  #delayMs = firstDelayMs;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, task: () => void) {
    this.#clock = clock;
    this.#task = task;
  }

  /** One attempt at a time. */
  schedule(): void {
    if (this.#cancel !== undefined) return;
    this.#cancel = this.#clock.after(this.#delayMs, () => {
      this.#cancel = undefined;
      this.#task();
    });
    this.#delayMs = Math.min(this.#delayMs * 2, maxDelayMs);
  }

  /** It has succeeded: the next failure begins with a short pause again. */
  reset(): void {
    this.#delayMs = firstDelayMs;
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}

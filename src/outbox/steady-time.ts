import type { Clock } from '../clock.js';

/**
 * Due times are kept on disk, so they are times of the wall clock; but a step of it must neither delay nor hurry a retry.
 * This is the wall clock as it was at the start, going on with the monotonic one.
 */
export class SteadyTime {
  readonly #clock: Clock;
  readonly #offsetMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offsetMs = clock.now() - clock.monotonicMs();
  }

  readonly nowMs = (): number => this.at(this.#clock.monotonicMs());

  /** When the monotonic clock had this reading. */
  at(monotonicMs: number): number {
    return Math.round(this.#offsetMs + monotonicMs);
  }
}

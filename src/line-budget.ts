import type { Clock } from './clock.js';

/** The lines that were not written in one window of time. */
export interface Unwritten {
  readonly count: number;
  /** By the HTTP status of each. */
  readonly statuses: Readonly<Record<string, number>>;
}

/**
 * Limits the log lines that external callers can cause in each window of time, so that they cannot fill a disk. Further
 * lines are counted, and the count is reported at the end of the window: only then a timer runs.
 */
export class LineBudget {
  readonly #lines: number;
  readonly #windowMs: number;
  readonly #clock: Pick<Clock, 'after' | 'monotonicMs'>;
  readonly #tell: (unwritten: Unwritten) => void;
  #left = 0;
  /** Monotonic: the end of the window. */
  #untilMs = Number.NEGATIVE_INFINITY;
  #unwritten = new Map<number, number>();

  constructor(
    lines: number,
    windowMs: number,
    clock: Pick<Clock, 'after' | 'monotonicMs'>,
    tell: (unwritten: Unwritten) => void,
  ) {
    this.#lines = lines;
    this.#windowMs = windowMs;
    this.#clock = clock;
    this.#tell = tell;
  }

  /** May one more line be written? */
  take(status: number): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs >= this.#untilMs) {
      this.#untilMs = nowMs + this.#windowMs;
      this.#left = this.#lines;
    }
    this.#left -= 1;
    if (this.#left >= 0) return true;
    if (this.#unwritten.size === 0) this.#clock.after(this.#untilMs - nowMs, () => this.#report());
    this.#unwritten.set(status, (this.#unwritten.get(status) ?? 0) + 1);
    return false;
  }

  #report(): void {
    const statuses = this.#unwritten;
    this.#unwritten = new Map();
    const count = [...statuses.values()].reduce((sum, each) => sum + each, 0);
    this.#tell({ count, statuses: Object.fromEntries(statuses) });
  }
}

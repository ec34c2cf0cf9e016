import type { Clock } from './clock.js';

/** The lines that were not written in one window of time. */
export interface Unwritten {
  readonly count: number;
  /** By the HTTP status of each. */
  readonly statuses: Readonly<Record<string, number>>;
}

/**
 * Limits the log lines that external callers can cause in each window of time, so that they cannot fill a disk. Further
 * lines are counted, and the count is reported at the end of the window. No timer runs while there are none.
 */
export class LineBudget {
  readonly #lines: number;
  readonly #windowMs: number;
  readonly #clock: Pick<Clock, 'after'>;
  readonly #tell: (unwritten: Unwritten) => void;
  #left = 0;
  #isOpen = false;
  #unwritten = new Map<number, number>();

  constructor(lines: number, windowMs: number, clock: Pick<Clock, 'after'>, tell: (unwritten: Unwritten) => void) {
    this.#lines = lines;
    this.#windowMs = windowMs;
    this.#clock = clock;
    this.#tell = tell;
  }

  /** May one more line be written? */
  take(status: number): boolean {
    if (!this.#isOpen) this.#open();
    this.#left -= 1;
    if (this.#left >= 0) return true;
    this.#unwritten.set(status, (this.#unwritten.get(status) ?? 0) + 1);
    return false;
  }

  #open(): void {
    this.#isOpen = true;
    this.#left = this.#lines;
    this.#clock.after(this.#windowMs, () => this.#close());
  }

  #close(): void {
    this.#isOpen = false;
    const statuses = this.#unwritten;
    if (statuses.size === 0) return;
    this.#unwritten = new Map();
    const count = [...statuses.values()].reduce((sum, each) => sum + each, 0);
    this.#tell({ count, statuses: Object.fromEntries(statuses) });
  }
}

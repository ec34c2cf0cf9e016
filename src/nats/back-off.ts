/** Waits between attempts: none before the first, then 250 ms doubling to 2 s, each with full jitter. [CL-015] */
export class BackOff {
  readonly #random: () => number;
  #failures = 0;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** Milliseconds to wait before the next attempt. */
  next(): number {
    const attempt = this.#failures;
    this.#failures += 1;
    if (attempt === 0) return 0;
    return this.#random() * Math.min(longestMs, firstMs * 2 ** (attempt - 1));
  }

  /** The next attempt is again a first one. */
  reset(): void {
    this.#failures = 0;
  }
}

const firstMs = 250;
const longestMs = 2_000;

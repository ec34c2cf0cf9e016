/** How often this process looks at the time. */
const everyMs = 100;

/** How long this process did not get to run: on a machine that is too busy for it, others wait as long. */
export class Standstill {
  #totalMs = 0;
  readonly #timer: NodeJS.Timeout;

  constructor() {
    let lastMs = performance.now();
    this.#timer = setInterval(() => {
      const nowMs = performance.now();
      this.#totalMs += Math.max(0, nowMs - lastMs - everyMs);
      lastMs = nowMs;
    }, everyMs).unref();
  }

  /** Milliseconds so far. */
  get totalMs(): number {
    return this.#totalMs;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

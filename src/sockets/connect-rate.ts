/** Limits the clients that connect per second: a token bucket that fills evenly and holds the tokens of one second. */
export class ConnectRate {
  readonly #monotonicMs: () => number;
  #tokens = Number.POSITIVE_INFINITY;
  #filledMs = 0;

  /** @param monotonicMs milliseconds of a clock that is never set */
  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /**
   * Takes a place for one client.
   * @param perSecond read at each call: a reload applies at once
   * @returns 0 when there is one; else the milliseconds until there will be, and none is taken
   */
  take(perSecond: number): number {
    const nowMs = this.#monotonicMs();
    const filled = this.#tokens + ((nowMs - this.#filledMs) / 1_000) * perSecond;
    this.#filledMs = nowMs;
    this.#tokens = Math.min(Math.max(1, perSecond), filled);
    if (this.#tokens < 1) return ((1 - this.#tokens) / perSecond) * 1_000;
    this.#tokens -= 1;
    return 0;
  }
}

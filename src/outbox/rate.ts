/** Limits attempts per second; a second's worth may leave at once. */
export class Rate {
  #tokens = Infinity;
  #filledAtMs = 0;

  /** Attempts allowed now. @param perSecond undefined: any number */
  available(perSecond: number | undefined, nowMs: number): number {
    if (perSecond === undefined) {
      this.#tokens = Infinity;
      return Infinity;
    }
    const most = Math.max(1, perSecond);
    this.#tokens = Math.min(most, this.#tokens + ((nowMs - this.#filledAtMs) / 1_000) * perSecond);
    this.#filledAtMs = nowMs;
    return Math.floor(this.#tokens + 1e-9);
  }

  take(): void {
    this.#tokens -= 1;
  }

  /** When the next attempt is allowed. */
  nextAtMs(perSecond: number): number {
    return this.#filledAtMs + Math.ceil(((1 - this.#tokens) / perSecond) * 1_000);
  }
}

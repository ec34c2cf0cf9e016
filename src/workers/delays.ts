/** Between an end and the next start: doubled each time. */
const leastMs = 1_000;
const mostMs = 30_000;

/** Who has run for so long begins with the least again. */
const goodRunMs = 60_000;

/** How long to wait before something that has ended is started again: 1 s, doubled up to 30 s while it does not stay. */
export class Delays {
  #nextMs = leastMs;
  #startedMs = Number.NEGATIVE_INFINITY;

  /** To be called when it ends. @param nowMs monotonic milliseconds @returns milliseconds until it is started again */
  next(nowMs: number): number {
    if (nowMs - this.#startedMs >= goodRunMs) this.#nextMs = leastMs;
    const delayMs = this.#nextMs;
    this.#nextMs = Math.min(mostMs, delayMs * 2);
    this.#startedMs = nowMs + delayMs;
    return delayMs;
  }
}

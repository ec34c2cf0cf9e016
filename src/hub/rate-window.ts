/** Limits how often something happens within any one second, exactly: it keeps the times of the last ones. */
export class RateWindow {
  readonly #timesMs: number[] = [];

  /**
   * Counts one, unless there are as many already.
   * @param nowMs monotonic milliseconds @param perSecond read at each call: a reload applies at once
   * @returns false when it is one too many
   */
  take(nowMs: number, perSecond: number): boolean {
    const times = this.#timesMs;
    while (times.length > 0 && nowMs - times[0]! >= 1_000) times.shift();
    if (times.length >= perSecond) return false;
    times.push(nowMs);
    return true;
  }
}

import { ApiFailure } from './failures.js';

/** A second's allowance, which refills evenly. It may be overdrawn by one request, which later ones wait for. */
interface Allowance {
  left: number;
  readMs: number;
}

/** How much each of several may use in a second. Memory is bounded by the number of names: those of configured apps. */
export class Rates {
  readonly #monotonicMs: () => number;
  readonly #allowances = new Map<string, Allowance>();

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /**
   * Uses `amount`. A request is refused only when nothing is left, so that one that uses more than a second's allowance
   * can be served too.
   * @param perSecond read at each use: a reload applies at once. Infinity: not limited
   * @throws ApiFailure `tooMany`, with the seconds after which there is something again
   */
  use(name: string, amount: number, perSecond: number): void {
    if (perSecond === Number.POSITIVE_INFINITY) return;
    const nowMs = this.#monotonicMs();
    const known = this.#allowances.get(name) ?? { left: perSecond, readMs: nowMs };
    const left = Math.min(perSecond, known.left + ((nowMs - known.readMs) / 1_000) * perSecond);
    if (left > 0) {
      this.#allowances.set(name, { left: left - amount, readMs: nowMs });
      return;
    }
    this.#allowances.set(name, { left, readMs: nowMs });
    const retryAfterSeconds = Math.max(1, Math.ceil(-left / perSecond));
    throw new ApiFailure('tooMany', `More than ${perSecond} a second: try again in ${retryAfterSeconds} s.`, {
      retryAfterSeconds,
    });
  }
}

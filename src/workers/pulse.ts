/** Between two pings. */
export const beatMs = 1_000;

/**
 * Pings in a row without a sign of life, after which a worker is `silent`: figures are given without its answer, `hung`: no change
 * and no readiness waits for it any more, and `lost`: it is killed. A long turn of its event loop is far shorter than the last.
 */
export const missedBeats = { silent: 2, hung: 10, lost: 30 } as const;

/**
 * Whether a worker still runs, by the answers to its pings. Pings are counted, not time: while the parent itself stands still, as
 * on a machine that sleeps, it sends none, and none is missed.
 */
export class Pulse {
  #missed = 0;
  #isHeard = false;
  /** It is pinged once it has said anything: how long it takes to load depends on the machine. */
  #hasBegun = false;

  /** Pings in a row without a sign of life. */
  get missed(): number {
    return this.#missed;
  }

  /** The last ones in whole seconds, for people. */
  get silentSeconds(): number {
    return (this.#missed * beatMs) / 1_000;
  }

  has(end: keyof typeof missedBeats): boolean {
    return this.#missed >= missedBeats[end];
  }

  /** A message has come, whichever. */
  heard(): void {
    this.#missed = 0;
    this.#isHeard = true;
    this.#hasBegun = true;
  }

  /** Every `beatMs`. @returns whether it is to be pinged */
  beat(): boolean {
    if (!this.#hasBegun) return false;
    if (!this.#isHeard) this.#missed += 1;
    this.#isHeard = false;
    return true;
  }
}

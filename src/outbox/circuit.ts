import type { CircuitState } from './ports.js';

const sampleMs = 30_000;
const samples = 10;
const leastAttempts = 10;
const failingShare = 0.7;
const openMs = 30_000;

interface Sample {
  readonly startMs: number;
  delivered: number;
  failed: number;
}

/**
 * Stops attempts while most of them fail: opens when at least 70 % of at least 10 attempts within five minutes failed, allows
 * one after 30 s, and closes when that one succeeds. [pusher-webhooks 6]
 */
export class Circuit {
  #samples: Sample[] = [];
  /** Undefined: closed. */
  #opensAgainAtMs: number | undefined;

  /** Attempts that may be under way now. */
  limit(nowMs: number): number {
    switch (this.state(nowMs)) {
      case 'closed':
        return Infinity;
      case 'half-open':
        return 1;
      case 'open':
        return 0;
    }
  }

  state(nowMs: number): CircuitState {
    if (this.#opensAgainAtMs === undefined) return 'closed';
    return nowMs < this.#opensAgainAtMs ? 'open' : 'half-open';
  }

  /** When an attempt is allowed again; undefined while it is not open. */
  probeAtMs(nowMs: number): number | undefined {
    return this.state(nowMs) === 'open' ? this.#opensAgainAtMs : undefined;
  }

  /** @returns whether the circuit changed */
  succeeded(nowMs: number): boolean {
    this.#sample(nowMs).delivered += 1;
    if (this.state(nowMs) !== 'half-open') return false;
    this.reset();
    return true;
  }

  /** @returns whether the circuit changed */
  failed(nowMs: number): boolean {
    this.#sample(nowMs).failed += 1;
    const state = this.state(nowMs);
    if (state === 'open' || (state === 'closed' && !this.#isFailing())) return false;
    this.#opensAgainAtMs = nowMs + openMs;
    return true;
  }

  reset(): void {
    this.#samples = [];
    this.#opensAgainAtMs = undefined;
  }

  #isFailing(): boolean {
    const failed = this.#samples.reduce((sum, sample) => sum + sample.failed, 0);
    const all = this.#samples.reduce((sum, sample) => sum + sample.failed + sample.delivered, 0);
    return all >= leastAttempts && failed >= all * failingShare;
  }

  #sample(nowMs: number): Sample {
    while (nowMs - (this.#samples[0]?.startMs ?? nowMs) >= sampleMs * samples) this.#samples.shift();
    const last = this.#samples.at(-1);
    if (last !== undefined && nowMs - last.startMs < sampleMs) return last;
    const sample = { startMs: nowMs, delivered: 0, failed: 0 };
    this.#samples.push(sample);
    return sample;
  }
}

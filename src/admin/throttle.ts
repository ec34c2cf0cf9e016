import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.js';

const windowMs = 60_000;
const mostFailures = 10;
/** Addresses that are remembered; who can use more of them than this is not slowed down by it. */
const mostAddresses = 10_000;

interface Failures {
  count: number;
  /** Monotonic milliseconds, as the next. */
  readonly sinceMs: number;
  blockedSinceMs?: number;
}

/** Slows down whoever guesses tokens: ten failed logins within a minute block an address for a minute. [MG-123] */
export class LoginThrottle {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #onBlocked: (address: string) => void;
  readonly #byAddress = new LRUCache<string, Failures>({ max: mostAddresses });

  constructor(clock: Pick<Clock, 'monotonicMs'>, onBlocked: (address: string) => void) {
    this.#clock = clock;
    this.#onBlocked = onBlocked;
  }

  /** How long the address has to wait, in whole seconds; 0: it need not. */
  waitSeconds(address: string): number {
    const blockedSinceMs = this.#byAddress.get(address)?.blockedSinceMs;
    if (blockedSinceMs === undefined) return 0;
    return Math.max(0, Math.ceil((blockedSinceMs + windowMs - this.#clock.monotonicMs()) / 1_000));
  }

  failed(address: string): void {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#byAddress.get(address);
    const failures = known !== undefined && nowMs - known.sinceMs < windowMs ? known : { count: 0, sinceMs: nowMs };
    failures.count += 1;
    this.#byAddress.set(address, failures);
    if (failures.count !== mostFailures) return;
    this.#byAddress.set(address, { ...failures, blockedSinceMs: nowMs });
    this.#onBlocked(address);
  }
}

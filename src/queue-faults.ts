import type { Clock } from './clock.js';
import { isAway } from './outbox/outbox-error.js';

/** Where its lines go. */
export interface QueueLog {
  error(facts: object, text: string): void;
  info(facts: object, text: string): void;
}

/** While the server of the queue is away, it is told at most so often. */
const gapMs = 60_000;

/** It is back once it has answered, and nothing has failed for so long: longer than the waits before it is tried again. */
const steadyMs = 2_000;

/** While the server is away: since when, and what has failed. */
interface Outage {
  readonly sinceMs: number;
  lastMs: number;
  toldMs: number;
  failures: number;
}

/**
 * Logs failures of the queue, whichever driver it has: one line when its server is away, without a stack, and one when it
 * is back. Any other failure is logged as a whole.
 */
export class QueueFaults {
  readonly #log: QueueLog;
  readonly #clock: Pick<Clock, 'monotonicMs' | 'after'>;
  #outage: Outage | undefined;
  #isChecking = false;

  constructor(log: QueueLog, clock: Pick<Clock, 'monotonicMs' | 'after'>) {
    this.#log = log;
    this.#clock = clock;
  }

  failed(error: unknown, text: string): void {
    if (isAway(error)) this.#away(error.message);
    else this.#log.error({ err: error }, text);
  }

  /** Hot path: told at each claim. */
  answered(): void {
    if (this.#outage === undefined || this.#isChecking) return;
    this.#isChecking = true;
    this.#clock.after(steadyMs, () => {
      this.#isChecking = false;
      this.#endOutage();
    });
  }

  #away(reason: string): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#outage === undefined) {
      this.#outage = { sinceMs: nowMs, lastMs: nowMs, toldMs: nowMs, failures: 1 };
      this.#log.error({ reason }, 'the queue cannot be reached; it is tried again');
      return;
    }
    const outage = this.#outage;
    outage.lastMs = nowMs;
    outage.failures += 1;
    if (nowMs - outage.toldMs < gapMs) return;
    outage.toldMs = nowMs;
    this.#log.error({ reason, ...factsOf(outage) }, 'the queue still cannot be reached; it is tried again');
  }

  #endOutage(): void {
    const outage = this.#outage;
    if (outage === undefined || this.#clock.monotonicMs() - outage.lastMs < steadyMs) return;
    this.#outage = undefined;
    this.#log.info(factsOf(outage), 'the queue is reached again');
  }
}

function factsOf({ sinceMs, lastMs, failures }: Outage) {
  return { seconds: Math.round((lastMs - sinceMs) / 1_000), failures };
}

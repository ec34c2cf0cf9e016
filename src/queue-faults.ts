import type { Clock } from './clock.js';
import { hasNoRoom, isAway } from './outbox/outbox-error.js';

/** Where its lines go. */
export interface QueueLog {
  error(facts: object, text: string): void;
  info(facts: object, text: string): void;
}

/** What lasts, or comes again and again, is told at most so often. */
const gapMs = 60_000;

/** So many failures are told apart: those beyond are logged each time. */
const mostKinds = 100;

/** It is back once it has answered, and nothing has failed for so long: longer than the waits before it is tried again. */
const steadyMs = 2_000;

/** While the server is away: since when, and what has failed. */
interface Outage {
  readonly sinceMs: number;
  lastMs: number;
  toldMs: number;
  failures: number;
}

/** A failure that was logged, and how often it came again since. */
interface Told {
  readonly atMs: number;
  more: number;
}

/**
 * Logs failures of the queue, whichever driver it has: one line when its server is away, without a stack, and one when it
 * is back; one without a stack when it has no room. Any other failure is logged as a whole, the same one once a minute: what
 * failed is tried again each second.
 */
export class QueueFaults {
  readonly #log: QueueLog;
  readonly #clock: Pick<Clock, 'monotonicMs' | 'after'>;
  #outage: Outage | undefined;
  /** By what is the same about failures. */
  readonly #told = new Map<string, Told>();
  #isChecking = false;

  constructor(log: QueueLog, clock: Pick<Clock, 'monotonicMs' | 'after'>) {
    this.#log = log;
    this.#clock = clock;
  }

  failed(error: unknown, text: string): void {
    if (isAway(error)) this.#away(error.message);
    else if (hasNoRoom(error)) this.#tell(error.reason, { reason: error.message }, 'the queue has no room');
    else this.#tell(`${text}: ${error}`, { err: error }, text);
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

  #tell(kind: string, facts: object, text: string): void {
    const nowMs = this.#clock.monotonicMs();
    const told = this.#told.get(kind);
    if (told !== undefined && nowMs - told.atMs < gapMs) {
      told.more += 1;
      return;
    }
    this.#remember(kind, nowMs);
    this.#log.error(told === undefined || told.more === 0 ? facts : { ...facts, failures: told.more + 1 }, text);
  }

  #remember(kind: string, nowMs: number): void {
    if (this.#told.size >= mostKinds) {
      for (const [each, { atMs }] of this.#told) if (nowMs - atMs >= gapMs) this.#told.delete(each);
    }
    if (this.#told.size < mostKinds) this.#told.set(kind, { atMs: nowMs, more: 0 });
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

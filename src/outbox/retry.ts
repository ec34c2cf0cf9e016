/** When failed envelopes are attempted again. */
export interface RetrySchedule {
  /** Before the second attempt, the third and so on, each ±20 %. With a budget the last one repeats. */
  readonly delaysMs: readonly number[];
  /** No attempt is planned for later than this after the acceptance. */
  readonly budgetMs?: number | undefined;
  /** The first one included; by default as many as there are waits, or as the budget allows. */
  readonly maxAttempts?: number | undefined;
}

const seconds = (...values: number[]) => values.map(value => value * 1_000);

/** The named schedules. [pusher-webhooks 1.6, row 47; pusher-webhooks 6] */
export const retryProfiles = {
  /** As Pusher: a wait that doubles up to a minute, for five minutes. */
  pusher: { delaysMs: seconds(1, 2, 4, 8, 16, 32, 60), budgetMs: 300_000 },
  /** As Sockudo documents: five retries. */
  sockudo: { delaysMs: seconds(1, 2, 4, 8, 16) },
  /** As Svix: eight attempts within about 28 hours. */
  durable: { delaysMs: seconds(5, 300, 1_800, 7_200, 18_000, 36_000, 36_000) },
} as const satisfies Record<string, RetrySchedule>;

export interface Failure {
  /** Made so far, this one included. */
  readonly attempts: number;
  /** Since the acceptance. */
  readonly elapsedMs: number;
  /** The receiver's wish. */
  readonly retryAfterMs?: number | undefined;
  /** 0 ≤ random < 1 */
  readonly random: number;
}

/**
 * Milliseconds until the next attempt; undefined when there is none. A wish of the receiver counts between the planned
 * wait and twice that. [pusher-webhooks 2.2]
 */
export function nextDelayMs(schedule: RetrySchedule, failure: Failure): number | undefined {
  const { delaysMs, budgetMs, maxAttempts = Infinity } = schedule;
  const { attempts, elapsedMs, retryAfterMs, random } = failure;
  if (attempts >= maxAttempts) return undefined;
  const baseMs = delaysMs[attempts - 1] ?? (budgetMs === undefined ? undefined : delaysMs.at(-1));
  if (baseMs === undefined) return undefined;
  const wishMs = Math.min(Math.max(retryAfterMs ?? baseMs, baseMs), 2 * baseMs);
  const delayMs = Math.round(wishMs * (0.8 + 0.4 * random));
  return elapsedMs + delayMs > (budgetMs ?? Infinity) ? undefined : delayMs;
}

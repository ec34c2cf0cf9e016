/** Where time comes from. The two readings are not comparable: a step of the wall clock moves only one of them. */
export interface Clock {
  /** Unix milliseconds of the wall clock, which may be stepped: for tokens, timestamps and times that others read. */
  now(): number;
  /** Milliseconds since some fixed moment; never goes back, never jumps: for ages, intervals and deadlines of our own. */
  monotonicMs(): number;
  /**
   * Runs `task` once, `delayMs` from now by `monotonicMs`, never before and however long that is; the returned function cancels
   * it. Not affected by steps of the wall clock.
   */
  after(delayMs: number, task: () => void): () => void;
}

/** A timer of Node that is longer ends after a millisecond; a longer wait is made of several. */
const longestTimerMs = 2 ** 31 - 1;

/** The machine's clock. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, task) {
    const dueMs = performance.now() + delayMs;
    // Timers count from the whole millisecond before: one in three ends up to a millisecond early.
    const end = () => {
      const leftMs = dueMs - performance.now();
      if (leftMs > 0) timer = timerOf(Math.ceil(leftMs), end);
      else task();
    };
    let timer = timerOf(delayMs, end);
    return () => clearTimeout(timer);
  },
};

function timerOf(ms: number, end: () => void): NodeJS.Timeout {
  return setTimeout(end, Math.min(ms, longestTimerMs)).unref();
}

/** Settles after this time. */
export function wait(ms: number, clock: Pick<Clock, 'after'>): Promise<void> {
  return new Promise(resolve => void clock.after(ms, resolve));
}

/**
 * As `work`, which is waited for no longer than this. When it takes longer it goes on, and its outcome is left.
 * @throws as a rejection: what `work` rejects with, or `late` once the time is up
 */
export async function within<T>(
  limitMs: number,
  work: Promise<T>,
  late: () => Error,
  clock: Pick<Clock, 'after'>,
): Promise<T> {
  let cancel = () => {};
  const limit = new Promise<never>((_resolve, reject) => {
    cancel = clock.after(limitMs, () => reject(late()));
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    cancel();
  }
}

/** Settles as the work does, or once the time is up. @returns false: the time is up */
export async function atMost(limitMs: number, work: Promise<unknown>, clock: Pick<Clock, 'after'>): Promise<boolean> {
  let cancel = () => {};
  const limit = new Promise<false>(resolve => {
    cancel = clock.after(limitMs, () => resolve(false));
  });
  try {
    return await Promise.race([work.then(() => true), limit]);
  } finally {
    cancel();
  }
}

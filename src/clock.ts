/** Where time comes from. The two readings are not comparable: a step of the wall clock moves only one of them. */
export interface Clock {
  /** Unix milliseconds of the wall clock, which may be stepped: for tokens, timestamps and times that others read. */
  now(): number;
  /** Milliseconds since some fixed moment; never goes back, never jumps: for ages, intervals and deadlines of our own. */
  monotonicMs(): number;
  /** Runs `task` once, `delayMs` from now; the returned function cancels it. Not affected by steps of the wall clock. */
  after(delayMs: number, task: () => void): () => void;
}

/** The machine's clock. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs).unref();
    return () => clearTimeout(timer);
  },
};

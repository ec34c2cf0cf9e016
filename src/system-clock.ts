import type { Clock } from './hub/ports.js';

/** The machine's clock. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: Date.now,
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs).unref();
    return () => clearTimeout(timer);
  },
};

import { setTimeout } from 'node:timers/promises';

/** For a busy machine, where a second is not enough. */
const patienceMs = 15_000;
const pollMs = 50;

/** Tries the check until it passes. @throws what the check throws when its time is up */
export async function eventually<T>(check: () => T | Promise<T>, withinMs = patienceMs): Promise<T> {
  const untilMs = performance.now() + withinMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() >= untilMs) throw error;
    }
    await setTimeout(pollMs);
  }
}

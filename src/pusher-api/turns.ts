import { setImmediate as nextTurn } from 'node:timers/promises';

/** Each takes a few microseconds. */
const itemsPerTurn = 2_000;

/** Does the task for each of what may be very many; others are served in between. */
export async function inTurns<T>(items: Iterable<T>, task: (item: T) => void): Promise<void> {
  let count = 0;
  for (const item of items) {
    task(item);
    count += 1;
    if (count % itemsPerTurn === 0) await nextTurn();
  }
}

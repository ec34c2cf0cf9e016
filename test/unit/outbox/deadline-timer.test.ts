import { expect, test } from 'vitest';
import { DeadlineTimer, type DeadlineTimerOptions } from '../../../src/outbox/deadline-timer.js';
import { SteadyTime } from '../../../src/outbox/steady-time.js';
import type { Deadline, OutboxStore } from '../../../src/outbox/store.js';
import { ManualClock } from '../../support/manual-clock.js';

test('deadlines that are due together share a commit of the store, in their order', async () => {
  const clock = new ManualClock();
  const due: Deadline[] = ['a', 'b', 'c'].map(key => ({ key, dueAtMs: clock.now(), content: Buffer.alloc(0) }));
  const completed: string[] = [];
  let commit = () => {};
  const committed = new Promise<void>(resolve => {
    commit = resolve;
  });
  const store = {
    dueDeadlines: async () => ({ due: due.splice(0), nextDueAtMs: undefined }),
    complete: async ({ key }: Deadline) => {
      completed.push(key);
      await committed; // a commit that comes only when all have been given
      return true;
    },
  } as unknown as OutboxStore;
  const time = new SteadyTime(clock);
  const options: DeadlineTimerOptions = { store, clock, time, observer: {}, onDeadline: () => [], onAdded: () => {} };
  const timer = new DeadlineTimer(options);
  timer.start();
  await new Promise(resolve => void setImmediate(resolve));
  expect(completed).toEqual(['a', 'b', 'c']);
  commit();
  timer.stop();
});

import { expect, test } from 'vitest';
import { DeadlineTimer, type DeadlineTimerOptions } from '../../../src/outbox/deadline-timer.js';
import { SteadyTime } from '../../../src/outbox/steady-time.js';
import type { Deadline, OutboxStore } from '../../../src/outbox/store.js';
import { ManualClock } from '../../support/manual-clock.js';
import { turnOf } from '../../support/outbox.js';

const dueOf = (clock: ManualClock, keys: readonly string[]): Deadline[] =>
  keys.map(key => ({ key, dueAtMs: clock.now(), content: Buffer.alloc(0) }));

const turns = () => new Promise<void>(resolve => void setImmediate(resolve));

test('deadlines that are due together share a commit of the store, in their order', async () => {
  const clock = new ManualClock();
  const due = dueOf(clock, ['a', 'b', 'c']);
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
  const onDeadline = () => turnOf({});
  const options: DeadlineTimerOptions = { store, clock, time, observer: {}, onDeadline, onAdded: () => {} };
  const timer = new DeadlineTimer(options);
  timer.start();
  await turns();
  expect(completed).toEqual(['a', 'b', 'c']);
  commit();
  timer.stop();
});

test('it is told in their order what has come of them, whatever the order in which the store answers', async () => {
  const clock = new ManualClock();
  const due = dueOf(clock, ['kept', 'failed', 'cancelled', 'kept last']);
  const answers = new Map<string, { resolve: (isOurs: boolean) => void; reject: (error: Error) => void }>();
  const store = {
    dueDeadlines: async () => ({ due: due.splice(0), nextDueAtMs: undefined }),
    complete: ({ key }: Deadline) =>
      new Promise<boolean>((resolve, reject) => void answers.set(key, { resolve, reject })),
  } as unknown as OutboxStore;
  const told: unknown[] = [];
  const timer = new DeadlineTimer({
    store,
    clock,
    time: new SteadyTime(clock),
    observer: { storeFailed: error => told.push((error as Error).message) },
    onDeadline: key => turnOf({ settled: isKept => told.push([key, isKept]) }),
    onAdded: () => {},
  });
  timer.start();
  await turns();
  answers.get('kept last')!.resolve(true);
  answers.get('failed')!.reject(new Error('disk error'));
  await turns();
  answers.get('cancelled')!.resolve(false);
  answers.get('kept')!.resolve(true);
  await turns();
  expect(told).toEqual([['failed', false], ['kept', true], ['cancelled', false], ['kept last', true], 'disk error']);
  timer.stop();
});

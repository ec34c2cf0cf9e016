import { expect, test } from 'vitest';
import { LineBudget, type Unwritten } from '../../src/line-budget.js';
import { ManualClock } from '../support/manual-clock.js';

test('[F10] so many lines in a window; the rest is counted by status and told once, when the window is over', async () => {
  const clock = new ManualClock();
  const told: Unwritten[] = [];
  const budget = new LineBudget(3, 10_000, clock, unwritten => told.push(unwritten));
  const take = (count: number, status: number) => Array.from({ length: count }, () => budget.take(status));

  expect(take(2, 401)).toEqual([true, true]);
  await clock.advance(9_999);
  expect(take(3, 404)).toEqual([true, false, false]);
  expect(take(1, 401)).toEqual([false]);
  expect(told).toEqual([]);
  await clock.advance(1);
  expect(told).toEqual([{ count: 3, statuses: { 401: 1, 404: 2 } }]);

  expect(take(3, 401)).toEqual([true, true, true]);
  await clock.advance(10_000);
  expect(told).toHaveLength(1); // nothing was left out
});

import { expect, test } from 'vitest';
import { Rate } from '../../../src/outbox/rate.js';

function takeAll(rate: Rate, perSecond: number | undefined, nowMs: number): number {
  const count = rate.available(perSecond, nowMs);
  for (let taken = 0; taken < count; taken += 1) rate.take();
  return count;
}

test('allows a second’s worth at once, then what time brings', () => {
  const rate = new Rate();
  expect([0, 0, 100, 500, 10_000].map(nowMs => takeAll(rate, 10, nowMs))).toEqual([10, 0, 1, 4, 10]);
  expect(rate.nextAtMs(10)).toBe(10_100);
});

test('less than one a second is one in its time', () => {
  const rate = new Rate();
  expect([0, 1_999, 2_000].map(nowMs => takeAll(rate, 0.5, nowMs))).toEqual([1, 0, 1]);
});

test('no limit is none, also after there was one', () => {
  const rate = new Rate();
  takeAll(rate, 1, 0);
  expect(rate.available(undefined, 0)).toBe(Infinity);
});

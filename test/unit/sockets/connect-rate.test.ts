import { expect, test } from 'vitest';
import { ConnectRate } from '../../../src/sockets/connect-rate.js';

function rate() {
  const now = { ms: 1_000 };
  return { now, rate: new ConnectRate(() => now.ms) };
}

test('[F15] as many as a second has may come at once, then one after the other', () => {
  const { now, rate: connects } = rate();
  expect([1, 2, 3, 4].map(() => connects.take(4))).toEqual([0, 0, 0, 0]);
  expect(connects.take(4)).toBe(250);
  now.ms += 100;
  expect(connects.take(4)).toBeCloseTo(150);
  now.ms += 150;
  expect([connects.take(4), connects.take(4)]).toEqual([0, 250]);
});

test('[F15] a long quiet time saves up a second’s worth, not more', () => {
  const { now, rate: connects } = rate();
  connects.take(2);
  now.ms += 3_600_000;
  expect([1, 2, 3].map(() => connects.take(2))).toEqual([0, 0, 500]);
});

test('[F15] another rate applies at once', () => {
  const { now, rate: connects } = rate();
  for (let count = 0; count < 10; count += 1) connects.take(10);
  expect(connects.take(10)).toBe(100);
  expect(connects.take(1)).toBe(1_000);
  now.ms += 1_000;
  expect([connects.take(1), connects.take(1)]).toEqual([0, 1_000]);
});

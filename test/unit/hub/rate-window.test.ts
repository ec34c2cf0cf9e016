import { expect, test } from 'vitest';
import { RateWindow } from '../../../src/hub/rate-window.js';

test('so many within any one second, and no more', () => {
  const window = new RateWindow();
  const taken: number[] = [];
  for (let nowMs = 0; nowMs < 5_000; nowMs += 7) if (window.take(nowMs, 10)) taken.push(nowMs);
  for (const from of taken) {
    expect(taken.filter(at => at >= from && at < from + 1_000).length).toBeLessThanOrEqual(10);
  }
  expect(taken).toHaveLength(50); // none less than is allowed either
});

test('a second after the first there is room for one; a change of the limit applies at once', () => {
  const window = new RateWindow();
  expect([
    window.take(0, 2),
    window.take(999, 2),
    window.take(999, 2),
    window.take(1_000, 2),
    window.take(1_000, 2),
  ]).toEqual([true, true, false, true, false]);
  expect(window.take(1_000, 3)).toBe(true);
  expect(window.take(1_000, 0)).toBe(false);
});

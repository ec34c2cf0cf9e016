import { describe, expect, test } from 'vitest';
import { Rates } from '../../../src/pusher-api/rates.js';

function start() {
  const time = { nowMs: 5_000 };
  const rates = new Rates(() => time.nowMs);
  const isServed = (amount = 1, perSecond = 10, name = 'a') => {
    try {
      rates.use(name, amount, perSecond);
      return true;
    } catch {
      return false;
    }
  };
  return { time, rates, isServed };
}

describe('a rate', () => {
  test('serves a second of it at once, and then as it refills', () => {
    const { time, isServed } = start();
    expect(Array.from({ length: 12 }, () => isServed()).filter(Boolean)).toHaveLength(10);
    time.nowMs += 500;
    expect(Array.from({ length: 12 }, () => isServed()).filter(Boolean)).toHaveLength(5);
    time.nowMs += 60_000;
    expect(Array.from({ length: 12 }, () => isServed()).filter(Boolean)).toHaveLength(10);
  });

  test('serves a request of more than a second of it, which later ones wait for', () => {
    const { time, isServed } = start();
    expect(isServed(100)).toBe(true);
    time.nowMs += 8_900;
    expect(isServed()).toBe(false);
    time.nowMs += 200;
    expect(isServed()).toBe(true);
  });

  test('tells when to come again, in whole seconds', () => {
    const { time, rates } = start();
    rates.use('a', 95, 10);
    expect(() => rates.use('a', 1, 10)).toThrow(expect.objectContaining({ kind: 'tooMany', retryAfterSeconds: 9 }));
    time.nowMs += 8_400;
    expect(() => rates.use('a', 1, 10)).toThrow(expect.objectContaining({ retryAfterSeconds: 1 }));
  });

  test('is one for each name', () => {
    const { isServed } = start();
    expect(isServed(10, 10, 'a')).toBe(true);
    expect(isServed(1, 10, 'a')).toBe(false);
    expect(isServed(1, 10, 'b')).toBe(true);
  });

  test('may be without a limit, and change', () => {
    const { isServed } = start();
    expect(isServed(1_000_000, Number.POSITIVE_INFINITY)).toBe(true);
    expect(isServed(1_000, 10)).toBe(true);
    expect(isServed(1, 10)).toBe(false);
    expect(isServed(1, Number.POSITIVE_INFINITY)).toBe(true);
  });
});

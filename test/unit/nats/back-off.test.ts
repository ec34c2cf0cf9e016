import { describe, expect, test } from 'vitest';
import { BackOff } from '../../../src/nats/back-off.js';

describe('[CL-015] waits between attempts to connect', () => {
  test('none, then at most 250 ms doubling to 2 s, for ever', () => {
    const backOff = new BackOff(() => 1);
    expect(Array.from({ length: 8 }, () => backOff.next())).toEqual([0, 250, 500, 1_000, 2_000, 2_000, 2_000, 2_000]);
    for (let failures = 0; failures < 2_000; failures += 1) expect(backOff.next()).toBe(2_000);
  });

  test('with full jitter: any part of it, none included', () => {
    const parts = [0, 0.5, 0.999];
    const backOff = new BackOff(() => parts.shift() ?? 1);
    expect([backOff.next(), backOff.next(), backOff.next(), backOff.next()]).toEqual([0, 0, 250, 999]);
  });

  test('begin again once a connection has lasted', () => {
    const backOff = new BackOff(() => 1);
    backOff.next();
    backOff.next();
    backOff.reset();
    expect([backOff.next(), backOff.next()]).toEqual([0, 250]);
  });
});

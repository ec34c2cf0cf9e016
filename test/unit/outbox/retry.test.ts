import { describe, expect, test } from 'vitest';
import { nextDelayMs, type RetrySchedule, retryProfiles } from '../../../src/outbox/retry.js';

/** Times of all attempts in seconds, when each fails at once. @param random of each wait */
function attemptsOf(schedule: RetrySchedule, random: number): number[] {
  const times = [0];
  for (let elapsedMs = 0, attempts = 1; times.length < 100; attempts += 1) {
    const delayMs = nextDelayMs(schedule, { attempts, elapsedMs, random });
    if (delayMs === undefined) break;
    elapsedMs += delayMs;
    times.push(elapsedMs / 1_000);
  }
  return times;
}

const middle = 0.5; // no jitter

describe('[PW-048] the profile pusher', () => {
  test('waits 1, 2, 4 … 60 s, and plans nothing for later than 300 s', () => {
    expect(attemptsOf(retryProfiles.pusher, middle)).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
  });

  test.each([0, 0.999_999])('keeps its waits within 20 % (random %d)', random => {
    const times = attemptsOf(retryProfiles.pusher, random);
    const factor = random === 0 ? 0.8 : 1.2;
    expect(times[1]).toBeCloseTo(factor, 2);
    expect(times[7]! - times[6]!).toBeCloseTo(60 * factor, 1);
    expect(times.at(-1)).toBeLessThanOrEqual(300);
  });
});

test('[PW-049] the profile sockudo attempts six times, the last one 31 s after the first', () => {
  expect(attemptsOf(retryProfiles.sockudo, middle)).toEqual([0, 1, 3, 7, 15, 31]);
});

test('the profile durable attempts eight times within about 28 hours', () => {
  const minutes = attemptsOf(retryProfiles.durable, middle).map(seconds => Math.round(seconds / 60));
  expect(minutes).toEqual([0, 0, 5, 35, 155, 455, 1055, 1655]);
});

describe('a schedule with a budget and a number of attempts', () => {
  const schedule = { delaysMs: [1_000, 2_000, 4_000], budgetMs: 20_000, maxAttempts: 5 };

  test('ends with the attempts', () => {
    expect(attemptsOf(schedule, middle)).toEqual([0, 1, 3, 7, 11]);
  });

  test('ends with the budget, when attempts take time or the receiver wants a longer wait', () => {
    const failure = { attempts: 3, random: middle };
    expect(nextDelayMs(schedule, { ...failure, elapsedMs: 16_000 })).toBe(4_000);
    expect(nextDelayMs(schedule, { ...failure, elapsedMs: 16_001 })).toBeUndefined();
    expect(nextDelayMs(schedule, { ...failure, elapsedMs: 13_000, retryAfterMs: 8_000 })).toBeUndefined();
  });
});

describe('[PW-054] what the receiver wishes', () => {
  const delayFor = (retryAfterMs: number, random: number) =>
    nextDelayMs(retryProfiles.pusher, { attempts: 2, elapsedMs: 1_000, retryAfterMs, random });

  test('counts between the wait and twice the wait', () => {
    expect([0, 2_000, 3_000, 4_000, 60_000].map(wish => delayFor(wish, middle))).toEqual([
      2_000, 2_000, 3_000, 4_000, 4_000,
    ]);
  });

  test('is jittered too', () => {
    expect([delayFor(3_000, 0), delayFor(3_000, 0.999_999)]).toEqual([2_400, 3_600]);
  });
});

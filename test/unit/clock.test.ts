import { setTimeout } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { atMost, systemClock, wait, within } from '../../src/clock.js';
import { ManualClock } from '../support/manual-clock.js';

describe('the clock of the machine', () => {
  test('runs no task before its time by its own reading, at whatever part of a millisecond it was given', async () => {
    const delayMs = 20;
    const early: number[] = [];
    const waits: Promise<void>[] = [];
    for (let index = 0; index < 100; index += 1) {
      await setTimeout(1);
      const beginMs = systemClock.monotonicMs();
      const wait = new Promise<void>(resolve => void systemClock.after(delayMs, resolve));
      waits.push(
        wait.then(() => {
          const tookMs = systemClock.monotonicMs() - beginMs;
          if (tookMs < delayMs) early.push(tookMs);
        }),
      );
    }
    await Promise.all(waits);
    expect(early).toEqual([]);
  });

  test('runs no task that was cancelled, also when it was about to wait for the rest of its time', async () => {
    let ran = 0;
    const cancels = Array.from({ length: 50 }, () => systemClock.after(5, () => (ran += 1)));
    await setTimeout(4);
    for (const cancel of cancels) cancel();
    const before = ran; // of a busy machine, the 4 ms may have been more than 5
    await setTimeout(10);
    expect(ran).toBe(before);
  });

  /** Time of Node's own kind: as there, a timer that is longer than 2^31 - 1 ms ends after one. */
  function useFakeTimers(): void {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    onTestFinished(() => void vi.useRealTimers());
  }

  test('waits for longer than a timer of Node can, by a few of them', () => {
    useFakeTimers();
    const [beginMs, delayMs] = [systemClock.monotonicMs(), 2 ** 33];
    let ranAtMs: number | undefined;
    systemClock.after(delayMs, () => (ranAtMs = systemClock.monotonicMs()));
    for (let timers = 0; timers < 5; timers += 1) vi.advanceTimersToNextTimer();
    expect(ranAtMs).toBe(beginMs + delayMs);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a task that waits for longer than that can be cancelled at any time', () => {
    useFakeTimers();
    const cancel = systemClock.after(Number.POSITIVE_INFINITY, () => expect.unreachable());
    for (let timers = 0; timers < 3; timers += 1) vi.advanceTimersToNextTimer();
    cancel();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('what is waited for', () => {
  const never = new Promise<string>(() => {});
  const late = () => new Error('late');

  test('settles after the time, or as the work does, whichever is first', async () => {
    const clock = new ManualClock();
    const settled: unknown[] = [];
    const note = (outcome: unknown) => settled.push(outcome);
    void wait(1, clock).then(() => note('waited'));
    void atMost(2, never, clock).then(note);
    within(3, never, late, clock).catch(error => note(error.message));
    await clock.advanceAsync(2);
    expect(settled).toEqual(['waited', false]);
    await clock.advanceAsync(1);
    expect(settled).toEqual(['waited', false, 'late']);
  });

  test('leaves no timer when the work ends in time, however it ends', async () => {
    const clock = new ManualClock();
    const failure = new Error('it fails');
    expect(await atMost(1, Promise.resolve(), clock)).toBe(true);
    expect(await within(1, Promise.resolve('done'), late, clock)).toBe('done');
    await expect(atMost(1, Promise.reject(failure), clock)).rejects.toBe(failure);
    await expect(within(1, Promise.reject(failure), late, clock)).rejects.toBe(failure);
    expect(clock.pending).toBe(0);
  });
});

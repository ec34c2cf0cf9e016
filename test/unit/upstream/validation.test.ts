import { describe, expect, test } from 'vitest';
import { reasonOf, Validation, type ValidationStatus, type Verdict } from '../../../src/upstream/validation.js';
import { ManualClock } from '../../support/manual-clock.js';

const good: Verdict = { isValid: true, answered: 'answered 200' };
const bad: Verdict = { isValid: false, answered: 'connection refused', advice: 'is the app running?' };

function setup() {
  const clock = new ManualClock();
  const changes: ValidationStatus[] = [];
  const answers: ((verdict: Verdict) => void)[] = [];
  let tries = 0;
  const validation = new Validation({
    clock,
    check: () => {
      tries += 1;
      return new Promise(resolve => answers.push(resolve));
    },
    changed: status => changes.push(status),
  });
  /** Answers the try under way. */
  const answer = async (verdict: Verdict) => {
    answers.shift()?.(verdict);
    await clock.advanceAsync(0);
  };
  const become = async (verdict: Verdict) => {
    void validation.first();
    await answer(verdict);
  };
  return { clock, validation, changes, answer, become, tries: () => tries };
}

const rejected = (promise: Promise<void> | undefined) => expect(promise).rejects.toMatchObject({ kind: 'eventFailed' });

test('[UE-088] ten first events share one try and go out when it succeeds', async () => {
  const { validation, answer, tries, changes } = setup();
  const events = Array.from({ length: 10 }, () => validation.ready());
  expect(tries()).toBe(1);
  await answer(good);
  await expect(Promise.all(events)).resolves.toHaveLength(10);
  expect(validation.ready()).toBeUndefined();
  expect(changes).toEqual([{ state: 'active', answered: 'answered 200' }]);
});

test('[UE-085] ten first events all fail with the reason when it does not', async () => {
  const { validation, answer, tries, changes } = setup();
  const events = Promise.allSettled(Array.from({ length: 10 }, () => validation.ready()));
  await answer(bad);
  expect((await events).every(({ status }) => status === 'rejected')).toBe(true);
  expect(tries()).toBe(1);
  expect(changes.map(reasonOf)).toEqual(['connection refused; is the app running?']);
});

test('[UE-089] a success is trusted for 60 s; then one event starts a refresh, and all go out', async () => {
  const { clock, validation, become, tries } = setup();
  await become(good);
  clock.advance(59_999);
  expect(validation.ready()).toBeUndefined();
  expect(tries()).toBe(1);
  clock.advance(1);
  expect(validation.ready()).toBeUndefined();
  expect(validation.ready()).toBeUndefined();
  expect(tries()).toBe(2);
});

test('[F7] a success ages by what passes, whatever the wall clock says', async () => {
  const { clock, validation, become, tries } = setup();
  await become(good);
  clock.stepWall(3_600_000);
  expect(validation.ready()).toBeUndefined();
  expect(tries()).toBe(1);
  clock.stepWall(-7_200_000);
  clock.advance(60_000);
  expect(validation.ready()).toBeUndefined();
  expect(tries()).toBe(2);
});

test('[upstream-events 4.3] without events there is no refresh', async () => {
  const { clock, become, tries } = setup();
  await become(good);
  await clock.advanceAsync(3_600_000);
  expect(tries()).toBe(1);
});

test('a failed refresh makes it failed, and starts again at 1 s', async () => {
  const { clock, validation, become, answer, tries, changes } = setup();
  await become(good);
  clock.advance(60_000);
  validation.ready();
  await answer(bad);
  await rejected(validation.ready());
  expect(changes.map(({ state }) => state)).toEqual(['active', 'failed']);
  expect(clock.nextInMs).toBe(1000);
  await clock.advanceAsync(1000);
  expect(tries()).toBe(3);
});

test('[design 2] a failed one is tried again in the background, 1 s doubling to 60 s', async () => {
  const { clock, become, answer } = setup();
  await become(bad);
  const waits: (number | undefined)[] = [];
  for (let round = 0; round < 8; round += 1) {
    waits.push(clock.nextInMs);
    await clock.advanceAsync(clock.nextInMs ?? 0);
    await answer(bad);
  }
  expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
});

describe('[design 2] an event for a failed one', () => {
  test('fails at once within 1 s of the last try', async () => {
    const { clock, validation, become, tries } = setup();
    await become(bad);
    clock.advance(999);
    await rejected(validation.ready());
    expect(tries()).toBe(1);
  });

  test('has it tried at once after that, and waits', async () => {
    const { clock, validation, become, answer, tries } = setup();
    await become(bad);
    await clock.advanceAsync(1000);
    await answer(bad);
    clock.advance(1500);
    const events = [validation.ready(), validation.ready()];
    expect(tries()).toBe(3);
    await answer(good);
    await Promise.all(events);
    expect(clock.pending).toBe(0);
  });

  test('waits for a try that is under way', async () => {
    const { clock, validation, become, answer, tries } = setup();
    await become(bad);
    await clock.advanceAsync(1000);
    const event = validation.ready();
    expect(tries()).toBe(2);
    await answer(good);
    await expect(event).resolves.toBeUndefined();
  });
});

test('a failure with another reason is reported, the same one is not', async () => {
  const { clock, become, answer, changes } = setup();
  await become(bad);
  await clock.advanceAsync(1000);
  await answer(bad);
  await clock.advanceAsync(2000);
  await answer({ ...bad, answered: 'answered 404' });
  expect(changes.map(reasonOf)).toEqual([
    'connection refused; is the app running?',
    'answered 404; is the app running?',
  ]);
});

test('a success puts the background wait back to 1 s', async () => {
  const { clock, validation, become, answer } = setup();
  await become(bad);
  await clock.advanceAsync(1000);
  await answer(bad);
  await clock.advanceAsync(2000);
  await answer(good);
  clock.advance(60_000);
  validation.ready();
  await answer(bad);
  expect(clock.nextInMs).toBe(1000);
});

test('stop ends the background tries, also one that would follow the try under way', async () => {
  const first = setup();
  await first.become(bad);
  first.validation.stop();
  expect(first.clock.pending).toBe(0);
  const second = setup();
  void second.validation.first();
  second.validation.stop();
  await second.answer(bad);
  expect(second.clock.pending).toBe(0);
});

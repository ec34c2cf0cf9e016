import { describe, expect, test } from 'vitest';
import { type Pace, Slices, type Steps, sliceMs } from '../../../src/hub/slices.js';
import { settled } from '../../support/fake-ports.js';
import { ManualPace } from '../../support/manual-pace.js';

/** Each step takes `stepMs` and is noted as its work's name and number. */
function* work(pace: ManualPace, name: string, count: number, stepMs: number, done: string[]): Steps<string> {
  for (let index = 0; index < count; index += 1) {
    done.push(`${name}${index}`);
    pace.pass(stepMs);
    yield;
  }
  return name;
}

describe('[F2] work in slices', () => {
  test('that one slice is enough for is over within the call', () => {
    const pace = new ManualPace();
    const done: string[] = [];
    expect(new Slices(pace).run(work(pace, 'a', 3, 1, done))).toBe('a');
    expect(done).toEqual(['a0', 'a1', 'a2']);
  });

  test('goes on a turn later when the share of this one is used up', async () => {
    const pace = new ManualPace();
    const done: string[] = [];
    const result = new Slices(pace).run(work(pace, 'a', 5, sliceMs / 2, done));
    expect(done).toEqual(['a0', 'a1']);
    pace.turn();
    expect(done).toEqual(['a0', 'a1', 'a2', 'a3']);
    pace.turn();
    expect(await result).toBe('a');
    expect(done).toHaveLength(5);
  });

  test('shares the turns with other work: a small call does not wait for a large one', async () => {
    const pace = new ManualPace();
    const slices = new Slices(pace);
    const done: string[] = [];
    const large = slices.run(work(pace, 'a', 4, sliceMs, done));
    const small = slices.run(work(pace, 'b', 1, sliceMs, done));
    for (let turn = 0; turn < 5; turn += 1) pace.turn();
    expect(await Promise.all([large, small])).toEqual(['a', 'b']);
    expect(done).toEqual(['a0', 'b0', 'a1', 'a2', 'a3']);
  });

  test('of several calls takes one share of a turn, not one each', () => {
    const pace = new ManualPace();
    const slices = new Slices(pace);
    const done: string[] = [];
    for (const name of ['a', 'b', 'c']) void slices.run(work(pace, name, 9, sliceMs, done));
    const before = pace.monotonicMs();
    pace.turn();
    expect(pace.monotonicMs() - before).toBe(sliceMs);
  });

  test('that fails is rejected, and other work goes on', async () => {
    const pace = new ManualPace();
    const slices = new Slices(pace);
    const done: string[] = [];
    const failing = slices.run(failure(pace));
    const other = slices.run(work(pace, 'b', 3, sliceMs, done));
    const rejected = expect(failing).rejects.toThrow('broken');
    for (let turn = 0; turn < 4; turn += 1) pace.turn();
    await rejected;
    expect(await other).toBe('b');
  });

  test('that fails in its first slice throws', () => {
    const pace = new ManualPace();
    expect(() => new Slices(pace).run(failure(pace, 0))).toThrow('broken');
  });

  test('may end in a promise, which is waited for', async () => {
    const pace = new ManualPace();
    let finish = (_text: string) => {};
    const ready = new Promise<string>(resolve => {
      finish = resolve;
    });
    let result: unknown;
    void Promise.resolve(new Slices(pace).run(endingIn(ready, pace))).then(value => {
      result = value;
    });
    pace.turn();
    await settled();
    expect(result).toBeUndefined();
    finish('done');
    await settled();
    expect(result).toBe('done');
  });

  test('lets a real event loop turn between slices', async () => {
    const real: Pace = { monotonicMs: () => performance.now(), nextTurn: task => void setImmediate(task) };
    const done: string[] = [];
    const slices = new Slices(real);
    const whole = slices.run(busyUntilSeen('another', done));
    setImmediate(() => done.push('another'));
    await whole;
    expect(done.indexOf('another')).toBeGreaterThan(0);
    expect(done.indexOf('another')).toBeLessThan(done.length - 1);
  });
});

function* failure(pace: ManualPace, afterSteps = 1): Steps<void> {
  for (let index = 0; index < afterSteps; index += 1) {
    pace.pass(sliceMs);
    yield;
  }
  throw new Error('broken');
}

function* endingIn(ready: Promise<string>, pace: ManualPace): Steps<Promise<string>> {
  pace.pass(sliceMs);
  yield;
  return ready;
}

/** Steps until something else has had its turn, and one more; without turns it gives up after a while. */
function* busyUntilSeen(other: string, done: string[]): Steps<void> {
  const endMs = performance.now() + 2_000;
  while (!done.includes(other) && performance.now() < endMs) {
    done.push('step');
    yield;
  }
  done.push('step');
}

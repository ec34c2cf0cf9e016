import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Interruption } from '../../../src/outbox/drivers/interruption.js';
import { collectGarbage } from '../../support/heap.js';

const never = new Promise<string>(() => {});

test('a race settles as the work does', async () => {
  const interruption = new Interruption();
  expect(await interruption.race(Promise.resolve('done'))).toBe('done');
  await expect(interruption.race(Promise.reject(new Error('no')))).rejects.toThrow('no');
});

test('an interruption ends what is waited for, and what will be', async () => {
  const interruption = new Interruption();
  const waiting = [interruption.race(never), interruption.race(never)];
  interruption.interrupt();
  expect(await Promise.all(waiting)).toEqual([undefined, undefined]);
  expect(await interruption.race(never)).toBeUndefined();
});

test('work that fails once nobody waits for it harms nobody', async () => {
  const interruption = new Interruption();
  let fail = (_error: Error) => {};
  const work = new Promise<string>((_, reject) => {
    fail = reject;
  });
  const waiting = interruption.race(work);
  interruption.interrupt();
  fail(new Error('too late'));
  expect(await waiting).toBeUndefined();
});

test('nothing is kept of a race that is over', async () => {
  const interruption = new Interruption();
  const results: WeakRef<object>[] = [];
  for (let count = 0; count < 100; count += 1) {
    const result = { count };
    results.push(new WeakRef(result));
    await interruption.race(Promise.resolve(result));
  }
  await nextTurn(); // what a WeakRef refers to stays until the end of the job that made it
  collectGarbage();
  expect(results.filter(result => result.deref() !== undefined).length).toBeLessThan(10);
});

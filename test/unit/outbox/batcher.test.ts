import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Batcher } from '../../../src/outbox/drivers/batcher.js';

/** Requests that a test answers one by one. */
function batcherOf(maxRequests: number) {
  const requests: { readonly items: readonly number[]; readonly answer: (failures: (Error | undefined)[]) => void }[] =
    [];
  const batcher = new Batcher<number>(
    items => new Promise(answer => requests.push({ items, answer })),
    items => items.length < 3,
    maxRequests,
  );
  return { batcher, requests };
}

test('what comes in one turn, or while enough requests are under way, is sent together, as far as it fits', async () => {
  const { batcher, requests } = batcherOf(1);
  const first = [1, 2].map(item => batcher.add(item));
  await setImmediate();
  const later = [3, 4, 5, 6].map(item => batcher.add(item));
  await setImmediate();
  expect(requests.map(({ items }) => items)).toEqual([[1, 2]]);
  requests[0]!.answer([]);
  await Promise.all(first);
  await setImmediate();
  expect(requests[1]!.items).toEqual([3, 4, 5]);
  requests[1]!.answer([]);
  await setImmediate();
  requests[2]!.answer([]);
  await Promise.all(later);
});

test('a failure is that of its item only', async () => {
  const { batcher, requests } = batcherOf(2);
  const all = Promise.allSettled([1, 2].map(item => batcher.add(item)));
  await setImmediate();
  requests[0]!.answer([undefined, new Error('too long')]);
  expect((await all).map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
});

test('a request that fails has failed for all of its items', async () => {
  const batcher = new Batcher<number>(
    () => Promise.reject(new Error('away')),
    () => true,
    1,
  );
  await expect(Promise.allSettled([batcher.add(1), batcher.add(2)])).resolves.toMatchObject([
    { status: 'rejected' },
    { status: 'rejected' },
  ]);
});

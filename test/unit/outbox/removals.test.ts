import { expect, test } from 'vitest';
import { Lane } from '../../../src/outbox/drivers/lane.js';
import { RowRoom } from '../../../src/outbox/drivers/ready-rows.js';
import { Removals } from '../../../src/outbox/drivers/removals.js';
import type { Place } from '../../../src/outbox/drivers/row-claims.js';

const never = 60_000;

function placeOf(seq: number, keyDigest?: string): Place {
  return { lane: new Lane('a', new RowRoom(0).line()), table: 'ready', rowKey: ['a', seq], seq, keyDigest };
}

/** @param failing number of the row whose removal fails */
function setup(gatherMs: number, failing = -1) {
  const writes: number[][] = [];
  const removals = new Removals(async places => {
    writes.push(places.map(({ seq }) => seq));
    return places.map(place => {
      if (place.seq === failing) return new Error('no space');
      place.isGone = true;
      return undefined;
    });
  }, gatherMs);
  return { removals, writes };
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

test('rows of one turn are removed in one write, those that come meanwhile in the next one', async () => {
  const { removals, writes } = setup(0);
  const first = [1, 2].map(seq => removals.add(placeOf(seq)));
  await first[0];
  await Promise.all([...first, removals.add(placeOf(3))]);
  expect(writes).toEqual([[1, 2], [3]]);
});

test('enough rows do not wait for more', async () => {
  const { removals, writes } = setup(never);
  await Promise.all(numbers(1_024).map(seq => removals.add(placeOf(seq))));
  expect(writes).toEqual([numbers(1_024)]);
});

test('an ordered row does not wait as long as others: the next one of its key waits for it', async () => {
  const { removals, writes } = setup(never);
  await Promise.all([removals.add(placeOf(1)), removals.add(placeOf(2, 'key'))]);
  await Promise.all([removals.add(placeOf(3, 'key')), removals.add(placeOf(4))]);
  expect(writes).toEqual([
    [1, 2],
    [3, 4],
  ]);
});

test('a failure is told of the row that it is of', async () => {
  const { removals } = setup(0, 2);
  const results = await Promise.allSettled([1, 2, 3].map(seq => removals.add(placeOf(seq))));
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

import { expect, test } from 'vitest';
import { RecentRows } from '../../../src/outbox/drivers/recent-rows.js';

const row = (bytes: number) => ({
  head: { id: 'm', createdAtMs: 1, acceptedAtMs: 1 },
  content: Buffer.alloc(bytes),
});

test('a row is taken once', () => {
  const rows = new RecentRows(10_000);
  const [first, second] = [row(10), row(20)];
  rows.keep(1, first, 0);
  rows.keep(2, second, 0);
  expect([rows.take(2), rows.take(2), rows.take(1), rows.take(3)]).toEqual([second, undefined, first, undefined]);
});

test('what finds no room is not kept, and a row that is taken makes room', () => {
  const rows = new RecentRows(10_000);
  rows.keep(1, row(6_000), 0);
  rows.keep(2, row(6_000), 1);
  expect(rows.take(2)).toBeUndefined();
  expect(rows.take(1)).toBeDefined();
  rows.keep(3, row(6_000), 2);
  expect(rows.take(3)).toBeDefined();
});

test('what was not taken for ten seconds makes room for others', () => {
  const rows = new RecentRows(10_000);
  rows.keep(1, row(4_000), 0);
  rows.keep(2, row(4_000), 5_000);
  rows.keep(3, row(4_000), 9_999);
  expect(rows.take(3)).toBeUndefined(); // full, and nothing has waited for so long
  rows.keep(4, row(4_000), 10_001);
  expect(rows.take(1)).toBeUndefined();
  expect([rows.take(2), rows.take(4)]).not.toContain(undefined);
});

test('nothing is kept without room', () => {
  const rows = new RecentRows(0);
  rows.keep(1, row(0), 0);
  expect(rows.take(1)).toBeUndefined();
});

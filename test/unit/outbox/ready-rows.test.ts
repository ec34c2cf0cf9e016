import { expect, test } from 'vitest';
import { type NewRow, type ReadyRows, RowRoom } from '../../../src/outbox/drivers/ready-rows.js';

function row(seq: number, bytes = 10, acceptedAtMs = 0): NewRow {
  return { endpoint: 'a', seq, head: { id: `m${seq}`, createdAtMs: 1, acceptedAtMs }, content: Buffer.alloc(bytes) };
}

/** A line to which the rows were added, none of them alone but the first. */
function lineOf(rows: readonly NewRow[], room = new RowRoom(10_000)): ReadyRows {
  const line = room.line();
  for (const [index, each] of rows.entries()) line.add(each, index === 0);
  return line;
}

/** All that the line has. */
function taken(line: ReadyRows): (number | NewRow)[] {
  const all: (number | NewRow)[] = [];
  for (let next = line.shift(); next !== undefined; next = line.shift()) all.push(next);
  return all;
}

test('rows are taken once, in the order of their numbers, without a search', () => {
  const [first, second, third] = [row(1), row(4), row(5)];
  const line = lineOf([first, second]);
  expect([line.shift(), line.isWhole]).toEqual([first, true]);
  line.add(third, false);
  expect([taken(line), line.isWhole]).toEqual([[second, third], true]);
});

test('many rows, of which some are taken meanwhile, stay in order', () => {
  const line = new RowRoom(10_000_000).line();
  const numbers: number[] = [];
  for (let seq = 1; seq <= 5_000; seq += 1) {
    line.add(row(seq), seq === 1);
    if (seq % 3 !== 0) numbers.push((line.shift() as NewRow).seq);
  }
  numbers.push(...taken(line).map(each => (each as NewRow).seq));
  expect(numbers).toEqual(Array.from({ length: 5_000 }, (_, index) => index + 1));
});

test('a line is whole once a search has found the rest, or a row is added that is alone', () => {
  const line = new RowRoom(10_000).line();
  line.add(row(3), false); // others, which are not known, are before it
  expect([line.isWhole, line.shift()]).toEqual([false, undefined]);
  line.found([1, 2], false);
  expect([line.isWhole, taken(line)]).toEqual([false, [1, 2]]);
  line.found([3], true);
  expect([line.isWhole, taken(line)]).toEqual([true, [3]]);
  line.forget();
  expect(line.isWhole).toBe(false);
  line.add(row(4), true);
  expect([line.isWhole, taken(line)]).toEqual([true, [row(4)]]);
});

test('a row that a search has found before it is added is not claimed twice', () => {
  const line = new RowRoom(10_000).line();
  line.found([1, 2], true);
  expect(line.shift()).toBe(1);
  expect(line.add(row(1), true)).toBe(true);
  line.add(row(2), false);
  line.add(row(3), false);
  expect(taken(line)).toEqual([2, row(3)]);
});

test('a row that a burial has found before it is added is not claimed, though it seems to be alone', () => {
  const line = new RowRoom(10_000).line();
  line.seen(1);
  line.forget();
  line.add(row(1), true);
  expect([line.isWhole, line.shift()]).toEqual([false, undefined]);
});

test('a row that is added after one with a higher number is told: a claim may have passed it by', () => {
  const line = lineOf([row(1), row(3)]);
  expect(line.add(row(2), false)).toBe(false);
  expect(taken(line)).toEqual([row(1), row(3)]);
});

test('what finds no room is not kept, and those behind it are to be found', () => {
  const room = new RowRoom(10_000);
  const line = lineOf([row(1, 6_000), row(2, 6_000), row(3)], room);
  expect([taken(line), line.isWhole]).toEqual([[row(1, 6_000)], false]);
  line.found([2, 3], true);
  line.add(row(4, 6_000), false);
  expect([taken(line), line.isWhole]).toEqual([[2, 3, row(4, 6_000)], true]);
});

test('lines share the room, and those that are forgotten make room', () => {
  const room = new RowRoom(10_000);
  const one = lineOf([row(1, 6_000)], room);
  const other = lineOf([row(2, 6_000)], room);
  expect([other.isWhole, other.shift()]).toEqual([false, undefined]);
  one.forget();
  expect(one.shift()).toBeUndefined();
  other.add(row(3, 6_000), true);
  expect(other.shift()).toEqual(row(3, 6_000));
});

test('a line whose first row has waited for ten seconds makes room for others', () => {
  const room = new RowRoom(10_000);
  const [slow, fast] = [lineOf([row(1, 4_000, 0)], room), lineOf([row(2, 4_000, 5_000)], room)];
  const third = lineOf([row(3, 4_000, 9_999)], room);
  expect(third.shift()).toBeUndefined(); // full, and nothing has waited for so long
  third.add(row(4, 4_000, 10_001), true);
  expect([slow.isWhole, taken(slow)]).toEqual([false, []]);
  expect([taken(fast), taken(third)]).toEqual([[row(2, 4_000, 5_000)], [row(4, 4_000, 10_001)]]);
});

test('nothing is kept without room', () => {
  const line = lineOf([row(1, 0)], new RowRoom(0));
  expect([line.isWhole, line.shift()]).toEqual([false, undefined]);
});

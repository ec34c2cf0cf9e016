import { describe, expect, test } from 'vitest';
import { Sequence } from '../../soak/load/sequence.js';

/** Hears these sequence ids; the feed's number is the same as the id, unless given. */
function hearing(...ids: readonly (number | readonly [number, number | undefined])[]): Sequence {
  const sequence = new Sequence();
  for (const id of ids) {
    if (typeof id === 'number') sequence.hear(id, id);
    else sequence.hear(...id);
  }
  return sequence;
}

describe('a reliable session', () => {
  test('hears everything in order; after a recovery it hears again what it did not acknowledge', () => {
    const sequence = hearing(1, [2, undefined], [3, 2]);
    sequence.acknowledged(1);
    sequence.newSocket();
    sequence.hear(2, undefined);
    sequence.hear(3, 2);
    sequence.hear(4, 3);
    sequence.begunAt(0);
    expect(sequence).toMatchObject({ wrong: [], last: 4, heard: 4, lastNumber: 3 });
  });

  test('lost a message', () => {
    expect(hearing(1, [3, 2]).wrong).toEqual(['message 3 follows 1 on one socket', 'message 3 follows 1']);
  });

  test('lost one between two sockets', () => {
    const sequence = hearing(1);
    sequence.newSocket();
    sequence.hear(3, 2);
    expect(sequence.wrong).toEqual(['message 3 follows 1']);
  });

  test('lost a number that never was a message', () => {
    expect(hearing(1, [2, 3]).wrong).toEqual(['number 3 came in place of 2']);
  });

  test('hears a message twice on one socket', () => {
    expect(hearing(1, 1).wrong).toEqual(['message 1 follows 1 on one socket']);
  });

  test('hears a number twice, under two ids', () => {
    expect(hearing(1, [2, 1]).wrong).toEqual(['number 1 came in place of 2']);
  });

  test('hears things out of order', () => {
    expect(hearing([1, 2], [2, 1]).wrong).toEqual(['number 1 came in place of 3']);
  });

  test('hears again what it acknowledged', () => {
    const sequence = hearing(1, 2);
    sequence.acknowledged(1);
    sequence.newSocket();
    sequence.hear(1, 1);
    expect(sequence.wrong).toEqual(['message 1 came again after 1 was acknowledged']);
  });

  test('misses what was sent right after it began', () => {
    const sequence = hearing([1, 7]);
    sequence.begunAt(6);
    expect(sequence.wrong).toEqual([]);
    sequence.begunAt(5);
    expect(sequence.wrong).toEqual(['number 7 came first, after 5']);
  });
});

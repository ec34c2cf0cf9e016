import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readQuery, valuesOf } from '../../../src/sockets/query.js';

/** Pieces of queries: what separates, what is encoded, and what a server reads as Latin-1. */
const text = fc
  .array(fc.constantFrom('a', 'A', 'b', '&', '=', '?', '#', '+', '%', '%41', '%zz', '.', '-', '\xe9', '\0', ' ', ';'))
  .map(pieces => pieces.join(''));
const name = fc.constantFrom('a', 'b', 'A', '', 'aa', '?', '=');

describe('reading a query', () => {
  test('gives what URLSearchParams gives, for every text', () => {
    fc.assert(
      fc.property(text, name, (query, wanted) => {
        const [own, reference] = [readQuery(query), new URLSearchParams(query)];
        expect([...own]).toEqual([...reference]);
        expect(own.get(wanted)).toBe(reference.get(wanted));
        const named = [...reference].filter(([each]) => each.toLowerCase() === wanted.toLowerCase());
        expect(valuesOf(own, wanted)).toEqual(named.map(([, value]) => value));
      }),
      { numRuns: 2_000 },
    );
  });

  test('keeps repeated names in order, and takes the first one alone', () => {
    const query = readQuery('group=a&group=b&x');
    expect([...query]).toEqual([
      ['group', 'a'],
      ['group', 'b'],
      ['x', ''],
    ]);
    expect([query.get('group'), valuesOf(query, 'group'), query.get('none')]).toEqual(['a', ['a', 'b'], null]);
  });
});

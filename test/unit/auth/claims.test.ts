import { expect, test } from 'vitest';
import { claimStrings, subjectOf } from '../../../src/auth/claims.js';

test.each([
  [undefined, undefined],
  ['', ''],
  ['ann', 'ann'],
  [42, '42'],
  [0, '0'],
  [-7, '-7'],
  [Number.MAX_SAFE_INTEGER, '9007199254740991'],
] as const)('[D05] sub %j is the user %j', (sub, user) => {
  expect(subjectOf({ sub })).toBe(user);
});

test.each([
  [1.5, /^sub is a number that is not whole/],
  [2 ** 53, /^sub is a number .* above 2\^53 - 1/],
  [Number.POSITIVE_INFINITY, /^sub is a number/],
  [null, /^sub is null; it must be a string/],
  [true, /^sub is a boolean/],
  [['ann'], /^sub is an array/],
  [{ id: 1 }, /^sub is an object/],
])('[D05] sub %j is refused with its reason', (sub, reason) => {
  expect(() => subjectOf({ sub })).toThrow(
    expect.objectContaining({ kind: 'unauthorized', message: expect.stringMatching(reason) }),
  );
});

test('[CP-016] [upstream-events D30] a claim’s values are strings: one, several, or none', () => {
  expect(claimStrings('a')).toEqual(['a']);
  expect(claimStrings(['a', 1, true, { b: 2 }])).toEqual(['a', '1', 'true', '{"b":2}']);
  expect(claimStrings(0)).toEqual(['0']);
  for (const none of [undefined, null, []]) expect(claimStrings(none)).toEqual([]);
});

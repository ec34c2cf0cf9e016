import { expect, test } from 'vitest';
import { checkTimes, claimStrings, subjectOf } from '../../../src/auth/claims.js';

test.each([
  [undefined, undefined],
  ['', ''],
  ['ann', 'ann'],
  [42, '42'],
  [0, '0'],
  [-7, '-7'],
  [Number.MAX_SAFE_INTEGER, '9007199254740991'],
  [12345678901234567890n, '12345678901234567890'],
  [-9007199254740993n, '-9007199254740993'],
] as const)('[D05] sub %s is the user %j', (sub, user) => {
  expect(subjectOf({ sub })).toBe(user);
});

test.each([
  [1.5, /^sub is a number that is not whole/],
  [1e21, /^sub is a number .* not written in digits/],
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

test('[upstream-events D30] integers have all their digits, inside of objects too', () => {
  const id = 12345678901234567890n;
  expect(claimStrings(id)).toEqual(['12345678901234567890']);
  expect(claimStrings([id, -id, { id, of: [id, '7'] }])).toEqual([
    '12345678901234567890',
    '-12345678901234567890',
    '{"id":12345678901234567890,"of":[12345678901234567890,"7"]}',
  ]);
});

test('times may be integers of any length', () => {
  expect(() => checkTimes({ exp: 10n ** 20n, nbf: -(10n ** 20n) }, 1_000)).not.toThrow();
  expect(() => checkTimes({ exp: 10n ** 20n, nbf: 10n ** 20n }, 1_000)).toThrow('the token is not valid yet');
  expect(() => checkTimes({ exp: 10n ** 400n }, 1_000)).toThrow('exp is a number that is too large');
});

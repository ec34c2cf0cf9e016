import { expect, test } from 'vitest';
import { nearestWord } from '../../../src/config/did-you-mean.js';

test.each([
  ['conect', ['connect', 'connected', 'disconnected'], 'connect'],
  ['Deny', ['allow', 'deny'], 'deny'],
  ['t', ['to'], 'to'],
  // No letter in common: a number is no mistyped other number, and a short name no mistyped other name.
  ['2', ['auto', '1', '3', '5'], undefined],
  ['hr', ['qa', 'dev'], undefined],
  ['', ['a'], undefined],
  ['kafka', ['file', 'memory', 'redis'], undefined],
  ['chat', [], undefined],
])('for %j of %j the proposal is %j', (given, words, near) => {
  expect(nearestWord(given, words)).toBe(near);
});

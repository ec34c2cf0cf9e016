import { describe, expect, test } from 'vitest';
import { scanMembers } from '../../../src/protocols/json-scan.js';

/** Keys and the text of their values. */
function scan(text: string, from = 0): [string, string][] {
  const bytes = Buffer.from(text, 'utf8');
  return scanMembers(bytes, from).map(({ key, start, end }) => [key, bytes.toString('utf8', start, end)]);
}

test('an empty object has no members', () => {
  expect(scan('{}')).toEqual([]);
  expect(scan(' \r\n\t{ \n} ')).toEqual([]);
});

describe('values stand where they begin and end, without the space around them', () => {
  test.each([
    '1',
    '-1.50e+3',
    'true',
    'null',
    '""',
    '"a"',
    '"\\""',
    '"\\\\"',
    '"\\\\\\""',
    '"},]:{["',
    '"é😀"',
    '[]',
    '{}',
    '[[],{},[{"a":"]"}]]',
    '{"a":{"b":"}\\"}"},"c":[1,"]"]}',
    '[ 1 , 2 ]',
  ])('%s', value => {
    for (const text of [`{"k":${value}}`, `{"k" : ${value} }`, `\n{\t"k"\r:\n${value}\t}\n`]) {
      expect(scan(text)).toEqual([['k', value]]);
    }
    expect(scan(`{"a":0,"k":${value},"z":[]}`)).toEqual([
      ['a', '0'],
      ['k', value],
      ['z', '[]'],
    ]);
  });
});

test('keys are unescaped, and come in order with their duplicates', () => {
  expect(scan('{"\\u0061":1, "a" :2,"é\\n\\"":3,"":4,"__proto__":5}')).toEqual([
    ['a', '1'],
    ['a', '2'],
    ['é\n"', '3'],
    ['', '4'],
    ['__proto__', '5'],
  ]);
});

test('the object may start later in the bytes', () => {
  expect(scan('{"x":{"y":1}}', 5)).toEqual([['y', '1']]);
});

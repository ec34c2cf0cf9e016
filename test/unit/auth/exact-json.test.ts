import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseExactly, stringifyExactly } from '../../../src/auth/exact-json.js';
import { withPlainNumbers } from '../../support/plain-numbers.js';

describe('JSON whose integers keep their digits', () => {
  test.each([
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['9007199254740992', 2n ** 53n],
    ['-9007199254740993', -9007199254740993n],
    ['[1,12345678901234567890]', [1, 12345678901234567890n]],
    [
      '{"id": 12345678901234567890 ,"t":"12345678901234567890"}',
      { id: 12345678901234567890n, t: '12345678901234567890' },
    ],
    ['{"12345678901234567890":1}', { '12345678901234567890': 1 }],
    ['"a\\\\\\" 12345678901234567890"', 'a\\" 12345678901234567890'],
    ['1234567890123456.5', 1234567890123456.5],
    ['12345678901234567890e1', 123456789012345680000],
    ['0.12345678901234567890', 0.12345678901234568],
  ])('%s', (text, value) => {
    expect(parseExactly(text)).toEqual(value);
  });

  test('wherever in the text the integer is', () => {
    for (let before = 0; before < 40; before += 1) {
      const text = `{"${'a'.repeat(before)}":9007199254740993}`;
      expect(Object.values(parseExactly(text) as object)).toEqual([9007199254740993n]);
    }
  });

  test('is what JSON.parse makes of any text, but for the digits', () => {
    fc.assert(
      fc.property(fc.json(), fc.string(), (text, note) => {
        const padded = `{"note":${JSON.stringify(`${note} 1234567890123456`)},"value":${text}}`;
        expect(withPlainNumbers(parseExactly(padded))).toEqual(JSON.parse(padded));
      }),
      { numRuns: 500 },
    );
  });

  test('is written as it was read', () => {
    const item = fc.oneof(fc.bigInt(), fc.string(), fc.boolean(), fc.constant(null));
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.array(item)), value => {
        const text = stringifyExactly(value);
        expect(stringifyExactly(parseExactly(text))).toBe(text);
        expect(text.includes('"9007199254740993"')).toBe(false);
      }),
    );
  });

  test.each(['', '{', '12345678901234567890,', '"12345678901234567890'])('%j is none', text => {
    expect(() => parseExactly(text)).toThrow(SyntaxError);
  });
});

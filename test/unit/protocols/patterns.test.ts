import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePattern } from '../../../src/protocols/patterns.js';

function matches(pattern: string, group: string): boolean {
  const compiled = compilePattern(pattern);
  if (compiled === undefined) throw new Error(`${pattern} is not valid`);
  return compiled.matches(group);
}

describe('[client-protocols 2.2] the pattern language', () => {
  test.each([
    ['chat-*', ['chat-', 'chat-1', 'chat-*'], ['chat.1', 'xchat-1', 'chat-1.2', 'CHAT-1', 'chat']],
    ['t.**', ['t.', 't.a', 't.a.b', 't..'], ['t', 'x.t.a']],
    ['t.***', ['t.a.b'], ['t']],
    ['**', ['', 'a', '.', 'a.b.c'], []],
    ['*', ['', 'abc'], ['.', 'a.b']],
    ['?', ['a', '*', '?'], ['', '.', 'ab']],
    ['a?c', ['abc', 'a?c'], ['ac', 'a.c', 'abbc']],
    ['*.b.*', ['a.b.c', '.b.'], ['a.b', 'a.x.b.c']],
    ['\\*\\?\\\\', ['*?\\'], ['ab\\', '*?']],
    ['a+(b|c)$', ['a+(b|c)$'], ['ab']],
    ['*a*', ['a', 'aa', 'xay', 'aaa'], ['', 'x', 'a.a']],
    ['**a.*', ['a.', 'x.a.y', 'a.a.a'], ['a', 'a.a.b.c']],
  ])('[CP-041] [CP-042] %s', (pattern, members, others) => {
    expect(members.filter(group => !matches(pattern, group))).toEqual([]);
    expect(others.filter(group => matches(pattern, group))).toEqual([]);
  });

  test.each(['', 'a\\', '\\a', 'a\\.b', '\\', 'p'.repeat(1025), '******', '*.*.*.*.*.*', '**.**.**', '*****a*'])(
    '[CP-043] %j is not valid',
    pattern => expect(compilePattern(pattern)).toBeUndefined(),
  );

  test.each(['p'.repeat(1024), '*****', '*.*.*.*.*', '**.**.*', '*****\\*', '\\\\'])(
    '[CP-043] %j is valid',
    pattern => {
      expect(compilePattern(pattern)).toBeDefined();
    },
  );
});

/** The language as its definition reads, which takes exponential time. */
function naive(pattern: string, text: string): boolean {
  const [first, second = ''] = pattern;
  if (first === undefined) return text === '';
  if (first === '*') return naiveRun(pattern, text);
  if (text === '') return false;
  if (first === '?') return text[0] !== '.' && naive(pattern.slice(1), text.slice(1));
  if (first === '\\') return second === text[0] && naive(pattern.slice(2), text.slice(1));
  return first === text[0] && naive(pattern.slice(1), text.slice(1));
}

function naiveRun(pattern: string, text: string): boolean {
  const stars = /^\*+/.exec(pattern)?.[0].length ?? 0;
  for (let taken = 0; taken <= text.length; taken += 1) {
    if (stars === 1 && text.slice(0, taken).includes('.')) return false;
    if (naive(pattern.slice(stars), text.slice(taken))) return true;
  }
  return false;
}

describe('properties', () => {
  const piece = fc.constantFrom('a', 'b', '.', '*', '**', '***', '?', '\\*', '\\?', '\\\\');
  const patternText = fc.array(piece, { minLength: 1, maxLength: 8 }).map(pieces => pieces.join(''));
  const group = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '?', '\\'), maxLength: 10 });

  test('a valid pattern matches what its definition says', () => {
    fc.assert(
      fc.property(patternText, group, (pattern, text) => {
        const compiled = compilePattern(pattern);
        fc.pre(compiled !== undefined);
        expect(compiled.matches(text)).toBe(naive(pattern, text));
      }),
      { numRuns: 5_000 },
    );
  });

  test('a pattern’s own text is valid and means the same', () => {
    fc.assert(
      fc.property(patternText, group, (pattern, text) => {
        const compiled = compilePattern(pattern);
        fc.pre(compiled !== undefined);
        const again = compilePattern(compiled.text);
        expect(again?.matches(text)).toBe(compiled.matches(text));
        expect(again?.text).toBe(compiled.text);
      }),
      { numRuns: 2_000 },
    );
  });

  test('a group’s own name, escaped, matches it alone', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 100 }), group, (name, other) => {
        const compiled = compilePattern(name.replace(/[*?\\]/g, '\\$&'));
        expect(compiled?.matches(name)).toBe(true);
        expect(compiled?.matches(other)).toBe(other === name);
      }),
    );
  });
});

test.each([
  ...['*a*a*a*a*a', '*a*a*a*a*b', '**a**ab', `${'?'.repeat(1019)}*****`],
  ...[`**${'a'.repeat(900)}*b`, `**${'?a'.repeat(250)}*b`, `*${'?'.repeat(500)}*b`],
])('[L9] the hostile pattern %s is done with a name of 1024 letters', pattern => {
  const name = 'a'.repeat(1024);
  expect(matches(pattern, name)).toBe(!pattern.endsWith('b'));
  expect(matches(pattern, `${name}.`)).toBe(pattern.endsWith('**'));
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PubSubError } from '../../../src/errors.js';
import { type ConnectionFilter, compileFilter } from '../../../src/filter/filter.js';
import { illTyped, interpret, printTree, subject, wellTyped } from './filter-tree.js';

/** A filter, or undefined when it was refused as it should be. Anything else that is thrown fails the test. */
function compiled(text: string): ConnectionFilter | undefined {
  try {
    return compileFilter(text);
  } catch (error) {
    if (!(error instanceof PubSubError) || error.kind !== 'invalid') throw error;
    expect(error.message).toMatch(/^Invalid syntax for '.*'.* \(Parameter 'filter'\)$/s);
    return undefined;
  }
}

const words = [
  ...['userId', 'connectionId', 'groups', 'protocol', 'and', 'or', 'not', 'in', 'eq', 'ne', 'gt', 'ge', 'lt', 'le'],
  ...[
    'length',
    'tolower',
    'concat',
    'substring',
    'contains',
    'indexof',
    'add',
    'has',
    'any',
    '__proto__',
    'constructor',
  ],
  ...['true', 'false', 'null', "'a'", "''", "'", '1', '-1', '1.5', '4294967296', '(', ')', ',', '/', '-', '@p', '"'],
];

describe('any text compiles or is refused as invalid, and what compiles never throws', () => {
  const holds = (text: string, of: Parameters<ConnectionFilter>[0]) => {
    const filter = compiled(text);
    return filter === undefined || typeof filter(of) === 'boolean';
  };

  test('arbitrary text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), subject, holds));
  });

  test('the words of the language in any order', () => {
    const text = fc.array(fc.constantFrom(...words)).map(parts => parts.join(' '));
    fc.assert(fc.property(text, subject, holds), { numRuns: 1000 });
  });

  test('a filter with a piece cut out or put in', () => {
    const text = fc
      .tuple(wellTyped, fc.nat(), fc.nat({ max: 4 }), fc.constantFrom('', ...words))
      .map(([tree, at, length, piece]) => {
        const whole = printTree(tree, ' ');
        const from = at % (whole.length + 1);
        return whole.slice(0, from) + piece + whole.slice(from + length);
      });
    fc.assert(fc.property(text, subject, holds), { numRuns: 1000 });
  });
});

describe('a second interpreter agrees', () => {
  const space = fc.constantFrom(' ', '  ', '\t', '\r\n');

  test('about every filter with the right types', () => {
    const verdicts = new Set<boolean>();
    fc.assert(
      fc.property(wellTyped, subject, space, (tree, of, blank) => {
        const verdict = compileFilter(printTree(tree, blank))(of);
        verdicts.add(verdict);
        expect(verdict).toBe(interpret(tree, of));
      }),
      { numRuns: 2000 },
    );
    expect(verdicts.size).toBe(2);
  });

  test('about those of any types that are accepted', () => {
    let accepted = 0;
    fc.assert(
      fc.property(illTyped, subject, (tree, of) => {
        const filter = compiled(printTree(tree, ' '));
        if (filter === undefined) return;
        accepted += 1;
        expect(filter(of)).toBe(interpret(tree, of));
      }),
      { numRuns: 2000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });
});

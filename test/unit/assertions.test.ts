import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { assertionPrefixes, readDigests } from '../support/spec.js';

const assertions = [...readDigests().values()].flatMap(digest => [...digest.assertions]);

const tests = join(import.meta.dirname, '..');
const prefixes = assertionPrefixes.join('|');

/** Tests of the finders, with titles that prove nothing. */
const madeUp = ['unit/assertions.test.ts', 'unit/docs/spec.test.ts'];

/** Ids in square brackets, as titles carry them. */
function idsInTitles(text: string): string[] {
  return [...text.matchAll(new RegExp(`\\[((?:${prefixes})-\\d{3})\\]`, 'g'))].map(([, id = '']) => id);
}

function provenIds(): Set<string> {
  const files = readdirSync(tests, { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.test.ts'))
    .filter(file => !madeUp.includes(file.replaceAll('\\', '/')));
  return new Set(files.flatMap(file => idsInTitles(readFileSync(join(tests, file), 'utf8'))));
}

/** A row of `uncovered.md`. */
interface Row {
  readonly ids: readonly string[];
  /** Says the first column which part of the assertion it is about? Then the rest has a test. */
  readonly isPartial: boolean;
}

/** The first column has ids and ranges (`CP-001…CP-003`, `CP-001…003`), then the part of the assertion, if it is one. */
function rowsOf(markdown: string): Row[] {
  const id = new RegExp(`(${prefixes})-(\\d{3})(?:…(?:\\1-)?(\\d{3}))?`, 'g');
  return [...markdown.matchAll(new RegExp(`^\\| ((?:${prefixes})-[^|]*)\\|`, 'gm'))].map(([, cell = '']) => ({
    ids: [...cell.matchAll(id)].flatMap(([, prefix = '', first, last]) =>
      range(prefix, Number(first), Number(last ?? first)),
    ),
    isPartial: cell.replace(id, '').replace(/[\s,]/g, '') !== '',
  }));
}

function range(prefix: string, first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, index) => `${prefix}-${String(first + index).padStart(3, '0')}`);
}

/** Assertions that a row lists as a whole although they have a test. */
function coveredIn(rows: readonly Row[], proven: ReadonlySet<string>): string[] {
  return rows.filter(({ isPartial }) => !isPartial).flatMap(({ ids }) => ids.filter(id => proven.has(id)));
}

const proven = provenIds();
const rows = rowsOf(readFileSync(join(tests, 'conformance/uncovered.md'), 'utf8'));
const listed = rows.flatMap(({ ids }) => ids);

describe('the assertions of the specification', () => {
  test.each(assertionPrefixes)('%s are found', prefix => {
    expect(assertions.filter(id => id.startsWith(prefix)).length).toBeGreaterThan(70);
  });

  test('are each proven by a test, or listed as uncovered with the reason', () => {
    const known = new Set([...proven, ...listed]);
    expect(assertions.filter(id => !known.has(id))).toEqual([]);
  });

  test('include every one that a test or the list names', () => {
    const real = new Set(assertions);
    expect([...proven, ...listed].filter(id => !real.has(id))).toEqual([]);
  });

  test('are not listed as uncovered where a test proves them: delete their rows in uncovered.md', () => {
    expect(coveredIn(rows, proven)).toEqual([]);
  });
});

describe('a row of the list', () => {
  test.each<[row: string, ids: string[], isPartial: boolean]>([
    ['| PW-014 | not built yet |', ['PW-014'], false],
    ['| CP-007, CP-009 | why |', ['CP-007', 'CP-009'], false],
    ['| UE-120…UE-122 | why |', ['UE-120', 'UE-121', 'UE-122'], false],
    ['| RA-001…003 | why |', ['RA-001', 'RA-002', 'RA-003'], false],
    ['| CP-094, five minutes with all defaults | why |', ['CP-094'], true],
  ])('%s', (row, ids, isPartial) => {
    expect(rowsOf(row)).toEqual([{ ids, isPartial }]);
  });

  test('about assertions as a whole is wrong once they have a test', () => {
    const both = rowsOf('| PW-014 | not built yet |\n| PW-015, PW-016 | why |\n| CP-094, a part | why |\n');
    const titled = new Set(idsInTitles("test('[PW-014] first subscriber'); test('[PW-016] [CP-094] second')"));
    expect(coveredIn(both, titled)).toEqual(['PW-014', 'PW-016']);
  });
});

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** The specification's numbered assertions; UE leaves gaps between its sections. */
const assertions = [
  ...range('CP', 1, 124),
  ...[
    [1, 24],
    [30, 42],
    [50, 66],
    [70, 75],
    [80, 90],
    [100, 106],
    [110, 118],
    [120, 122],
    [130, 133],
  ].flatMap(([first, last]) => range('UE', first as number, last as number)),
  ...range('RA', 1, 108),
];

const tests = join(import.meta.dirname, '..');

function range(prefix: string, first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, index) => `${prefix}-${String(first + index).padStart(3, '0')}`);
}

/** Ids in square brackets, as titles carry them. */
function provenIds(): Set<string> {
  const files = readdirSync(tests, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.test.ts'));
  const texts = files.map(file => readFileSync(join(tests, file), 'utf8'));
  return new Set(texts.flatMap(text => [...text.matchAll(/\[((?:CP|UE|RA)-\d{3})\]/g)].map(([, id]) => id as string)));
}

/** Ids in the first column of the tables; `CP-001…CP-003` and `CP-001…003` are ranges. */
function listedIds(): string[] {
  const rows = readFileSync(join(tests, 'conformance/uncovered.md'), 'utf8').matchAll(/^\| ((?:CP|UE|RA)-[^|]*)\|/gm);
  return [...rows].flatMap(([, cell]) =>
    [...(cell as string).matchAll(/(CP|UE|RA)-(\d{3})(?:…(?:\1-)?(\d{3}))?/g)].flatMap(([, prefix, first, last]) =>
      range(prefix as string, Number(first), Number(last ?? first)),
    ),
  );
}

test('every assertion of the specification is proven by a test, or listed as uncovered with its reason', () => {
  const known = new Set([...provenIds(), ...listedIds()]);
  expect(assertions.filter(id => !known.has(id))).toEqual([]);
});

test('no test and no list names an assertion that the specification does not have', () => {
  const real = new Set(assertions);
  expect([...provenIds(), ...listedIds()].filter(id => !real.has(id))).toEqual([]);
});

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readDigests } from '../support/spec.js';

const assertions = [...readDigests().values()].flatMap(digest => [...digest.assertions]);

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

test('the assertions of the specification are found', () => {
  for (const prefix of ['CP', 'UE', 'RA']) {
    expect(assertions.filter(id => id.startsWith(prefix)).length).toBeGreaterThan(90);
  }
});

test('every assertion of the specification is proven by a test, or listed as uncovered with its reason', () => {
  const known = new Set([...provenIds(), ...listedIds()]);
  expect(assertions.filter(id => !known.has(id))).toEqual([]);
});

test('no test and no list names an assertion that the specification does not have', () => {
  const real = new Set(assertions);
  expect([...provenIds(), ...listedIds()].filter(id => !real.has(id))).toEqual([]);
});

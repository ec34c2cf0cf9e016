import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { readResult, withTable } from '../../bench/publish.js';

test("README's performance table is that of the committed result", async () => {
  const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8');
  const result = await readResult();
  expect(result.results.length).toBeGreaterThan(0);
  expect(withTable(readme, result)).toBe(readme);
});

import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { readResult, withTable } from '../../bench/publish.js';

test('the table of docs/performance.md is that of the committed result', async () => {
  const page = await readFile(new URL('../../../docs/performance.md', import.meta.url), 'utf8');
  const result = await readResult();
  expect(result.results.length).toBeGreaterThan(0);
  expect(withTable(page, result)).toBe(page);
});

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { repository } from '../../support/doc-pages.js';
import { roomImports } from '../../support/import-graph.js';

const page = readFileSync(join(repository, 'docs/architecture.md'), 'utf8');
const rows = new Map(
  [...page.matchAll(/^\| `([\w-]+)(?:\.ts|\/)` \|[^|]*\| ([^|]*) \|$/gm)].map(([, name, row]) => [name, row]),
);
const modules = Object.keys(roomImports).filter(isThere);

function isThere(module: string): boolean {
  return existsSync(join(repository, 'src', module)) || existsSync(join(repository, 'src', `${module}.ts`));
}

/** The module of an entry such as `types of hub` or `hub/roles.ts`. */
function moduleOf(place: string): string {
  return place.replace('types of ', '').split('/')[0]!;
}

test('the modules of the program are known', () => {
  expect(modules).toEqual(expect.arrayContaining(['hub', 'protocols', 'service', 'errors']));
});

test.each(modules)('docs/architecture.md has a row for %s with its imports', module => {
  const row = rows.get(module);
  expect(row).toBeDefined();
  if (row === 'everything') return;
  const allowed = (roomImports[module] ?? []).map(moduleOf).filter(isThere);
  expect(allowed.filter(name => !row?.includes(name))).toEqual([]);
});

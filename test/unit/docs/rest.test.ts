import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { apiVersions } from '../../../src/rest/parameters.js';
import { repository } from '../../support/doc-pages.js';

const page = readFileSync(join(repository, 'docs/rest.md'), 'utf8');

test('docs/rest.md lists every operation once', () => {
  const folder = join(repository, 'src/rest');
  const source = readdirSync(folder).map(name => readFileSync(join(folder, name), 'utf8'));
  const served = source.flatMap(text => [...text.matchAll(/'(?:WebPubSub|HealthApi)_(\w+)'/g)].map(([, id]) => id));
  const listed = [...page.matchAll(/^\| (\w+) \| `(?:HEAD|GET|POST|PUT|DELETE) \/api\//gm)].map(([, id]) => id);
  expect(served.length).toBe(25);
  expect(listed.sort()).toEqual(served.sort());
});

test('docs/rest.md lists every api-version', () => {
  for (const version of apiVersions) expect(page).toContain(`\`${version}\``);
});

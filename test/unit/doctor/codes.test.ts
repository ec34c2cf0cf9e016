import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { whys } from '../../../src/doctor/codes.js';
import { repository } from '../../support/doc-pages.js';

/** Id and code of each row of the specification. */
const rows = [
  ...readFileSync(join(repository, 'docs/spec/management.md'), 'utf8').matchAll(/^\| (MG-2[0-2]\d) \| `([\w-]+)` \|/gm),
].map(([, id = '', code = '']) => ({ id, code }));

const folder = join(repository, 'test');

/** Beginnings of titles, as `[MG-200] refused`. */
const titles = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter(path => /doctor.*\.test\.ts$/.test(path))
  .flatMap(path => readFileSync(join(folder, path), 'utf8').match(/\[MG-2[0-2]\d\] [\w-]+/g) ?? []);

describe('the codes of doctor', () => {
  test('are those of the specification', () => {
    expect(rows).toHaveLength(30);
    expect(rows.filter(({ code }) => !(code in whys))).toEqual([]);
  });

  test('[MG-240] each is in the title of a test, which makes the mistake', () => {
    const missing = rows.map(({ id, code }) => `[${id}] ${code}`).filter(title => !titles.includes(title));
    expect(missing).toEqual([]);
  });
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { knownVariables, settings } from '../../../src/cli/variables.js';
import { hubsFileSchema } from '../../../src/config/schema/hubs-file.js';
import { repository } from '../../support/doc-pages.js';

const page = readFileSync(join(repository, 'docs/configuration.md'), 'utf8');

/** Of the tables of keys: type and default of each row, by heading and key. */
const rows = new Map<string, { type: string; fallback: string }>(
  page.split(/^#{2,3} /m).flatMap(section => {
    const heading = section.split('\n', 1)[0]!.replaceAll('`', '');
    return Array.from(
      section.matchAll(/^\| `([^`]+)` \| (.*?) \| (.*?) \|/gm),
      ([, key = '', type = '', fallback = '']) => [`${heading}.${key}`, { type, fallback }] as const,
    );
  }),
);

interface Schema {
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

interface Key {
  /** `hubs.<name>.eventHandlers[].auth.type` */
  readonly path: string;
  readonly schema: Schema;
  /** It takes a value of its own. */
  readonly isLeaf: boolean;
}

function keysOf(schema: Schema, path = ''): Key[] {
  const below = [
    ...Object.entries(schema.properties ?? {}).map(([key, inner]) => [path === '' ? key : `${path}.${key}`, inner]),
    ...Object.values(schema.patternProperties ?? {}).map(inner => [`${path}.<name>`, inner]),
    ...(schema.items === undefined ? [] : [[`${path}[]`, schema.items]]),
  ] as [string, Schema][];
  const own = { path: path.replace(/\[\]$/, ''), schema, isLeaf: below.length === 0 };
  return [own, ...below.flatMap(([inner, each]) => keysOf(each, inner))];
}

/** Where the row of a key stands: blocks that occur at several places are described once, and the others refer to it. */
function documentedKey(key: string): string {
  return key
    .replace(/^apps\[\]\.policy\.(?:limits|features|channels)\./, 'apps[].')
    .replace(/^(?:apps\[\]\.policy|hubs\.<name>)\.webhooks\[\]/, 'apps[].webhooks[]')
    .replace(/^apps\[\](?:\.webhooks\[\])?\.batching\./, 'webhooks.batching.');
}

describe('docs/configuration.md', () => {
  const keys = keysOf(hubsFileSchema as unknown as Schema);
  const leaves = keys.filter(({ isLeaf }) => isLeaf).map(({ path }) => path);
  const documented = [...rows.keys()].filter(row => /^(?:hubs\.<name>|apps\[\]|[a-z]+)[.[]/.test(row));

  test('keys are found in the schema', () => {
    expect(leaves).toContain('hubs.<name>.eventHandlers[].urlTemplate');
    expect(leaves).toContain('auth.entra.issuers[].jwksUri');
    expect(leaves).toContain('hubs.<name>.webhooks[].filter.channel_prefix');
    expect(documented.length).toBeGreaterThan(120);
  });

  test.each([...new Set(leaves.map(documentedKey))])('has a row for %s', key => {
    expect([...rows.keys()]).toContain(key);
  });

  test('has no row for a key that does not exist', () => {
    const known = new Set(keys.map(({ path }) => path));
    expect(documented.filter(row => !known.has(row))).toEqual([]);
  });

  test.each(keys.filter(({ path, schema }) => schema.default !== undefined && rows.has(path)))(
    'has the default of $path',
    ({ path, schema }) => {
      const written = typeof schema.default === 'string' ? schema.default : JSON.stringify(schema.default);
      expect(rows.get(path)?.fallback.replaceAll(', ', ',')).toContain(`\`${written}\``);
    },
  );

  test.each(keys.filter(({ path, schema }) => schema.maximum !== undefined && rows.has(path)))(
    'has the largest and the smallest value of $path',
    ({ path, schema: { minimum, maximum } }) => {
      const numbers = rows.get(path)?.type.match(/\d+/g)?.map(Number);
      expect(numbers).toContain(maximum);
      if (minimum !== undefined) expect(numbers).toContain(minimum);
    },
  );

  test.each(knownVariables)('has a row for variable %s', name => {
    expect(page).toMatch(new RegExp(`^\\|.*\`${name}\``, 'm'));
  });

  test.each(Object.values(settings))('has a row for flag $flag with its default', ({ flag, fallback }) => {
    const row = page.split('\n').find(line => new RegExp(`^\\| \`${flag}[ \`]`).test(line));
    expect(row).toBeDefined();
    if (fallback !== undefined) expect(row).toContain(`\`${fallback}\``);
  });
});

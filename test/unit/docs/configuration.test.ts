import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { knownVariables, settings } from '../../../src/cli/variables.js';
import { hubsFileSchema } from '../../../src/config/schema/hubs-file.js';
import { repository } from '../../support/doc-pages.js';

const page = readFileSync(join(repository, 'docs/configuration.md'), 'utf8');

/** First cells of all tables, without their backquotes, under the heading that a table stands under. */
const rows = page.split(/^#{2,3} /m).flatMap(section => {
  const heading = section.split('\n', 1)[0]!.replaceAll('`', '');
  return [...section.matchAll(/^\| `([^`]+)`/gm)].map(([, key = '']) => `${heading} ${key}`);
});

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

/** Paths of all keys that take a value of their own: `hubs.<name>.eventHandlers[].auth.type`. */
function keysOf(schema: Schema, path = ''): string[] {
  const below = [
    ...Object.entries(schema.properties ?? {}).map(([key, inner]) => [path === '' ? key : `${path}.${key}`, inner]),
    ...Object.values(schema.patternProperties ?? {}).map(inner => [`${path}.<name>`, inner]),
    ...(schema.items === undefined ? [] : [[`${path}[]`, schema.items]]),
  ] as [string, Schema][];
  return below.length === 0 ? [path] : below.flatMap(([inner, each]) => keysOf(each, inner));
}

/** Where the row of a key stands: blocks that occur at several places are described once, and the others refer to it. */
function documentedKey(key: string): string {
  return key
    .replace(/^apps\[\]\.policy\.(?:limits|features|channels)\./, 'apps[].')
    .replace(/^(?:apps\[\]\.policy|hubs\.<name>)\.webhooks\[\]/, 'apps[].webhooks[]')
    .replace(/^apps\[\](?:\.webhooks\[\])?\.batching\./, 'webhooks.batching.');
}

describe('docs/configuration.md', () => {
  const keys = keysOf(hubsFileSchema as unknown as Schema).map(key => key.replace(/\[\]$/, ''));

  test('keys are found in the schema', () => {
    expect(keys).toContain('hubs.<name>.eventHandlers[].urlTemplate');
    expect(keys).toContain('auth.entra.issuers[].jwksUri');
    expect(keys).toContain('hubs.<name>.webhooks[].filter.channel_prefix');
  });

  test.each([...new Set(keys.map(documentedKey))])('has a row for %s', key => {
    expect(rows.some(row => key === row.replace(' ', '.'))).toBe(true);
  });

  test.each(knownVariables)('has a row for variable %s', name => {
    expect(page).toMatch(new RegExp(`^\\|.*\`${name}\``, 'm'));
  });

  test.each(Object.values(settings))('has a row for flag $flag with its default', ({ flag, fallback }) => {
    const row = page.split('\n').find(line => new RegExp(`^\\| \`${flag}[ \`]`).test(line));
    expect(row).toBeDefined();
    if (fallback !== undefined) expect(row).toContain(`\`${fallback}\``);
  });
});

import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import * as source from '../../src/config/load.js';

const built: typeof source = await import(new URL('../../build/config/load.js', import.meta.url).href);

const texts = [
  'hubs: { chat: { eventHandlers: [{ urlTemplate: "http://localhost/x", systemEvents: [connect, 7] }] } }',
  'hubs: { chat: { eventHandler: [] }, 9: {} }\nlimits: { connectionsPerHub: -1 }',
  'apps: [{ id: a, webhooks: [{ url: "ftp://x" }] }, { id: "", key: k, secret: "", limits: [] }]',
  'queue: { driver: carrier-pigeon }\nwebhooks: { batching: { size: 0 } }\nunknown: 1',
  'hubs:\n  chat:\n',
];

function problemsOf({ parseConfig }: typeof source, text: string): string {
  try {
    parseConfig(text, { file: 'hubs.yaml', env: {} });
    return 'none';
  } catch (error) {
    return String(error);
  }
}

test.each(texts)('the schema that the build compiles finds what the one of the source finds: %s', text => {
  expect(problemsOf(built, text)).toBe(problemsOf(source, text));
});

test('no schema is compiled when the built service starts', async () => {
  const check = await readFile(new URL('../../build/config/schema/check.js', import.meta.url), 'utf8');
  expect(check).not.toMatch(/^import /m);
  expect(check).toContain('isHubsFile');
});

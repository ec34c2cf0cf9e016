import { expect, test } from 'vitest';
import { configDigest } from '../../../src/config/digest.js';
import { parseConfig } from '../../../src/config/load.js';

const key = 'k'.repeat(32);

function digestOf(text: string, env: Readonly<Record<string, string>> = {}, primaryKey = key): string {
  return configDigest(parseConfig(text, { file: 'hubs.yaml', env }), primaryKey);
}

const text = 'hubs: { a: { anonymousConnectPolicy: allow, webSocketKeepAliveIntervalInSeconds: 30 }, b: {} }\n';

test('[CL-110] the digest of a configuration is the same whatever the order, layout and comments', () => {
  expect(digestOf(text)).toMatch(/^[0-9a-f]{16}$/);
  const other =
    'hubs:\n  b: {}\n  a: # first\n    webSocketKeepAliveIntervalInSeconds: 30\n    anonymousConnectPolicy: Allow\n';
  expect(digestOf(other)).toBe(digestOf(text));
});

test('[CL-110] it is another one for another setting, variable or key', () => {
  const limited = `limits: { maxConnections: "$\{MOST}" }\n`;
  const all = [
    digestOf(text),
    digestOf(text.replace('30', '31')),
    digestOf('hubs: { a: {} }\n'),
    digestOf(limited, { MOST: '1' }),
    digestOf(limited, { MOST: '2' }),
    digestOf(text, {}, 'o'.repeat(32)),
  ];
  expect(new Set(all).size).toBe(all.length);
});

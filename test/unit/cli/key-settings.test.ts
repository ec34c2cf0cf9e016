import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { checkFence, developmentKey, readKeys } from '../../../src/cli/key-settings.js';

const ownKey = 'a-key-of-our-own-for-these-tests-0123456789';
const key32 = 'k'.repeat(32);

describe('[V14] [newcomer B4] keys that are known or short', () => {
  const fence = (env: Record<string, string>, host: string) => () =>
    checkFence(readKeys(env), { text: host, name: '--admin-host' });

  test.each([
    ['none', {}],
    ['the known one', { HUBWIRE_PRIMARY_KEY: developmentKey }],
    ['the known one as secondary', { HUBWIRE_PRIMARY_KEY: ownKey, HUBWIRE_SECONDARY_KEY: developmentKey }],
    ['a short one', { HUBWIRE_PRIMARY_KEY: key32.slice(1) }],
    ['a short secondary one', { HUBWIRE_PRIMARY_KEY: ownKey, HUBWIRE_SECONDARY_KEY: 'b' }],
  ])('%s: only this machine may reach the listener', (_, env) => {
    for (const host of ['0.0.0.0', '::', '10.0.0.1', 'example.com']) {
      expect(fence(env, host)).toThrow(`refusing to listen on ${host} (--admin-host) w`);
    }
    for (const host of ['127.0.0.1', '127.0.0.2', '::1', 'localhost']) expect(fence(env, host)).not.toThrow();
  });

  test('one of 32 bytes is good, and no key is shown', () => {
    expect(fence({ HUBWIRE_PRIMARY_KEY: key32 }, '0.0.0.0')).not.toThrow();
    expect(fence({ HUBWIRE_PRIMARY_KEY: 'short-s3cret' }, '0.0.0.0')).not.toThrow(/s3cret/);
  });

  test('a short one is warned of, by the name that gave it', () => {
    expect(readKeys({ HUBWIRE_PRIMARY_KEY: 'short' }).warnings).toEqual([
      expect.stringMatching(/^HUBWIRE_PRIMARY_KEY is shorter than 32 bytes: .*openssl rand -base64 32$/),
    ]);
    expect(readKeys({ HUBWIRE_PRIMARY_KEY: key32 }).warnings).toEqual([]);
    expect(readKeys({}).warnings).toEqual([]);
  });
});

describe('a key and a file of it', () => {
  function fileOf(text: string): string {
    const folder = mkdtempSync(join(tmpdir(), 'keys-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'key');
    writeFileSync(file, text);
    return file;
  }

  test('both set: refused, since one would win in silence', () => {
    const file = fileOf(ownKey);
    for (const name of ['HUBWIRE_PRIMARY_KEY', 'HUBWIRE_SECONDARY_KEY']) {
      const env = { HUBWIRE_PRIMARY_KEY: ownKey, [name]: key32, [`${name}_FILE`]: file };
      expect(() => readKeys(env)).toThrow(`${name} and ${name}_FILE are both set; unset one of them`);
    }
  });

  test('an empty variable beside a file is not set', () => {
    const env = { HUBWIRE_PRIMARY_KEY: '', HUBWIRE_PRIMARY_KEY_FILE: fileOf(`${ownKey}\n`) };
    expect(readKeys(env).keys.primary).toBe(ownKey);
  });

  test('what is wrong with the content is told with the variable that names the file', () => {
    expect(() => readKeys({ HUBWIRE_PRIMARY_KEY_FILE: fileOf('') })).toThrow(
      /^HUBWIRE_PRIMARY_KEY_FILE must not be empty/,
    );
  });
});

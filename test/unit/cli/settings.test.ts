import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { checkAppFence } from '../../../src/cli/hubs-file.js';
import {
  checkFence,
  dataDirectoryOf,
  developmentKey,
  parseHost,
  parsePort,
  parseTrustProxy,
  readEndpoints,
  readKeys,
  readTls,
} from '../../../src/cli/settings.js';
import { parseConfig } from '../../../src/config/load.js';

const ownKey = 'a-key-of-our-own-for-these-tests-0123456789';
const key32 = 'k'.repeat(32);

/** Given by the flag, for a setting whose name does not matter. */
const given = (text: string, name = '--it') => ({ text, name });

describe('[D17] a host to listen on', () => {
  test.each([
    ['[::1]', '::1'],
    ['::1', '::1'],
    ['[::]', '::'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
    ['127.0.0.2', '127.0.0.2'],
    [' 0.0.0.0 ', '0.0.0.0'],
    ['LocalHost', 'localhost'],
    ['my_host.example.com', 'my_host.example.com'],
    ['münchen.example', 'münchen.example'],
  ])('%j is %s', (text, host) => {
    expect(parseHost(given(text))).toEqual({ text: host, name: '--it' });
  });

  test.each([
    ['', 'must be a host name or an address'],
    [' ', 'must be a host name or an address'],
    ['[]', 'must be a host name or an address'],
    ['127.0.0.1:8080', 'without a port'],
    ['[::1]:8080', 'without a port'],
    ['localhost:', 'without a port'],
    ['http://localhost', 'without a scheme or path'],
    ['//localhost', 'without a scheme or path'],
    ['localhost/', 'without a scheme or path'],
    ['me@host', 'without a scheme or path'],
    ['999.1.1.1', 'must be a host name or an IP address'],
    ['::zz', 'must be a host name or an IP address'],
    ['[::1', 'must be a host name or an IP address'],
    ['a b', 'must be a host name or an IP address'],
    ['*', 'must be a host name or an IP address'],
  ])('%j is refused: %s', (text, reason) => {
    expect(() => parseHost(given(text, 'HUBWIRE_HOST'))).toThrow(reason);
    expect(() => parseHost(given(text, 'HUBWIRE_HOST'))).toThrow(/^HUBWIRE_HOST /);
  });
});

describe('[D08] a refused value is told with the flag or variable that gave it', () => {
  test.each([
    ['port', () => parsePort(given('x', 'PORT')), /^PORT must be a port number/],
    ['trust proxy', () => parseTrustProxy(given('proxy', 'HUBWIRE_TRUST_PROXY')), /^HUBWIRE_TRUST_PROXY must be/],
    [
      'certificate',
      () => readTls(given('c', 'HUBWIRE_TLS_CERT'), undefined),
      /^HUBWIRE_TLS_CERT is given without --tls-key \(or HUBWIRE_TLS_KEY\)/,
    ],
    [
      'its key',
      () => readTls(given('', 'HUBWIRE_TLS_CERT'), given('k', '--tls-key')),
      /^--tls-key is given without --tls-cert \(or HUBWIRE_TLS_CERT\)/,
    ],
  ])('%s', (_, read, message) => {
    expect(read).toThrow(message);
  });
});

describe('[V13] HUBWIRE_ENDPOINT', () => {
  test.each([
    ['https://me:s3cret@host', 'contains a user name or password'],
    ['https://s3cret@host', 'contains a user name or password'],
    ['https://host?code=s3cret', 'contains a query or fragment'],
    ['https://host/path?', 'contains a query or fragment'],
    ['https://host#s3cret', 'contains a query or fragment'],
    ['host:8080', 'must start with http:// or https://'],
    ['host', 'is not a URL'],
    ['https://', 'is not a URL'],
    ['https://me:s3cret@', 'is not a URL'],
  ])('%s: %s', (text, reason) => {
    for (const value of [text, `https://good.example, ${text}`]) {
      const read = () => readEndpoints({ HUBWIRE_ENDPOINT: value });
      expect(read).toThrow(/^HUBWIRE_ENDPOINT: endpoint "/);
      expect(read).toThrow(reason);
      if (!text.startsWith('https://host#')) expect(read).not.toThrow(/s3cret/);
    }
  });

  test('a host, a port and a path are taken', () => {
    const urls = ['https://pubsub.example.com', 'http://h:8080/base/'];
    expect(readEndpoints({ HUBWIRE_ENDPOINT: urls.join(' , ') })).toEqual(urls);
  });
});

describe('[V14] [newcomer B4] keys that are known or short', () => {
  const fence = (env: Record<string, string>, host: string) => () =>
    checkFence(readKeys(env), given(host, '--admin-host'));

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

describe('[design 8] where durable data is kept', () => {
  test('beside hubs.yaml, or in the folder that is given', () => {
    expect(dataDirectoryOf({ text: 'data', name: '--data-dir', isDefault: true }, '/etc/hubwire/hubs.yaml')).toBe(
      '/etc/hubwire/data',
    );
    expect(dataDirectoryOf(given('/var/lib/hubwire'), '/etc/hubwire/hubs.yaml')).toBe('/var/lib/hubwire');
    expect(dataDirectoryOf(given('data'), '/etc/hubwire/hubs.yaml')).toBe(join(process.cwd(), 'data'));
  });
});

describe('[design 8] an app with the secret of a sample', () => {
  const appsOf = (secret: string) =>
    parseConfig(`apps: [{ id: app, key: app-key, secret: ${secret} }]`, { file: 'hubs.yaml', env: {} }).apps;

  const file = { path: '/etc/hubs.yaml', namedBy: '--hubs', isMissing: false };

  test('is for this machine only', () => {
    expect(() => checkAppFence(appsOf('app-secret'), given('0.0.0.0', 'HUBWIRE_HOST'), file)).toThrow(
      /^refusing to listen on 0\.0\.0\.0 \(HUBWIRE_HOST\) while app app has a secret of a sample, which everyone knows; give it one of its own: .+ in \/etc\/hubs\.yaml, or remove the app there$/,
    );
    expect(() => checkAppFence(appsOf('app-secret'), given('127.0.0.1'), file)).not.toThrow();
    expect(() => checkAppFence(appsOf('of-our-own'), given('0.0.0.0'), file)).not.toThrow();
  });

  test('which --sample brings along: a file of one’s own takes its place', () => {
    expect(() => checkAppFence(appsOf('app-secret'), given('0.0.0.0'), { ...file, isMissing: true })).toThrow(
      /is used as \/etc\/hubs\.yaml does not exist: write that file, without the app or with another secret$/,
    );
  });
});

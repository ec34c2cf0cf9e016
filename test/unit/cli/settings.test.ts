import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readAdminAccess } from '../../../src/cli/admin-settings.js';
import { dataPlaneOf } from '../../../src/cli/data-plane.js';
import { checkAppFence } from '../../../src/cli/hubs-file.js';
import {
  dataDirectoryOf,
  endpointOf,
  parseAdminUrl,
  parseDrainSeconds,
  parseHost,
  parsePort,
  parseTrustProxy,
  readEndpoints,
  readProxies,
  readTls,
} from '../../../src/cli/settings.js';
import { parseConfig } from '../../../src/config/load.js';

/** Given by the flag, for a setting whose name does not matter. */
const given = (text: string, name = '--it') => ({ text, name });

test.each([
  [{}, 'http://localhost:8080'],
  [{ HUBWIRE_PORT: '9000', PORT: '3000' }, 'http://localhost:9000'],
  [{ HUBWIRE_PORT: 'tcp://10.96.0.12:8080', PORT: '3000' }, 'http://localhost:3000'],
  [{ HUBWIRE_PORT: '0' }, 'http://localhost:8080'],
  [{ HUBWIRE_TLS_CERT: 'c.pem', HUBWIRE_TLS_KEY: 'k.pem' }, 'https://localhost:8080'],
  [{ HUBWIRE_PORT: '9000', HUBWIRE_ENDPOINT: 'https://hub.example/, https://b.example' }, 'https://hub.example'],
])('with %j verbs look for the service at %s', (env, endpoint) => {
  expect(endpointOf(undefined, env)).toBe(endpoint);
});

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
    [
      'drain',
      () => parseDrainSeconds(given('1.5', '--drain-seconds')),
      /^--drain-seconds must be a whole number of seconds/,
    ],
    ['drain', () => parseDrainSeconds(given('3601', 'HUBWIRE_DRAIN_SECONDS')), /^HUBWIRE_DRAIN_SECONDS must be/],
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

describe('the URL of an admin listener', () => {
  test.each([
    ['https://admin.example/', 'https://admin.example'],
    ['http://127.0.0.1:8081/below', 'http://127.0.0.1:8081/below'],
  ])('%s', (text, url) => {
    expect(parseAdminUrl(given(text))).toBe(url);
  });

  test.each([
    ['http://u:s3cret@localhost:1/', '--it "http://***@localhost:1/" contains a user name or password'],
    ['http://u:s3cret@localhost:99999/', '--it must be a URL such as https://localhost:8081, not "http://***@'],
    ['u:s3cret@localhost', '--it must be a URL such as'],
    ['http://localhost:1?s3cret', '--it "http://localhost:1?***" contains a query or fragment'],
    ['http://localhost:1/;s3cret', '--it "http://localhost:1/;***" contains a `;`'],
  ])('%s is refused: %s', (text, reason) => {
    const read = () => parseAdminUrl(given(text));
    expect(read).toThrow(reason);
    expect(read).not.toThrow(/s3cret/);
  });
});

test.each(['https://u:s3cret@x/', 'https://admin.example;s3cret', 'Endpoint=https://x;AccessKey=s3cret;'])(
  'HUBWIRE_ADMIN_ORIGINS: %s is refused, and its secret not shown',
  text => {
    const read = () => readAdminAccess({ HUBWIRE_ADMIN_ORIGINS: text }, undefined);
    expect(read).toThrow(/^HUBWIRE_ADMIN_ORIGINS must be URLs without a path .*\*\*\*/);
    expect(read).not.toThrow(/s3cret/);
  },
);

test('the Endpoint of a connection string may have no password, which is not shown', () => {
  const read = () => dataPlaneOf({ connectionString: 'Endpoint=http://u:s3cret@h;AccessKey=k;' }, {});
  expect(read).toThrow('--connection-string: its Endpoint "http://***@h" contains a user name or password');
});

test('a stray % in the password of a proxy is told with the variable', () => {
  const read = () => readProxies({ http_proxy: 'http://u:s3cret%ZZ@proxy:1' });
  expect(read).toThrow(/^http_proxy: user or password of the URL contains a stray `%`/);
  expect(readProxies({ http_proxy: 'http://u:p%25@proxy:1' }).http?.authorization).toBe(`Basic ${btoa('u:p%')}`);
});

describe('[V13] HUBWIRE_ENDPOINT', () => {
  test.each([
    ['https://me:s3cret@host', 'contains a user name or password'],
    ['https://s3cret@host', 'contains a user name or password'],
    ['https://host?code=s3cret', 'contains a query or fragment'],
    ['https://host/path?', 'contains a query or fragment'],
    ['https://host#s3cret', 'contains a query or fragment'],
    ['https://host;s3cret', 'contains a `;`; end it with the host, the port or a path'],
    ['https://host/path;s3cret', 'contains a `;`; end it with the host, the port or a path'],
    ['https://me:s3cret@host:99999', 'is not a URL'],
    ['me:s3cret@host', 'must start with http:// or https://'],
    ['host:8080', 'must start with http:// or https://'],
    ['host', 'is not a URL'],
    ['https://', 'is not a URL'],
    ['https://me:s3cret@', 'is not a URL'],
  ])('%s: %s', (text, reason) => {
    for (const value of [text, `https://good.example, ${text}`]) {
      const read = () => readEndpoints({ HUBWIRE_ENDPOINT: value });
      expect(read).toThrow(/^HUBWIRE_ENDPOINT: endpoint "/);
      expect(read).toThrow(reason);
      expect(read).not.toThrow(/s3cret/);
    }
  });

  test.each([
    'Endpoint=https://x.example;AccessKey=s3cret;Version=1.0;',
    'AccessKey=s3cret;Endpoint=https://x.example;Version=1.0;',
    '"Endpoint=https://x.example;AccessKey=s3,cret;Version=1.0;"',
    'https://x.example;AccessKey=s3cret',
    'https://x.example/a;AccessKey=s3cret;Version=1.0;',
  ])('a connection string is told as such, without its key: %s', text => {
    for (const read of [
      () => readEndpoints({ HUBWIRE_ENDPOINT: text }),
      () => endpointOf(text, {}),
      () => parseAdminUrl(given(text)),
    ]) {
      expect(read).toThrow(
        /^(?:HUBWIRE_ENDPOINT: endpoint|--endpoint: endpoint|--it) is a connection string, not a URL; /,
      );
      expect(read).not.toThrow(/s3|cret/);
    }
  });

  test('a host, a port and a path are taken', () => {
    const urls = ['https://pubsub.example.com', 'http://h:8080/base/'];
    expect(readEndpoints({ HUBWIRE_ENDPOINT: urls.join(' , ') })).toEqual(urls);
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

import { describe, expect, test } from 'vitest';
import { isClusterName } from '../../../src/nats/names.js';
import { hostAndPort, NatsUrlError, parseNatsUrls } from '../../../src/nats/options.js';

describe('[CL-120] URLs of NATS servers', () => {
  test.each([
    ['nats://a', { host: 'a', port: 4222, isTls: false }],
    ['a', { host: 'a', port: 4222, isTls: false }],
    ['a:1', { host: 'a', port: 1, isTls: false }],
    ['tls://a.example:4443/', { host: 'a.example', port: 4443, isTls: true }],
    ['nats+tls://a', { host: 'a', port: 4222, isTls: true }],
    ['nats://[::1]:4223', { host: '::1', port: 4223, isTls: false }],
    ['nats://me:pass%40word@a', { host: 'a', port: 4222, isTls: false, login: { user: 'me', password: 'pass@word' } }],
    ['nats://s3cret@a', { host: 'a', port: 4222, isTls: false, login: { token: 's3cret' } }],
  ])('%s', (text, address) => {
    expect(parseNatsUrls(text)).toEqual([address]);
  });

  test('are a list, in order', () => {
    expect(parseNatsUrls('nats://a:1, tls://b ,c:3').map(hostAndPort)).toEqual(['a:1', 'b:4222', 'c:3']);
  });

  test.each([
    ['http://me:hunter2@a', 'the scheme http:// is not one of NATS'],
    ['nats://me:hunter2@', 'it is not a URL'],
    ['nats://me:hunter2@a/path', 'nothing may follow host and port'],
    ['nats://me:hunter2@a?tls=1', 'nothing may follow host and port'],
    ['nats://me:hunter2@a:99999', 'it is not a URL'],
    ['nats://me:hunter2%@a', 'it is not a URL'],
    ['', 'it is empty'],
  ])('that are wrong are told by their place, without what they contain: %s', (text, reason) => {
    const parse = () => parseNatsUrls(`nats://fine,${text}`);
    expect(parse).toThrow(NatsUrlError);
    expect(parse).toThrow(`entry 2 of the NATS servers: ${reason}; write it as nats://host:4222`);
    expect(parse).not.toThrow('hunter2');
  });
});

test.each([
  'nats://me:hun/ter2@a:4222',
  'nats://me:1/ter2@a:4222',
  'nats://me:hun?ter2@a',
  'nats://me:hun#ter2@a',
  'nats://me:hunter,2@a',
  'nats://me:hunter%@a',
])('a login with a sign that a URL reads as its own: how such signs are written, without the login: %s', text => {
  const parse = () => parseNatsUrls(text);
  expect(parse).toThrow(/; in user and password `\/` is written %2F, `@` %40, `:` %3A, `,` %2C and `%` %25$/);
  expect(parse).not.toThrow(/hun|ter2/);
  const written = 'nats://me:%2F%40%3A%2C%25@a';
  expect(parseNatsUrls(written)).toMatchObject([{ login: { user: 'me', password: '/@:,%' } }]);
});

test.each(['hw', 'a', 'A-b_9', 'x'.repeat(32)])('%s may be the name of a cluster', name => {
  expect(isClusterName(name)).toBe(true);
});

test.each(['', 'a.b', 'a*', '>', 'a b', 'é', 'x'.repeat(33)])('"%s" may not', name => {
  expect(isClusterName(name)).toBe(false);
});

import { describe, expect, test } from 'vitest';
import { readProxies } from '../../../src/cli/settings.js';
import { Proxies } from '../../../src/egress/proxy.js';

const http = { origin: 'http://p:3128', authorization: undefined, variable: 'HTTP_PROXY' };
const https = { origin: 'http://s:3128', authorization: undefined, variable: 'HTTPS_PROXY' };

describe('[D15] the proxy for an origin', () => {
  test('is that of its scheme, if there is one', () => {
    const proxies = new Proxies({ http, https, except: '' });
    expect(proxies.for('http://app')).toBe(http);
    expect(proxies.for('https://app')).toBe(https);
    expect(new Proxies({ http, https: undefined, except: '' }).for('https://app')).toBeUndefined();
  });

  test.each([
    'http://localhost:3000',
    'http://127.0.0.1',
    'http://127.9.9.9',
    'http://[::1]:3000',
    'http://a.localhost',
  ])('is none for this machine: %s', origin => {
    expect(new Proxies({ http, https, except: '' }).for(origin)).toBeUndefined();
  });

  test.each([
    ['*', 'http://anything', true],
    ['app.internal', 'http://app.internal', true],
    ['app.internal', 'http://APP.internal:3000', true],
    ['app.internal', 'http://a.app.internal', true],
    ['app.internal', 'http://myapp.internal', false],
    ['.internal', 'http://app.internal', true],
    ['*.internal', 'http://app.internal', true],
    ['*.internal', 'http://app.internal.', true],
    ['a, b  c', 'http://c', true],
    ['a,,b', 'http://c', false],
    ['app:3000', 'http://app:3000', true],
    ['app:3000', 'http://app', false],
    ['app:80', 'http://app', true],
    ['10.0.0.0/8', 'http://10.1.2.3', true],
    ['10.0.0.0/8', 'http://11.1.2.3', false],
    ['10.0.0.0/8', 'http://app', false],
    ['10.1.2.3', 'http://10.1.2.3:8080', true],
    ['fd00::/8', 'http://[fd00::1]', true],
    ['fd00::1', 'http://[fd00::1]:3000', true],
    ['[fd00::1]:3000', 'http://[fd00::1]:3001', false],
    ['10.0.0.0/99', 'http://10.1.2.3', false],
  ])('with NO_PROXY=%j, %s directly: %s', (except, origin, isDirect) => {
    expect(new Proxies({ http, https, except }).for(origin) === undefined).toBe(isDirect);
  });
});

describe('[D15] the variables', () => {
  test('lower case wins; empty ones are unset', () => {
    expect(readProxies({ HTTP_PROXY: 'http://a:1', http_proxy: 'http://b:2', https_proxy: '' })).toEqual({
      http: { origin: 'http://b:2', authorization: undefined, variable: 'http_proxy' },
      https: undefined,
      except: '',
    });
    expect(readProxies({ NO_PROXY: 'a', no_proxy: 'b' }).except).toBe('b');
  });

  test('credentials are taken out of the address; a scheme is not needed', () => {
    const { https: proxy } = readProxies({ HTTPS_PROXY: 'me%40x:p%3Aw@proxy.example:3128' });
    expect(proxy).toEqual({
      origin: 'http://proxy.example:3128',
      authorization: `Basic ${Buffer.from('me@x:p:w').toString('base64')}`,
      variable: 'HTTPS_PROXY',
    });
  });

  test.each(['socks5://p:1080', 'http://', 'http://user:s3cret@:::'])('%s is refused, unquoted', text => {
    const read = () => readProxies({ HTTPS_PROXY: text });
    expect(read).toThrow(/^HTTPS_PROXY must be the URL of an HTTP proxy/);
    expect(read).not.toThrow('s3cret');
  });
});

import { describe, expect, test } from 'vitest';
import { readAdminTls } from '../../../src/cli/admin-settings.js';

const publicTls = { certFile: 'public.pem', keyFile: 'public.key' };

describe('TLS of the admin listener', () => {
  test('is that of the public one, a pair of its own, or off', () => {
    expect(readAdminTls({}, {}, publicTls)).toEqual(publicTls);
    expect(readAdminTls({ adminTlsCert: 'a.pem', adminTlsKey: 'a.key' }, {}, publicTls)).toEqual({
      certFile: 'a.pem',
      keyFile: 'a.key',
    });
    expect(readAdminTls({ adminTlsCert: 'off' }, {}, publicTls)).toBeUndefined();
    expect(
      readAdminTls({}, { HUBWIRE_ADMIN_TLS_CERT: 'OFF', HUBWIRE_ADMIN_TLS_KEY: 'off' }, publicTls),
    ).toBeUndefined();
  });

  test.each([
    [{ adminTlsCert: 'a.pem' }, {}, /^--admin-tls-cert is given without --admin-tls-key/],
    [
      { adminTlsCert: 'off', adminTlsKey: 'a.key' },
      {},
      /^--admin-tls-cert is off, and --admin-tls-key names a key: leave one of the two out$/,
    ],
    [
      { adminTlsCert: 'off' },
      { HUBWIRE_ADMIN_TLS_KEY: 'a.key' },
      /^--admin-tls-cert is off, and HUBWIRE_ADMIN_TLS_KEY names a key/,
    ],
  ])('%j with %j is refused', (flags, env, message) => {
    expect(() => readAdminTls(flags, env, publicTls)).toThrow(message);
  });
});

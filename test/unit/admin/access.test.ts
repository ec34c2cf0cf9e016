import { fastify } from 'fastify';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Access, type AccessOptions } from '../../../src/admin/access.js';
import { OwnHosts } from '../../../src/admin/own-hosts.js';
import { LoginTokens } from '../../../src/auth/login-tokens.js';
import { PubSubError } from '../../../src/errors.js';
import { answerFailure } from '../../../src/listener/failure.js';
import { ManualClock } from '../../support/manual-clock.js';

const adminToken = 'Admin-token_1-of-this-test';
const readToken = 'Read-token_1-of-this-test';
const minuteMs = 60_000;

interface Call {
  readonly method?: 'GET' | 'POST' | 'HEAD';
  readonly headers?: Record<string, string>;
  readonly from?: string;
}

function start(options: Partial<AccessOptions> & { origins?: readonly string[]; boundHost?: string } = {}) {
  const clock = new ManualClock(Date.parse('2026-11-29T12:00:00Z'));
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const { origins = [], boundHost, ...more } = options;
  const hosts = new OwnHosts({ boundHost, hasTls: false, origins });
  const access = new Access({ adminToken, readToken, hosts, clock, log, ...more });
  const app = fastify();
  onTestFinished(() => app.close());
  app.setErrorHandler((error, request, reply) => answerFailure(error, request, reply, undefined));
  app.register(async routes => {
    access.protect(routes);
    routes.get('/things', async ({ caller }) => caller?.by);
    routes.post('/things/:id/turn', { config: { action: 'turn' } }, async () => 'turned');
  });
  const call = async ({ method = 'GET', headers = {}, from = '192.0.2.1' }: Call = {}) => {
    const url = method === 'POST' ? '/things/7/turn?code=SECRET' : '/things?code=SECRET';
    const answer = await app.inject({
      method,
      url,
      headers: { host: 'localhost:8081', ...headers },
      remoteAddress: from,
    });
    return { status: answer.statusCode, body: answer.body, headers: answer.headers };
  };
  return { call, clock, lines, app, access };
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('routes for operators', () => {
  test.each([`Bearer ${adminToken}`, `bearer ${adminToken}`, `Bearer   ${adminToken}`])(
    'admit "%s"',
    async authorization => {
      expect(await start().call({ headers: { authorization } })).toMatchObject({ status: 200, body: 'admin token' });
    },
  );

  test.each([
    ['nothing', {}],
    ['an empty token', { authorization: 'Bearer ' }],
    ['another token', { authorization: 'Bearer other' }],
    ['the token in other letters', { authorization: `Bearer ${adminToken.toUpperCase()}` }],
    ['the beginning of the token', { authorization: `Bearer ${adminToken.slice(0, -1)}` }],
    ['the token and more', { authorization: `Bearer ${adminToken}x` }],
    ['the token alone', { authorization: adminToken }],
    ['another scheme', { authorization: `Basic ${adminToken}` }],
    ['a second word', { authorization: `Bearer ${adminToken} x` }],
  ])('answer %s with 401 and say what is needed', async (_what, headers) => {
    const answer = await start().call({ headers });
    expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, 'Bearer']);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'Error.Unauthorized' });
    expect(answer.body).toContain('Authorization: Bearer $HUBWIRE_ADMIN_TOKEN');
    expect(answer.body).not.toContain(adminToken);
  });

  test('say whether a token came that is not accepted', async () => {
    const { call } = start();
    expect((await call({ headers: {} })).body).not.toContain('is not accepted');
    const { body } = await call({ headers: { authorization: 'Bearer other' } });
    expect(body).toContain('The token that was sent is not accepted here');
  });

  test.each([{}, bearer('undefined'), bearer('')])(
    'admit nobody while there is no token: %j',
    async (headers: Record<string, string>) => {
      const { call } = start({ adminToken: undefined, readToken: undefined });
      const { status, body } = await call({ headers });
      expect(status).toBe(401);
      expect(body).toContain('Set HUBWIRE_ADMIN_TOKEN');
    },
  );

  test('admit the read token for what reads, and answer it 403 for the rest', async () => {
    const { call } = start();
    const headers = bearer(readToken);
    expect(await call({ headers })).toMatchObject({ status: 200, body: 'read token' });
    expect(await call({ method: 'HEAD', headers })).toMatchObject({ status: 200 });
    const refused = await call({ method: 'POST', headers });
    expect([refused.status, refused.body]).toEqual([403, expect.stringContaining('the read token allows GET only')]);
  });

  test('admit tokens of a login, for an hour, where they were made for', async () => {
    const logins = new LoginTokens(adminToken, () => clock.now());
    const { call, clock } = start({ logins });
    const token = logins.sign('https://localhost:8081', { tenantId: 'tenant' });
    expect(await call({ method: 'POST', headers: bearer(token) })).toMatchObject({ status: 200 });
    const elsewhere = logins.sign('https://other.example', { tenantId: undefined });
    expect(await call({ headers: bearer(elsewhere) })).toMatchObject({ status: 401 });
    const foreign = new LoginTokens('of-another-admin-token', () => clock.now()).sign('https://localhost:8081', {
      tenantId: undefined,
    });
    expect(await call({ headers: bearer(foreign) })).toMatchObject({ status: 401 });
    clock.advance(66 * minuteMs); // five minutes more than an hour: clocks may differ
    expect(await call({ headers: bearer(token) })).toMatchObject({ status: 401 });
  });
});

describe('Entra ID tokens', () => {
  const entraWith = (roles: readonly string[]) => ({
    isAddressed: () => true,
    verify: async (token: string) => {
      if (token === 'of.a.stranger') throw new PubSubError('unauthorized', 'the token is not from a configured issuer');
      return roles;
    },
  });

  test.each([
    ['Web PubSub Service Owner', 200, 200],
    ['WebPubSubServiceReader', 200, 403],
    ['Microsoft.SignalRService/WebPubSub/group/read', 403, 403],
  ])('with the role %s', async (role, get, post) => {
    const { call } = start({ entra: entraWith([role]) });
    const headers = bearer('a.b.c');
    expect((await call({ headers })).status).toBe(get);
    expect((await call({ method: 'POST', headers })).status).toBe(post);
  });

  test('of another issuer are answered 401', async () => {
    const { call } = start({ entra: entraWith(['Web PubSub Service Owner']) });
    expect((await call({ headers: bearer('of.a.stranger') })).status).toBe(401);
  });
});

describe('[MG-122] host and origin', () => {
  const answerTo = async (headers: Record<string, string>, options = {}) =>
    (await start(options).call({ headers: { ...bearer(adminToken), ...headers } })).status;

  test.each(['localhost', 'LOCALHOST:8081', 'app.localhost:1', '127.0.0.1:8081', '[::1]:8081', '10.0.0.7'])(
    'Host: %s is served',
    async host => expect(await answerTo({ host })).toBe(200),
  );

  test.each(['evil.example', 'evil.example:8081', '127.0.0.1.evil.example', 'localhost.evil.example'])(
    'Host: %s is answered 421, also with the token',
    async host => expect(await answerTo({ host })).toBe(421),
  );

  test('the bound name and those of HUBWIRE_ADMIN_ORIGINS are served', async () => {
    const options = { boundHost: 'ops.internal', origins: ['https://admin.example.com'] };
    expect(await answerTo({ host: 'ops.internal:8081' }, options)).toBe(200);
    expect(await answerTo({ host: 'admin.example.com' }, options)).toBe(200);
    expect(await answerTo({ host: 'admin.example.com', origin: 'https://admin.example.com' }, options)).toBe(200);
    expect(await answerTo({ host: 'other.example.com' }, options)).toBe(421);
  });

  test.each([
    'https://evil.example',
    'null',
    'http://localhost:8080',
    'https://localhost:8081',
    'http://127.0.0.1:8081',
  ])('a page of %s is answered 403, also with the token', async origin => expect(await answerTo({ origin })).toBe(403));

  test('a page of the listener itself may call', async () => {
    expect(await answerTo({ origin: 'http://localhost:8081' })).toBe(200);
  });
});

describe('[MG-123] failed logins', () => {
  const wrong = bearer('wrong');

  test('ten in a minute block the address for a minute, whatever it sends then', async () => {
    const { call, clock, lines } = start();
    for (let count = 0; count < 10; count += 1) expect((await call({ headers: wrong })).status).toBe(401);
    const blocked = await call({ headers: bearer(adminToken) });
    expect([blocked.status, blocked.headers['retry-after']]).toEqual([429, '60']);
    expect((await call({ headers: bearer(adminToken), from: '192.0.2.2' })).status).toBe(200);
    expect(lines.filter(({ msg }) => String(msg).startsWith('ten failed logins'))).toHaveLength(1);
    clock.advance(minuteMs - 1);
    expect((await call({ headers: bearer(adminToken) })).status).toBe(429);
    clock.advance(1);
    expect((await call({ headers: bearer(adminToken) })).status).toBe(200);
    expect((await call({ headers: wrong })).status).toBe(401);
  });

  test('spread over more than a minute do not', async () => {
    const { call, clock } = start();
    for (let count = 0; count < 9; count += 1) await call({ headers: wrong });
    clock.advance(minuteMs);
    for (let count = 0; count < 9; count += 1) await call({ headers: wrong });
    expect((await call({ headers: bearer(adminToken) })).status).toBe(200);
  });

  test('requests without a credential are none', async () => {
    const { call } = start();
    for (let count = 0; count < 20; count += 1) expect((await call()).status).toBe(401);
    expect((await call({ headers: bearer(adminToken) })).status).toBe(200);
  });

  test('addresses of one IPv6 site count together', async () => {
    const { call } = start();
    for (let count = 0; count < 10; count += 1) await call({ headers: wrong, from: `2001:db8:1:1::${count}` });
    expect((await call({ headers: bearer(adminToken), from: '2001:db8:1:1::ff' })).status).toBe(429);
    expect((await call({ headers: bearer(adminToken), from: '2001:db8:1:2::1' })).status).toBe(200);
  });
});

describe('[MG-127] the audit log', () => {
  test('has one line for each action: who, from where, what, target and result, without a secret', async () => {
    const { call, lines } = start();
    await call({ headers: bearer(adminToken) });
    await call({ method: 'POST', headers: bearer(adminToken) });
    await call({ method: 'POST', headers: bearer(readToken) });
    await call({ method: 'POST' });
    const told = { address: '192.0.2.1', action: 'turn', method: 'POST', path: '/things/7/turn', msg: 'admin action' };
    expect(lines).toEqual([
      expect.objectContaining({ ...told, by: 'admin token', status: 200 }),
      expect.objectContaining({ ...told, by: 'read token', status: 403 }),
    ]);
    expect(JSON.stringify(lines)).not.toMatch(/SECRET|Admin-token|Read-token/);
  });
});

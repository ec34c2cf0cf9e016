import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { Endpoints } from '../../../src/auth/endpoints.js';
import { PubSubError } from '../../../src/errors.js';
import { createRestServer } from '../../support/rest-server.js';
import { continuationTokens, domainError, origin, RecordingHubs, startRest } from './rest-harness.js';

const versions = '2021-10-01, 2022-11-01, 2023-07-01, 2024-01-01, 2024-12-01';

const operations = [
  ['POST', '/api/hubs/chat/:send'],
  ['POST', '/api/hubs/chat/groups/news/:send'],
  ['POST', '/api/hubs/chat/users/alice/:send'],
  ['POST', '/api/hubs/chat/connections/known/:send'],
  ['PUT', '/api/hubs/chat/groups/news/connections/known'],
  ['DELETE', '/api/hubs/chat/groups/news/connections/known'],
  ['PUT', '/api/hubs/chat/users/alice/groups/news'],
  ['DELETE', '/api/hubs/chat/users/alice/groups/news'],
  ['DELETE', '/api/hubs/chat/connections/known'],
  ['HEAD', '/api/hubs/chat/connections/known'],
  ['HEAD', '/api/hubs/chat/groups/news'],
  ['HEAD', '/api/hubs/chat/users/alice'],
  ['POST', '/api/hubs/chat/:closeConnections'],
  ['POST', '/api/hubs/chat/groups/news/:closeConnections'],
  ['POST', '/api/hubs/chat/users/alice/:closeConnections'],
  ['DELETE', '/api/hubs/chat/connections/known/groups'],
  ['DELETE', '/api/hubs/chat/users/alice/groups'],
  ['PUT', '/api/hubs/chat/permissions/sendToGroup/connections/known?targetName=g'],
  ['DELETE', '/api/hubs/chat/permissions/sendToGroup/connections/known?targetName=g'],
  ['HEAD', '/api/hubs/chat/permissions/sendToGroup/connections/known?targetName=g'],
  ['POST', '/api/hubs/chat/:addToGroups'],
  ['POST', '/api/hubs/chat/:removeFromGroups'],
  ['GET', '/api/hubs/chat/groups/news/connections'],
  ['POST', '/api/hubs/chat/:generateToken'],
] as const;

const successes: Readonly<Record<string, number>> = { POST: 202, PUT: 200, DELETE: 204, HEAD: 200 };

function successOf(method: string, url: string): number | undefined {
  return url.endsWith(':closeConnections') ? 204 : successes[method];
}

/** Tokens that fail for this reason. */
function rejecting(reason: string) {
  return {
    verify(): never {
      throw new PubSubError('unauthorized', reason);
    },
  };
}

describe('who may call', () => {
  test.each([...operations, ['GET', '/api/hubs/chat/unknown'], ['POST', '/api/hubs/1bad/:send']] as const)(
    '[RA-001] [RA-018] %s %s without credentials is 401 and touches nothing',
    async (method, url) => {
      const { app, hubs } = startRest();
      const reply = await app.inject({
        method,
        url: `${url}${url.includes('?') ? '&' : '?'}api-version=nonsense`,
        payload: 'x'.repeat(2_000_000),
      });
      expect(reply.statusCode).toBe(401);
      expect(reply.headers['www-authenticate']).toBe('Bearer');
      expect(reply.headers['content-type']).toBe('application/json; charset=utf-8');
      // What answers to HEAD leave out is Node's part, and tested on the wire.
      if (method !== 'HEAD')
        expect(reply.json()).toEqual(domainError('Error.Unauthorized', 'Authorization', expect.any(String)));
      expect(hubs.calls).toEqual([]);
    },
  );

  test.each(['Basic dTpw', 'Bearer', 'Bearer a b', 'access-key'])(
    '[RA-018] "%s" is no bearer credential: a bare challenge',
    async authorization => {
      const { ask } = startRest();
      const reply = await ask('POST', '/api/hubs/chat/:send', { headers: { authorization } });
      expect([reply.statusCode, reply.headers['www-authenticate']]).toEqual([401, 'Bearer']);
    },
  );

  test('[RA-018] a token that fails is challenged with the reason, and the token is in no part of the answer', async () => {
    const { ask } = startRest();
    const reply = await ask('POST', '/api/hubs/chat/:send', { headers: { authorization: 'bearer not.a.token' } });
    expect(reply.statusCode).toBe(401);
    expect(reply.headers['www-authenticate']).toMatch(/^Bearer error="invalid_token", error_description="[^"]+"$/);
    expect(JSON.stringify(reply.headers) + reply.body).not.toContain('not.a.token');
  });

  test('[RA-018] whatever the reason holds, the challenge is one well-formed header', async () => {
    const tokens = { ...rejecting('not "yours" \\ at\r\nall: ž'), sign: () => '' };
    const app = createRestServer({
      hubs: new RecordingHubs(),
      tokens,
      continuationTokens,
      endpoints: new Endpoints([origin], () => origin),
    });
    const reply = await app.inject({
      method: 'POST',
      url: '/api/hubs/chat/:send',
      headers: { authorization: 'Bearer t' },
    });
    expect(reply.headers['www-authenticate']).toBe(
      'Bearer error="invalid_token", error_description="not  yours    at  all:  "',
    );
  });

  test('the token in the query of a REST call is no credential', async () => {
    const { app } = startRest();
    const reply = await app.inject({ method: 'POST', url: '/api/hubs/chat/:send?access_token=x' });
    expect(reply.statusCode).toBe(401);
  });

  test('[RA-002] health needs no credential', async () => {
    const { app } = startRest();
    const reply = await app.inject({ method: 'HEAD', url: '/api/health?api-version=2024-12-01' });
    expect([reply.statusCode, reply.body, reply.headers['content-length']]).toEqual([200, '', '0']);
  });
});

describe('versions', () => {
  test.each([undefined, '2021-10-01', '2022-11-01', '2023-07-01', '2024-01-01', '2024-12-01'])(
    '[RA-019] [RA-020] version %s is accepted and the five are named',
    async version => {
      const { ask } = startRest();
      const query = version === undefined ? '' : `?api-version=${version}`;
      const reply = await ask('POST', `/api/hubs/chat/:send${query}`);
      expect([reply.statusCode, reply.headers['api-supported-versions']]).toEqual([202, versions]);
    },
  );

  test.each([
    'api-version=2099-01-01',
    'api-version=unsupported',
    'Api-Version=unsupported',
    'Api-Version=2024-12-01&api-version=2024-12-01',
    'api-version=',
    'api-version=2024-12-01&api-version=2024-12-01',
  ])('[RA-019] %s is 400 and sends nothing', async query => {
    const { ask, hubs } = startRest();
    const reply = await ask('POST', `/api/hubs/chat/:send?${query}`);
    expect(reply.statusCode).toBe(400);
    expect(reply.json()).toEqual(domainError('Error.BadRequest', 'api-version', expect.any(String)));
    expect(hubs.calls).toEqual([]);
  });

  test('[RA-020] a 404 names them too', async () => {
    const { ask } = startRest();
    const reply = await ask('HEAD', '/api/hubs/chat/users/nobody');
    expect([reply.statusCode, reply.headers['api-supported-versions']]).toEqual([404, versions]);
  });

  test('the version is judged before the parameters, and these before the body', async () => {
    const { ask } = startRest();
    const badBody = { payload: '{', headers: { 'content-type': 'application/json' } };
    const targets = async (url: string) => (await ask('POST', url, badBody)).json().target;
    expect(await targets('/api/hubs/1bad/:send?api-version=x&messageTtlSeconds=x')).toBe('api-version');
    expect(await targets('/api/hubs/1bad/:send?messageTtlSeconds=x')).toBe('hub');
    expect(await targets('/api/hubs/chat/:send?messageTtlSeconds=x')).toBe('messageTtlSeconds');
    expect(await targets('/api/hubs/chat/:send')).toBe('Request');
  });
});

describe('what each operation answers', () => {
  test.each(operations.filter(([, url]) => !/(Token|Groups|\/connections)$/.test(url)))(
    '[RA-027] [RA-029] %s %s: its own success code, no body',
    async (method, url) => {
      const { ask } = startRest();
      const reply = await ask(
        method,
        url,
        method === 'HEAD' || method === 'DELETE' ? {} : { headers: { 'content-length': '0' } },
      );
      expect([reply.statusCode, reply.body]).toEqual([successOf(method, url), '']);
      expect(reply.headers['content-length']).toBe(successOf(method, url) === 204 ? undefined : '0');
    },
  );

  test.each([
    ['/api/hubs/chat/connections/gone', 'Warning.Connection.NotExisted'],
    ['/api/hubs/chat/users/gone', 'Warning.User.NotExisted'],
    ['/api/hubs/chat/groups/gone', 'Warning.Group.NotExisted'],
  ])('[RA-044] HEAD %s: 404 with %s', async (url, code) => {
    const { ask } = startRest();
    const reply = await ask('HEAD', url);
    expect([reply.statusCode, reply.headers['x-ms-error-code']]).toEqual([404, code]);
  });

  test('[RA-051] [RA-095] a connection that is not there cannot join: 404 with exactly five members', async () => {
    const { ask } = startRest();
    const reply = await ask('PUT', '/api/hubs/chat/groups/news/connections/x');
    expect([reply.statusCode, reply.headers['x-ms-error-code']]).toEqual([404, 'Error.Connection.NotExisted']);
    expect(reply.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(reply.json()).toEqual(
      domainError('Error.Connection.NotExisted', 'Connection', 'Connection `x` is not found.'),
    );
  });

  test('[RA-054] a user without connections cannot join: 404', async () => {
    const { ask } = startRest();
    const reply = await ask('PUT', '/api/hubs/chat/users/bob/groups/news');
    expect([reply.statusCode, reply.headers['x-ms-error-code']]).toEqual([404, 'Warning.User.NotExisted']);
    expect(reply.json()).toEqual(domainError('Warning.User.NotExisted', 'User', 'User `bob` is not found.'));
  });

  test('each operation calls its hub method with the names of the path', async () => {
    const { ask, hubs } = startRest();
    await ask('PUT', '/api/hubs/Chat/groups/g/connections/c');
    await ask('DELETE', '/api/hubs/Chat/groups/g/connections/c');
    await ask('PUT', '/api/hubs/Chat/users/u/groups/g');
    await ask('DELETE', '/api/hubs/Chat/users/u/groups/g');
    await ask('DELETE', '/api/hubs/Chat/connections/c?reason=too%20long+for%20a%20frame');
    await ask('DELETE', '/api/hubs/Chat/connections/c');
    await ask('DELETE', '/api/hubs/Chat/connections/c/groups');
    await ask('DELETE', '/api/hubs/Chat/users/u/groups');
    await ask('POST', '/api/hubs/Chat/:closeConnections?excluded=a&excluded=b,c&reason=r');
    await ask('POST', '/api/hubs/Chat/groups/g/:closeConnections?reason=');
    await ask('POST', '/api/hubs/Chat/users/u/:closeConnections');
    const onPartial = expect.any(Function);
    expect(hubs.calls).toEqual([
      ['chat', 'addConnectionToGroup', 'c', 'g'],
      ['chat', 'removeConnectionFromGroup', 'c', 'g'],
      ['chat', 'addUserToGroup', 'u', 'g'],
      ['chat', 'removeUserFromGroup', 'u', 'g'],
      ['chat', 'closeConnection', 'c', 'too long for a frame'],
      ['chat', 'closeConnection', 'c', undefined],
      ['chat', 'removeConnectionFromAllGroups', 'c'],
      ['chat', 'removeUserFromAllGroups', 'u'],
      ['chat', 'closeAll', { excluded: ['a', 'b,c'], reason: 'r', onPartial }],
      ['chat', 'closeGroup', 'g', { excluded: [], reason: '', onPartial }],
      ['chat', 'closeUser', 'u', { excluded: [], reason: undefined, onPartial }],
    ]);
  });

  test('a trailing slash changes nothing', async () => {
    const { ask, hubs } = startRest();
    expect((await ask('POST', '/api/hubs/chat/:send/')).statusCode).toBe(202);
    expect((await ask('HEAD', '/api/hubs/chat/connections/')).statusCode).toBe(404);
    expect(hubs.calls).toHaveLength(1);
  });
});

describe('names in paths', () => {
  test.each(['1abc', 'a-b', 'a'.repeat(129), 'a%2Fb', 'a%20'])('[RA-021] hub %s is 400', async hub => {
    const { ask, hubs } = startRest();
    const reply = await ask('POST', `/api/hubs/${hub}/:send`);
    expect([reply.statusCode, reply.json().target, hubs.calls]).toEqual([400, 'hub', []]);
  });

  test.each(['a`,.[]_1', 'a%60%2C.%5B%5D_1', 'a'.repeat(128)])('[RA-021] hub %s is accepted', async hub => {
    const { ask, hubs } = startRest();
    expect((await ask('POST', `/api/hubs/${hub}/:send`)).statusCode).toBe(202);
    expect(hubs.calls[0]?.[0]).toBe(decodeURIComponent(hub));
  });

  test.each(['g'.repeat(1024), '日'.repeat(1024), '😀'.repeat(512)])(
    '[RA-023] a group of 1024 units (%#) works',
    async group => {
      const { ask, hubs } = startRest();
      expect((await ask('DELETE', `/api/hubs/chat/groups/${encodeURIComponent(group)}/connections/c`)).statusCode).toBe(
        204,
      );
      expect(hubs.calls).toEqual([['chat', 'removeConnectionFromGroup', 'c', group]]);
    },
  );

  test.each(['g'.repeat(1025), '日'.repeat(1025), ' ', '\t\u3000'])(
    '[RA-023] an over-long or blank group (%#) is 400',
    async group => {
      const { ask, hubs } = startRest();
      const reply = await ask('POST', `/api/hubs/chat/groups/${encodeURIComponent(group)}/:send`);
      expect([reply.statusCode, reply.json().target, hubs.calls]).toEqual([400, 'group', []]);
    },
  );

  test.each(['admin%20', '%20admin', '%09', 'a%0D%0AX:%201', 'a%7F', 'u'.repeat(1025)])(
    '[D01] [F6] no user has the id %j, so that it is 400',
    async userId => {
      const { ask, hubs } = startRest();
      const reply = await ask('POST', `/api/hubs/chat/users/${userId}/:send`);
      expect([reply.statusCode, reply.json().target, hubs.calls]).toEqual([400, 'userId', []]);
      expect(reply.json().message).toContain('no white space at either end');
    },
  );

  test.each([
    ['users/%20/:send', 'userId'],
    ['connections/%20/:send', 'connectionId'],
  ])('%s: a blank id is 400', async (path, target) => {
    const { ask, hubs } = startRest();
    const reply = await ask('POST', `/api/hubs/chat/${path}`);
    expect([reply.statusCode, reply.json().target, hubs.calls]).toEqual([400, target, []]);
  });

  test.each([
    ['a%2Fb', 'a/b'],
    ['a+b', 'a+b'],
    ['a%20b', 'a b'],
    ['a%252Fb', 'a%2Fb'],
    ['100%25', '100%'],
    ['100%2525', '100%25'],
    ['a%3Fb%23c', 'a?b#c'],
    ['%3Asend', ':send'],
    ['A%c3%84', 'AÄ'],
    ['%C4%B0stanbul', 'İstanbul'],
    ['%c4%b0%2F%2525%C4%B0', 'İ/%25İ'],
  ])('[RA-025] %s is decoded once, to %s', async (segment, group) => {
    const { ask, hubs } = startRest();
    expect((await ask('DELETE', `/api/hubs/chat/groups/${segment}/connections/c`)).statusCode).toBe(204);
    expect(hubs.calls).toEqual([['chat', 'removeConnectionFromGroup', 'c', group]]);
  });

  test('a name with İ, which is longer in lower case, does not hide the rest of the path', async () => {
    const { ask, hubs } = startRest();
    const user = '%C4%B0rem';
    const statuses = [
      (await ask('POST', `/api/hubs/chat/users/${user}/:send`, { payload: 'x' })).statusCode,
      (await ask('DELETE', `/API/Hubs/chat/Users/${user}/Groups/%c4%b0%C4%B0?x=%C4%B0`)).statusCode,
      (await ask('DELETE', `/api/hubs/chat/users/${user}/groups`)).statusCode,
      (await ask('HEAD', `/api/hubs/chat/users/${user}`)).statusCode,
      (await ask('POST', `/api/hubs/chat/users/${user}/%zz/:send`)).statusCode,
    ];
    expect(statuses).toEqual([202, 204, 204, 404, 400]);
    expect(hubs.calls).toEqual([
      ['chat', 'sendToUser', 'İrem', expect.anything(), expect.anything()],
      ['chat', 'removeUserFromGroup', 'İrem', 'İİ'],
      ['chat', 'removeUserFromAllGroups', 'İrem'],
    ]);
  });

  test.each([
    '/api/hubs/chat/groups/%zz/:send',
    '/api/hubs/chat/groups/%ff/:send?access_token=secret',
    '/api/hubs/chat/groups/a%/:send',
  ])('[RA-097] malformed percent-encoding in %s is 400, and the answer does not repeat the URL', async url => {
    const { ask } = startRest();
    const reply = await ask('POST', url);
    expect(reply.statusCode).toBe(400);
    expect(reply.json()).toEqual(
      domainError('Error.BadRequest', 'Request', 'The URL holds malformed percent-encoding.'),
    );
  });
});

describe('what is not an operation', () => {
  test.each([
    ['GET', '/api/hubs/chat/unknown'],
    ['GET', '/api/hubs/chat/:send'],
    ['POST', '/api/hubs/chat/groups/news'],
    ['HEAD', '/api/hubs/chat/users/alice/groups/news'],
    ['HEAD', '/api/hubs/chat/groups/news/connections'],
    ['GET', '/api/hubs/chat/users/alice'],
  ] as const)('[RA-097] %s %s is 404', async (method, url) => {
    const { ask } = startRest();
    const reply = await ask(method, url);
    expect([reply.statusCode, reply.headers['x-ms-error-code']]).toEqual([404, 'Error.NotFound']);
  });

  test('[RA-097] elsewhere under /api too, without a token', async () => {
    const { app } = startRest();
    const reply = await app.inject('/api/v1/health');
    expect([reply.statusCode, reply.json()]).toEqual([
      404,
      domainError('Error.NotFound', 'Request', expect.any(String)),
    ]);
  });

  test.each(['/client', '/client/', '/client?hub=chat', '/client/hubs/chat', '/client/hubs/chat?access_token=t'])(
    'GET %s without an upgrade is 400',
    async url => {
      const { app } = startRest();
      const reply = await app.inject(url);
      expect([reply.statusCode, reply.body]).toEqual([400, 'Expected a WebSocket upgrade.']);
    },
  );

  test.each(['/clients/socketio/hubs/chat', '/metrics', '/healthz'])('GET %s is 404', async url => {
    const { app } = startRest();
    expect((await app.inject(url)).statusCode).toBe(404);
  });

  test('a fault of ours is 500 and says nothing of its cause', async () => {
    const { ask, hubs } = startRest();
    hubs.fault = new TypeError(`cannot read ${origin}`);
    const reply = await ask('POST', '/api/hubs/chat/:send');
    expect(reply.statusCode).toBe(500);
    expect(reply.json()).toEqual(domainError('Error.InternalServerError', 'Request', 'internal error'));
  });
});

describe('logs', () => {
  const secretUrl = '/api/hubs/chat/:send?access_token=query-secret&userId=query-secret';

  function startLogged() {
    const lines: string[] = [];
    const logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
    return { lines, ...startRest(logger) };
  }

  test('ordinary requests and refusals leave no line that holds a URL, a token or a body', async () => {
    const { app, ask, lines } = startLogged();
    await ask('POST', secretUrl, { payload: 'body-secret', headers: { 'content-type': 'text/plain' } });
    await ask('POST', secretUrl, { payload: 'body-secret', headers: { 'content-type': 'application/json' } });
    await ask('POST', secretUrl, { payload: 'body-secret', headers: { authorization: 'Bearer header-secret' } });
    await app.inject('/client/hubs/chat?access_token=query-secret');
    await app.inject('/nothing?access_token=query-secret');
    await app.inject('/api/hubs/%zz?access_token=query-secret');
    expect(lines.join('')).not.toMatch(/secret|Bearer|eyJ/);
  });

  test('a fault of ours is logged whole, with its route instead of its URL', async () => {
    const { ask, hubs, lines } = startLogged();
    hubs.fault = new TypeError('the cause');
    await ask('POST', secretUrl, { payload: 'body-secret' });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      level: 50,
      method: 'POST',
      route: '/api/hubs/:hub/::send',
      err: { type: 'TypeError', message: 'the cause', stack: expect.stringContaining('server.test.ts') },
    });
    expect(lines[0]).not.toMatch(/secret|eyJ/);
  });
});

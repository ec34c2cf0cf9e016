import jwt from 'jsonwebtoken';
import { expect, test } from 'vitest';
import { domainError, key, nowMs, origin, startRest } from './rest-harness.js';

async function generate(query = '', hub = 'chat') {
  const { ask } = startRest();
  const reply = await ask('POST', `/api/hubs/${hub}/:generateToken${query}`);
  return { reply, claims: reply.statusCode === 200 ? claimsOf(reply.json()) : {} };
}

function claimsOf({ token }: { token: string }): jwt.JwtPayload {
  return jwt.verify(token, key, { clockTimestamp: nowMs / 1000, algorithms: ['HS256'] }) as jwt.JwtPayload;
}

test('[RA-080] by default: an hour, the lower-cased hub, and no claim that was not asked for', async () => {
  const { reply, claims } = await generate('', 'ChatHub');
  expect([reply.statusCode, reply.headers['content-type']]).toEqual([200, 'application/json; charset=utf-8']);
  expect(Object.keys(reply.json())).toEqual(['token']);
  expect(claims).toEqual({
    aud: `${origin}/client/hubs/chathub`,
    iss: 'https://webpubsub.azure.com',
    iat: nowMs / 1000,
    nbf: nowMs / 1000,
    exp: nowMs / 1000 + 3600,
  });
});

test('[RA-080] the answer may not be cached', async () => {
  const { reply } = await generate();
  expect(reply.headers['cache-control']).toBe('no-store');
});

test('[RA-081] user, roles and groups as asked; one value is a list too', async () => {
  const { claims } = await generate('?userId=al%2Fice&role=webpubsub.sendToGroup.a&role=b,c&group=g%201');
  expect(claims).toMatchObject({ sub: 'al/ice', role: ['webpubsub.sendToGroup.a', 'b,c'], 'webpubsub.group': ['g 1'] });
});

test.each(['..', '.', 'admin%20', '%20', 'a%0Ab', 'u'.repeat(1025)])(
  '[D01] [D07] no token is made for user %j: 400',
  async userId => {
    const { reply } = await generate(`?userId=${userId}`);
    expect([reply.statusCode, reply.json().target]).toEqual([400, 'userId']);
  },
);

test('[D07] no token is made for group ..: 400', async () => {
  const { reply } = await generate('?group=g&group=..');
  expect([reply.statusCode, reply.json().target]).toEqual([400, 'group']);
});

test('an empty user id is none', async () => {
  const { claims } = await generate('?userId=');
  expect(claims).not.toHaveProperty('sub');
});

test.each([
  ['default', '/client/hubs/chat'],
  ['Default', '/client/hubs/chat'],
  ['mqtt', '/clients/mqtt/hubs/chat'],
  ['MQTT', '/clients/mqtt/hubs/chat'],
  ['SocketIO', '/clients/socketio/hubs/chat'],
])('[RA-082] clientType %s is for %s', async (clientType, path) => {
  const { claims } = await generate(`?clientType=${clientType}`);
  expect(claims.aud).toBe(origin + path);
});

test.each(['foo', '', '__proto__'])('[RA-082] clientType "%s" is 400 in the domain shape', async clientType => {
  const { reply } = await generate(`?clientType=${clientType}`);
  expect(reply.statusCode).toBe(400);
  expect(reply.json()).toEqual(
    domainError('Error.BadRequest', 'clientType', `The value '${clientType}' is not valid.`),
  );
});

test.each(['0', '-1', 'no', '2147483648', '1.5', ''])('[RA-083] minutesToExpire=%s is 400', async minutes => {
  const { reply } = await generate(`?minutesToExpire=${minutes}`);
  expect([reply.statusCode, reply.json().target]).toEqual([400, 'minutesToExpire']);
});

test.each([1, 2_147_483_647])('[RA-083] minutesToExpire=%s is how long the token lives', async minutes => {
  const { claims } = await generate(`?minutesToExpire=${minutes}`);
  expect(claims.exp! - claims.nbf!).toBe(minutes * 60);
});

test.each(['group=%20', 'group=', 'group=ok&group=%20', `group=${'g'.repeat(1025)}`])(
  '[RA-084] %s (%#) is 400',
  async query => {
    const { reply } = await generate(`?${query}`);
    expect([reply.statusCode, reply.json().target]).toEqual([400, 'group']);
  },
);

test.each(['userId=a&userId=b', 'clientType=mqtt&clientType=mqtt', 'minutesToExpire=1&minutesToExpire=2'])(
  '%s: what can be given once is refused twice',
  async query => {
    const { reply } = await generate(`?${query}`);
    expect(reply.statusCode).toBe(400);
  },
);

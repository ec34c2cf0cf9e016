import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { WebPubSubServiceClient } from '@azure/web-pubsub';
import jwt from 'jsonwebtoken';
import { describe, expect, test } from 'vitest';
import { json, primaryKey, secondaryKey, sign, startHost } from './rest-api-host.js';

const send = '/api/hubs/chat/:send?api-version=2024-12-01';
const minute = 60;

/** The vendor's own SDK against the host, and one that goes to the host as a proxy of `endpoint`. */
function sdk(connectionString: string, hub = 'chat', reverseProxyEndpoint?: string): WebPubSubServiceClient {
  const options = { allowInsecureConnection: true, ...(reverseProxyEndpoint && { reverseProxyEndpoint }) };
  return new WebPubSubServiceClient(connectionString, hub, options);
}

describe('authentication', () => {
  test('[RA-001] no credential: 401 also for what does not exist, with a challenge', async () => {
    const { base } = await startHost();
    for (const path of ['/api/hubs/chat/:send', '/api/hubs/chat/connections/nobody/:send', '/api/hubs/chat/nothing']) {
      const reply = await fetch(base + path, { method: 'POST' });
      expect([reply.status, reply.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    }
  });

  test('[RA-002] health: 200 without a body or credentials', async () => {
    const { base } = await startHost();
    const reply = await fetch(`${base}/api/health`, { method: 'HEAD' });
    expect([reply.status, reply.headers.get('content-length')]).toEqual([200, '0']);
  });

  test('[RA-003] [RA-004] the full URL as audience, with the query, without it, or with another', async () => {
    const { base, call } = await startHost();
    const path = '/api/hubs/chat/:send';
    for (const query of ['?api-version=2024-12-01', '', '?api-version=2021-10-01&x=1']) {
      const reply = await call('POST', send, { token: sign({ aud: base + path + query }) });
      expect(reply.status).toBe(202);
    }
  });

  test('[RA-005] any of the four schemes, and no other', async () => {
    const { base, call } = await startHost();
    const status = async (scheme: string) =>
      (await call('POST', send, { token: sign({ aud: base.replace('http', scheme) + send }) })).status;
    expect(await Promise.all(['http', 'https', 'ws', 'wss', 'ftp'].map(status))).toEqual([202, 202, 202, 202, 401]);
  });

  test.each([
    ['another hub', '/api/hubs/other/:send'],
    ['a parent', '/api/hubs/chat'],
    ['a longer last segment', '/api/hubs/chat/:sendX'],
    ['a client path', '/client/hubs/chat'],
  ])('[RA-006] [RA-014] an audience of %s is 401', async (_what, path) => {
    const { base, call } = await startHost();
    const reply = await call('POST', send, { token: sign({ aud: base + path }) });
    expect(reply.status).toBe(401);
    expect(reply.headers.get('www-authenticate')).toContain('error="invalid_token"');
  });

  test('[RA-006] another host is 401', async () => {
    const { call } = await startHost();
    const reply = await call('POST', send, { token: sign({ aud: `http://example.com${send}` }) });
    expect(reply.status).toBe(401);
  });

  test('[RA-007] the letter case of the hub does not count', async () => {
    const { base, call } = await startHost();
    const reply = await call('POST', send, { token: sign({ aud: base + send.replace('chat', 'CHAT') }) });
    expect(reply.status).toBe(202);
  });

  test('[RA-008] the secondary key serves until it is another', async () => {
    const both = await startHost({ keys: { primary: primaryKey, secondary: secondaryKey } });
    const signed = (base: string, key: string) => ({ token: sign({ aud: base + send }, key) });
    expect((await both.call('POST', send, signed(both.base, secondaryKey))).status).toBe(202);
    const rotated = await startHost({ keys: { primary: primaryKey, secondary: `${secondaryKey}2` } });
    expect((await rotated.call('POST', send, signed(rotated.base, secondaryKey))).status).toBe(401);
    expect((await rotated.call('POST', send, signed(rotated.base, primaryKey))).status).toBe(202);
  });

  test('[RA-009] the key is its text, not what the text would be in base64', async () => {
    const { base, call } = await startHost();
    const token = sign({ aud: base + send }, Buffer.from(primaryKey, 'base64'));
    expect((await call('POST', send, { token })).status).toBe(401);
  });

  test.each([
    [{ exp: -4 * minute }, 202],
    [{ exp: -6 * minute }, 401],
    [{ exp: minute, nbf: 4 * minute }, 202],
    [{ exp: 60 * minute, nbf: 6 * minute }, 401],
  ])('[RA-010] clocks may differ by five minutes: %j is %i', async (offsets, status) => {
    const now = Date.UTC(2030, 0, 1);
    const { base, call } = await startHost({ now: () => now });
    const times = Object.fromEntries(Object.entries(offsets).map(([name, seconds]) => [name, now / 1000 + seconds]));
    const reply = await call('POST', send, { token: sign({ aud: base + send, ...times }) });
    expect(reply.status).toBe(status);
  });

  test('[RA-011] no exp, no signature, or a signature of another kind is 401', async () => {
    const { base, call } = await startHost();
    const claims = { aud: base + send, exp: Math.floor(Date.now() / 1000) + minute };
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const tokens = [
      jwt.sign({ aud: claims.aud }, primaryKey, { noTimestamp: true }),
      jwt.sign(claims, null as unknown as string, { algorithm: 'none' }),
      jwt.sign(claims, privateKey, { algorithm: 'RS256' }),
      jwt.sign(claims, primaryKey, { algorithm: 'HS512' }),
    ];
    for (const token of tokens) expect((await call('POST', send, { token })).status).toBe(401);
  });

  test('[RA-012] other claims and headers do not matter', async () => {
    const { base, call } = await startHost();
    const claims = { aud: ['https://elsewhere', base + send], iss: 'me', sub: 'app', role: ['x'], odd: { a: 1 } };
    const token = jwt.sign(claims, primaryKey, { expiresIn: minute, keyid: 'unknown' });
    expect((await call('POST', send, { token })).status).toBe(202);
  });

  test('[RA-013] behind a proxy the SDK signs the public endpoint, which is configured', async () => {
    const host = await startHost({ endpoints: ['http://pubsub.example.com'] });
    const client = await host.connect('chat');
    await sdk(`Endpoint=http://pubsub.example.com;AccessKey=${primaryKey};`, 'chat', host.base).sendToAll('hi', {
      contentType: 'text/plain',
    });
    expect(await client.heard()).toEqual(['hi']);
    expect((await host.call('POST', send)).status).toBe(401);
  });

  test('[RA-015] a token for Entra ID’s audience is 401, although a key signed it', async () => {
    const { call } = await startHost();
    const reply = await call('POST', send, { token: sign({ aud: 'https://webpubsub.azure.com' }) });
    expect(reply.status).toBe(401);
  });
});

describe('HTTP', () => {
  test('[RA-022] a hub is one whatever the letter case, and no other', async () => {
    const { call, connect } = await startHost();
    const [client, stranger] = [await connect('chat'), await connect('chat2')];
    await call('POST', '/api/hubs/CHAT/:send', { body: '"x"', headers: { 'content-type': 'application/json' } });
    expect([await client.heard(), await stranger.heard()]).toEqual([['"x"'], []]);
  });

  test('[RA-023] a group of 1024 multi-byte characters, percent-encoded', async () => {
    const { call, connect } = await startHost();
    const group = '日'.repeat(1024);
    const client = await connect('chat', { groups: [group] });
    const reply = await call('POST', `/api/hubs/chat/groups/${encodeURIComponent(group)}/:send`, { body: 'x' });
    expect([reply.status, await client.heard()]).toEqual([202, ['x']]);
  });

  test('[RA-024] case counts in groups and users', async () => {
    const { call, connect } = await startHost();
    await connect('chat', { groups: ['News'], userId: 'Alice' });
    const status = async (path: string) => (await call('HEAD', `/api/hubs/chat/${path}`)).status;
    expect(await Promise.all(['groups/News', 'groups/news', 'users/Alice', 'users/alice'].map(status))).toEqual([
      200, 404, 200, 404,
    ]);
  });

  test('[RA-025] an escaped slash is part of the group’s name', async () => {
    const { call, connect } = await startHost();
    const client = await connect('chat', { groups: ['a/b'] });
    await call('POST', '/api/hubs/chat/groups/a%2Fb/:send', { body: 'x' });
    await call('POST', '/api/hubs/chat/groups/a%252Fb/:send', { body: 'y' });
    expect(await client.heard()).toEqual(['x']);
  });

  test('[RA-028] a query of 30 KiB, which the token repeats, reaches the operation', async () => {
    const { call } = await startHost();
    const long = 'x'.repeat(30 * 1024);
    const filtered = await call('POST', `/api/hubs/chat/:send?filter=${long}`);
    expect([filtered.status, ((await filtered.json()) as { target: string }).target]).toEqual([400, 'filter']);
    const minted = await call('POST', `/api/hubs/chat/:generateToken?role=${long}`);
    const { token } = (await minted.json()) as { token: string };
    expect(jwt.decode(token)).toMatchObject({ role: [long] });
  });

  test('[RA-041] 1 MiB is accepted, one byte more is 400 and reaches nobody', async () => {
    const { call, connect } = await startHost();
    const client = await connect('chat');
    const whole = Buffer.alloc(1_048_576, 'x');
    expect((await call('POST', send, { body: whole })).status).toBe(202);
    expect((await client.frames()).map(frame => frame.bytes.length)).toEqual([1_048_576]);
    const refused = await call('POST', send, { body: Buffer.concat([whole, Buffer.from('x')]) });
    expect([refused.status, ((await refused.json()) as { message: string }).message]).toEqual([
      400,
      'Invalid Content-Length header.',
    ]);
    expect(await client.frames()).toHaveLength(1);
  });

  test('[RA-041] a chunked body is bounded by the same limit', async () => {
    const { base, connect } = await startHost();
    const client = await connect('chat');
    expect(await postChunks(base, [Buffer.from('ab'), Buffer.from('cd')])).toBe(202);
    expect(await client.heard()).toEqual(['abcd']);
    expect(await postChunks(base, [Buffer.alloc(1_048_576), Buffer.alloc(1)])).toBe(400);
    expect(await client.frames()).toHaveLength(1);
  });
});

async function postChunks(base: string, chunks: readonly Buffer[]): Promise<number | undefined> {
  const headers = { authorization: `Bearer ${sign({ aud: base + send })}` };
  const post = request(base + send, { method: 'POST', headers });
  const answered = once(post, 'response') as Promise<[IncomingMessage]>;
  for (const chunk of chunks) post.write(chunk);
  post.end();
  const [response] = await answered;
  response.resume();
  return response.statusCode;
}

describe('sends, with the vendor’s SDK', () => {
  test('[RA-029] every send is 202, and 202 for nobody too', async () => {
    const { call } = await startHost();
    for (const target of ['', 'groups/none/', 'users/none/', 'connections/none/']) {
      const reply = await call('POST', `/api/hubs/chat/${target}:send`, { body: 'x' });
      expect([reply.status, reply.headers.get('content-length'), await reply.text()]).toEqual([202, '0', '']);
    }
  });

  test('[RA-030] [RA-033] plain clients get JSON bytes and text in text frames, bytes in binary ones', async () => {
    const { call, connect } = await startHost();
    const client = await connect('chat');
    const body = '{"z":1.0, "a":12345678901234567890}';
    await call('POST', send, { body, headers: { 'content-type': 'application/json; charset=utf-8' } });
    await call('POST', send, { body: 'text', headers: { 'content-type': 'text/plain' } });
    await call('POST', send, { body: Buffer.from([0, 255]) });
    expect((await client.frames()).map(({ isBinary, bytes }) => [isBinary, bytes.toString('latin1')])).toEqual([
      [false, body],
      [false, 'text'],
      [true, '\u0000\u00ff'],
    ]);
  });

  test('[RA-035] JSON clients get exactly these envelopes', async () => {
    const { call, connect, connectionString } = await startHost();
    const client = await connect('chat', { subprotocol: json, groups: ['g'], userId: 'alice' });
    const service = sdk(connectionString);
    await service.sendToAll('Hi there!', { contentType: 'text/plain' });
    await service.sendToUser('alice', { message: 1 });
    await service.sendToConnection(client.id, new Uint8Array([1, 2, 3]).buffer);
    await service.group('g').sendToAll('to the group', { contentType: 'text/plain' });
    expect((await client.heard()).slice(0, 3)).toEqual([
      '{"type":"message","from":"server","dataType":"text","data":"Hi there!"}',
      '{"type":"message","from":"server","dataType":"json","data":{"message":1}}',
      '{"type":"message","from":"server","dataType":"binary","data":"AQID"}',
    ]);
    expect(JSON.parse((await client.heard())[3]!)).toMatchObject({
      type: 'message',
      from: 'group',
      group: 'g',
      data: 'to the group',
    });
    await call('POST', send, { body: '{"n":1.0}', headers: { 'content-type': 'application/json' } });
    expect((await client.heard())[4]).toBe('{"type":"message","from":"server","dataType":"json","data":{"n":1.0}}');
  });

  test('[RA-036] a string without content type is a JSON string', async () => {
    const { connect, connectionString } = await startHost();
    const client = await connect('chat');
    await sdk(connectionString).sendToAll('hello');
    expect([await client.heard(), (await client.frames())[0]?.isBinary]).toEqual([['"hello"'], false]);
  });

  test('[RA-037] an empty text is a message', async () => {
    const { connect, connectionString } = await startHost();
    const client = await connect('chat', { subprotocol: json });
    await sdk(connectionString).sendToAll('', { contentType: 'text/plain' });
    expect(await client.heard()).toEqual(['{"type":"message","from":"server","dataType":"text","data":""}']);
  });

  test('[RA-038] 301 seconds to live: the SDK sends it, the service refuses it', async () => {
    const { connect, connectionString } = await startHost();
    const client = await connect('chat');
    await expect(sdk(connectionString).sendToAll('x', { messageTtlSeconds: 301 })).rejects.toMatchObject({
      statusCode: 400,
    });
    await sdk(connectionString).sendToAll('y', { messageTtlSeconds: 300 });
    expect(await client.heard()).toEqual(['"y"']);
  });

  test('[RA-040] [RA-026] excluded connections hear neither hub nor group sends', async () => {
    const { connect, connectionString } = await startHost();
    const [a, b, c] = [
      await connect('chat', { groups: ['g'] }),
      await connect('chat', { groups: ['g'] }),
      await connect('chat', { groups: ['g'] }),
    ];
    const service = sdk(connectionString);
    await service.sendToAll('hub', { excludedConnections: [a.id, b.id] });
    await service.group('g').sendToAll('group', { excludedConnections: [a.id] });
    await service.sendToAll('comma', { excludedConnections: [`${a.id},${b.id}`] });
    expect([await a.heard(), await b.heard(), await c.heard()]).toEqual([
      ['"comma"'],
      ['"group"', '"comma"'],
      ['"hub"', '"group"', '"comma"'],
    ]);
  });

  test('[RA-042] metadata reaches JSON clients and not plain ones', async () => {
    const { call, connect } = await startHost();
    const [client, plain] = [await connect('chat', { subprotocol: json }), await connect('chat')];
    await call('POST', send, {
      body: 'x',
      headers: { 'content-type': 'text/plain', 'X-WebPubSub-Metadata-Trace': 'a, b' },
    });
    expect(JSON.parse((await client.heard())[0]!)).toMatchObject({ data: 'x', metadata: { trace: 'b' } });
    expect(await plain.heard()).toEqual(['x']);
  });

  test('[RA-043] awaited sends arrive in order, whatever their kind', async () => {
    const { connect, connectionString } = await startHost();
    const client = await connect('chat', { userId: 'u', groups: ['g'] });
    const service = sdk(connectionString);
    for (let round = 0; round < 5; round += 1) {
      await service.sendToAll([round, 'all']);
      await service.sendToUser('u', [round, 'user']);
      await service.group('g').sendToAll([round, 'group']);
      await service.sendToConnection(client.id, [round, 'connection']);
    }
    const expected = [0, 1, 2, 3, 4].flatMap(round =>
      ['all', 'user', 'group', 'connection'].map(kind => JSON.stringify([round, kind])),
    );
    expect(await client.heard()).toEqual(expected);
  });

  test('[RA-085] [RA-086] [RA-094] a bad filter is refused, and the SDK can read why; an empty one is none', async () => {
    const { connect, connectionString } = await startHost();
    const client = await connect('chat');
    const refused = sdk(connectionString).sendToAll('x', { filter: 'invalid filter' });
    const error: { statusCode: number; message: string } = await refused.then(
      () => expect.unreachable('a filter was accepted'),
      reason => reason,
    );
    expect(error.statusCode).toBe(400);
    expect(JSON.parse(error.message)).toMatchObject({
      target: 'filter',
      status: 400,
      message:
        "Invalid syntax for 'invalid filter': Syntax error at position 14 in 'invalid filter'. (Parameter 'filter')",
    });
    await sdk(connectionString).sendToAll('y', { filter: '' });
    expect(await client.heard()).toEqual(['"y"']);
  });
});

describe('dot segments as names', () => {
  /** As it is written: URL parsers, that of fetch too, remove dot segments. */
  const statusOf = async (base: string, method: string, path: string): Promise<number | undefined> => {
    const headers = { authorization: `Bearer ${sign({ aud: base + path })}` };
    const asked = request(base, { path, method, headers }).end();
    const [reply] = (await once(asked, 'response')) as [IncomingMessage];
    reply.resume();
    return reply.statusCode;
  };

  test.each(['.', '..', '%2e', '%2E%2e', '.%2e'])('[D07] %s is 400, as a user and as a group', async name => {
    const { base, connect } = await startHost();
    const client = await connect('chat', { userId: 'alice', groups: ['g'] });
    const calls = [
      ...[`users/${name}/:send`, `users/${name}/:closeConnections`, `groups/${name}/:closeConnections`].map(
        path => ['POST', path] as const,
      ),
      ['PUT', `users/${name}/groups/g`],
      ['PUT', `users/alice/groups/${name}`],
      ['PUT', `groups/${name}/connections/${client.id}`],
      ['HEAD', `users/${name}`],
      ['GET', `groups/${name}/connections`],
      ['PUT', `permissions/sendToGroup/connections/${client.id}?targetName=${name}`],
      ['POST', `:generateToken?userId=${name}`],
    ] as const;
    for (const [method, path] of calls)
      expect([path, await statusOf(base, method, `/api/hubs/chat/${path}`)]).toEqual([path, 400]);
    expect([client.isOpen, await client.heard()]).toEqual([true, []]);
  });
});

describe('presence and membership, with the vendor’s SDK', () => {
  test('[RA-044] [RA-045] what exists; a group only while it has a member', async () => {
    const { connect, connectionString } = await startHost();
    const { id } = await connect('chat', { userId: 'alice' });
    const service = sdk(connectionString);
    expect([await service.connectionExists(id), await service.connectionExists('no')]).toEqual([true, false]);
    expect([await service.userExists('alice'), await service.userExists('no')]).toEqual([true, false]);
    expect(await service.groupExists('g')).toBe(false);
    await service.group('g').addConnection(id);
    expect(await service.groupExists('g')).toBe(true);
    await service.group('g').removeConnection(id);
    expect(await service.groupExists('g')).toBe(false);
  });

  test('[RA-044] HEAD 404 names its code and has no body', async () => {
    const { call } = await startHost();
    const codes = { connections: 'Connection', users: 'User', groups: 'Group' };
    for (const [path, target] of Object.entries(codes)) {
      const reply = await call('HEAD', `/api/hubs/chat/${path}/none`);
      expect([reply.status, reply.headers.get('x-ms-error-code'), await reply.text()]).toEqual([
        404,
        `Warning.${target}.NotExisted`,
        '',
      ]);
    }
  });

  test('[RA-046] [RA-048] a closed connection is gone when the call returns; an unknown one is no error', async () => {
    const { connect, connectionString } = await startHost();
    const client = await connect('chat', { subprotocol: json, groups: ['g'], userId: 'u' });
    const service = sdk(connectionString);
    await service.closeConnection(client.id);
    await service.closeConnection('unknown');
    expect([
      await service.connectionExists(client.id),
      await service.groupExists('g'),
      await service.userExists('u'),
    ]).toEqual([false, false, false]);
    expect(await client.heard()).toEqual([
      '{"type":"system","event":"disconnected","message":"Application server closed the connection."}',
    ]);
    expect(await client.closed).toEqual({ code: 1000, reason: '' });
  });

  test('[RA-047] a reason of 200 characters reaches the client in its message', async () => {
    const { connect, connectionString } = await startHost();
    const client = await connect('chat', { subprotocol: json });
    const reason = 'ř'.repeat(200);
    await sdk(connectionString).closeConnection(client.id, { reason });
    expect(JSON.parse((await client.heard())[0]!).message).toBe(
      `Application server closed the connection. Reason: ${reason}`,
    );
    expect(await client.closed).toEqual({ code: 1000, reason: '' });
  });

  test('[RA-051] [RA-096] an unknown connection cannot join, and the SDK knows the code', async () => {
    const { connectionString } = await startHost();
    await expect(sdk(connectionString).group('g').addConnection('x')).rejects.toMatchObject({
      code: 'Error.Connection.NotExisted',
      statusCode: 404,
      message: 'Connection `x` is not found.',
    });
  });

  test('[RA-051] [RA-052] joining and leaving can be repeated; a send that follows finds the member', async () => {
    const { connect, connectionString } = await startHost();
    const client = await connect('chat');
    const group = sdk(connectionString).group('g');
    for (let time = 0; time < 2; time += 1) await group.addConnection(client.id);
    await group.sendToAll('x');
    expect(await client.heard()).toEqual(['"x"']);
    for (const id of [client.id, client.id, 'unknown']) await group.removeConnection(id);
    await group.sendToAll('y');
    expect(await client.heard()).toEqual(['"x"']);
  });

  test('[RA-054] [RA-055] [RA-056] a user joins with the connections of now, and leaves with all', async () => {
    const { connect, connectionString } = await startHost();
    const group = sdk(connectionString).group('g');
    await expect(group.addUser('u')).rejects.toMatchObject({ code: 'Warning.User.NotExisted', statusCode: 404 });
    const [first, second] = [await connect('chat', { userId: 'u' }), await connect('chat', { userId: 'u' })];
    await group.addUser('u');
    const later = await connect('chat', { userId: 'u' });
    await group.sendToAll('x');
    expect([await first.heard(), await second.heard(), await later.heard()]).toEqual([['"x"'], ['"x"'], []]);
    await group.removeUser('u');
    await group.removeUser('unknown');
    await group.sendToAll('y');
    expect([await first.heard(), await second.heard()]).toEqual([['"x"'], ['"x"']]);
  });
});

describe('client tokens', () => {
  test('[RA-080] a key-signed call mints a token for the public endpoint', async () => {
    const { call } = await startHost({ endpoints: ['https://pubsub.example.com/base'] });
    const path = '/api/hubs/ChatHub/:generateToken?userId=u';
    const reply = await call('POST', path, { token: sign({ aud: `https://pubsub.example.com/base${path}` }) });
    expect([reply.status, reply.headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
    const { token } = (await reply.json()) as { token: string };
    const claims = jwt.verify(token, primaryKey) as jwt.JwtPayload;
    expect(claims).toMatchObject({ aud: 'https://pubsub.example.com/base/client/hubs/chathub', sub: 'u' });
    expect(claims.exp! - claims.nbf!).toBe(3600);
  });
});

describe('errors', () => {
  test('[RA-097] an unknown operation is 404, malformed escapes are 400', async () => {
    const { base, call } = await startHost();
    expect((await call('POST', '/api/hubs/chat/:unknown')).status).toBe(404);
    const reply = await fetch(`${base}/api/hubs/chat/groups/%zz/:send`, { method: 'POST' });
    expect([reply.status, ((await reply.json()) as { code: string }).code]).toEqual([400, 'Error.BadRequest']);
  });
});

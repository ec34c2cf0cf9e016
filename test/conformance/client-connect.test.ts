import { describe, expect, test } from 'vitest';
import { developmentKey } from '../../src/cli/key-settings.js';
import { ConnectionLog } from '../support/connection-log.js';
import { Mailbox } from '../support/mailbox.js';
import { ManualClock } from '../support/manual-clock.js';
import { rawDial } from '../support/raw-client.js';
import { startHub } from '../support/start-hub.js';
import { urlOf } from '../support/test-client.js';
import { audienceOf, inMinutes, signToken, statusOf, withToken } from '../support/tokens.js';

const anonymous = { anonymousConnectPolicy: 'allow' };

describe('paths', () => {
  test('[CP-001] without an upgrade to WebSocket: 400', async () => {
    const { service } = await startHub();
    for (const path of ['/client/hubs/chat', '/client/?hub=chat', '/client?hub=chat']) {
      expect([path, (await fetch(service.publicUrl + path)).status]).toEqual([path, 400]);
    }
  });

  test.each([
    ['another protocol', 'GET', ['Connection: Upgrade', 'Upgrade: h2c']],
    ['another method', 'POST', ['Connection: Upgrade', 'Upgrade: websocket', 'Content-Length: 0']],
    ['no key', 'GET', ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']],
    [
      'an unknown version',
      'GET',
      [
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 7',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      ],
    ],
  ])('[CP-001] an upgrade with %s: 400, and the upstream gets no `connect`', async (_what, method, handshake) => {
    const { service, dial, upstream } = await startHub({ handler: { systemEvents: ['connect'] } });
    const client = await rawDial(service, { method, handshake });
    expect(await client.status).toBe(400);
    expect(upstream.requests.filter(request => request.event === 'connect')).toEqual([]);
    await dial();
  });

  test('[CP-024] an unknown path: 404, with an upgrade and without', async () => {
    const { service, dial } = await startHub();
    const base = service.publicUrl.replace(/^http/, 'ws');
    for (const path of ['/', '/clients', '/client/hubs/chat/more', '/clients/socketio/hubs/chat', '/other?hub=chat']) {
      expect([path, await statusOf(dial, { url: base + path })]).toEqual([path, 404]);
    }
    expect((await fetch(`${service.publicUrl}/other`)).status).toBe(404);
  });

  test('[CP-011] the legacy path is the same hub', async () => {
    const hub = await startHub();
    const { service, dial } = hub;
    const base = service.publicUrl.replace(/^http/, 'ws');
    const modern = await dial({ token: { groups: ['g'] } });
    await modern.next();
    const audiences = [audienceOf(hub), `${service.publicUrl}/client/?hub=chat`];
    for (const path of ['/client/?hub=chat', '/client?hub=chat']) {
      for (const aud of audiences) {
        const token = signToken({ aud, exp: inMinutes(5), role: ['webpubsub.sendToGroup'] });
        const legacy = await dial({ url: `${base}${path}&access_token=${token}` });
        expect(await legacy.ask({ type: 'sendToGroup', group: 'g', data: path, ackId: 1 })).toMatchObject({
          success: true,
        });
        expect(await modern.next()).toMatchObject({ group: 'g', data: path });
      }
    }
  });

  test('[CP-011] the audience of the legacy path is no good on the other', async () => {
    const { service, dial } = await startHub();
    const token = signToken({ aud: `${service.publicUrl}/client/?hub=chat`, exp: inMinutes(5) });
    expect(await statusOf(dial, withToken(token))).toBe(401);
  });

  test('[CP-012] letter case does not make another hub: messages cross', async () => {
    const { dial } = await startHub();
    const lower = await dial({ hub: 'chat', token: { groups: ['g'] } });
    const upper = await dial({ hub: 'CHAT', token: { roles: ['webpubsub.sendToGroup'] } });
    await lower.next();
    await upper.ask({ type: 'sendToGroup', group: 'g', data: 1, ackId: 1 });
    expect(await lower.next()).toMatchObject({ from: 'group', data: 1 });
  });

  test('[CP-013] a hub name that breaks the rules: 400', async () => {
    const { service, dial } = await startHub({ chat: anonymous });
    const base = service.publicUrl.replace(/^http/, 'ws');
    for (const name of ['9a', `a${'b'.repeat(128)}`, 'a-b', 'a%2Fb', 'a%20', '%']) {
      expect([name, await statusOf(dial, { url: `${base}/client/hubs/${name}` })]).toEqual([name, 400]);
    }
    for (const query of ['', '?hub=', '?hub=9a']) {
      expect([query, await statusOf(dial, { url: `${base}/client/${query}` })]).toEqual([query, 400]);
    }
    expect(await statusOf(dial, { hub: `a${'b'.repeat(127)}` })).toBe(101);
  });

  test('a percent-encoded hub name is decoded once, in the path and in the audience', async () => {
    const hub = await startHub();
    const { service, dial } = hub;
    const base = service.publicUrl.replace(/^http/, 'ws');
    for (const [path, inAudience] of [
      ['%63hat', 'chat'],
      ['chat', '%63hat'],
      ['%63hat', '%63hat'],
      ['a%5B1%5D', 'a[1]'],
    ] as const) {
      const token = signToken({ aud: audienceOf(hub, inAudience), exp: inMinutes(5) });
      expect([path, await statusOf(dial, { url: `${base}/client/hubs/${path}?access_token=${token}` })]).toEqual([
        path,
        101,
      ]);
    }
    const token = signToken({ aud: audienceOf(hub), exp: inMinutes(5) });
    expect(await statusOf(dial, { url: `${base}/client/hubs/%2563hat?access_token=${token}` })).toBe(400);
  });

  test('[CP-014] a hub that nobody configured accepts connections', async () => {
    const { dial } = await startHub();
    const client = await dial({ hub: 'unheard.of' });
    expect(await client.next()).toMatchObject({ event: 'connected' });
  });

  test('a URL of more than 16 KiB is read whole; one beyond the limit ends that socket only', async () => {
    const { dial, service, upstream } = await startHub({ handler: { systemEvents: ['connect'] } });
    const long = 'x'.repeat(20_000);
    await dial({ query: `room=${long}` });
    const { query } = JSON.parse((await upstream.next('connect')).body.toString());
    expect(query).toEqual({ room: [long] });
    const tooLong = await rawDial(service, { query: `room=${'x'.repeat(200_000)}` });
    expect(await tooLong.status).toBe(431);
    await tooLong.ended;
    await dial();
  });
});

describe('tokens', () => {
  test('[CP-002] a valid token in access_token, whatever the case of the name: 101', async () => {
    const hub = await startHub();
    const token = signToken({ aud: audienceOf(hub), exp: inMinutes(5), sub: 'ann' });
    for (const name of ['access_token', 'ACCESS_TOKEN', 'Access_Token']) {
      const client = await hub.dial({ token: null, query: `${name}=${token}` });
      expect(await client.next()).toMatchObject({ userId: 'ann' });
    }
  });

  test('[CP-003] a valid token only in Authorization: 101', async () => {
    const hub = await startHub();
    const token = signToken({ aud: audienceOf(hub), exp: inMinutes(5), sub: 'ann' });
    for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
      const client = await hub.dial({ token: null, headers: { authorization: `${scheme} ${token}` } });
      expect(await client.next()).toMatchObject({ userId: 'ann' });
    }
    expect(await statusOf(hub.dial, { token: null, headers: { authorization: `Basic ${token}` } })).toBe(401);
  });

  test('[CP-004] the query wins over the header, also when it is bad: 401', async () => {
    const hub = await startHub();
    const token = signToken({ aud: audienceOf(hub), exp: inMinutes(5) });
    const headers = { authorization: `Bearer ${token}` };
    expect(await statusOf(hub.dial, { token: null, query: 'access_token=bad', headers })).toBe(401);
    expect(await statusOf(hub.dial, { ...withToken(token), headers: { authorization: 'Bearer bad' } })).toBe(101);
  });

  test('an empty access_token is none at all', async () => {
    const hub = await startHub();
    const token = signToken({ aud: audienceOf(hub), exp: inMinutes(5) });
    const headers = { authorization: `Bearer ${token}` };
    expect(await statusOf(hub.dial, { token: null, query: 'access_token=' })).toBe(401);
    expect(await statusOf(hub.dial, { token: null, query: 'access_token=', headers })).toBe(101);
    const open = await startHub({ chat: anonymous });
    expect(await statusOf(open.dial, { token: null, query: 'access_token=' })).toBe(101);
  });

  test('[CP-005] no token: 401 with a challenge when anonymous clients are denied, else 101', async () => {
    const denying = await startHub();
    const refusal = await denying.dial.refused({ token: null });
    expect([refusal.status, refusal.headers['www-authenticate']]).toEqual([401, 'Bearer']);
    const allowing = await startHub({ chat: anonymous });
    expect(await statusOf(allowing.dial, { token: null })).toBe(101);
    expect(await statusOf(allowing.dial, { token: null, hub: 'other' })).toBe(401);
  });

  test('[CP-005] a client without a token, or with a bad one, brings no hub into being; neither does one that cannot recover', async () => {
    const { service, dial } = await startHub();
    expect(await statusOf(dial, { hub: 'strange', token: null })).toBe(401);
    expect(await statusOf(dial, { hub: 'strange', ...withToken('bad') })).toBe(401);
    const recovering = await dial({ hub: 'strange', token: null, query: 'awps_connection_id=x' });
    expect((await recovering.closed).code).toBe(1008);
    expect([...service.hubs.all()].map(({ name }) => name)).toEqual([]);
    await dial({ hub: 'strange' });
    expect([...service.hubs.all()].map(({ name }) => name)).toEqual(['strange']);
  });

  test('[CP-005] a bad token is 401 also where none is needed', async () => {
    const { dial } = await startHub({ chat: anonymous });
    expect(await statusOf(dial, withToken('bad'))).toBe(401);
  });

  test('[CP-006] the audience must name the hub; letter case does not count', async () => {
    const hub = await startHub();
    const status = (aud: unknown) => statusOf(hub.dial, withToken(signToken({ aud, exp: inMinutes(5) })));
    const good = audienceOf(hub);
    expect(await status(good.replace('chat', 'other'))).toBe(401);
    expect(await status(good.toUpperCase())).toBe(101);
    expect(await status(['http://elsewhere.example/', good])).toBe(101);
    for (const bad of [`${good}/`, `${good}?x=1`, `${good}/more`, 'chat', '', good.replace('/hubs/', '/'), []]) {
      expect([bad, await status(bad)]).toEqual([bad, 401]);
    }
  });

  test('[CP-007] any of four schemes, and no other', async () => {
    const hub = await startHub();
    const status = (scheme: string) =>
      statusOf(hub.dial, withToken(signToken({ aud: audienceOf(hub, 'chat', scheme), exp: inMinutes(5) })));
    expect(await Promise.all(['ws', 'wss', 'http', 'https', 'ftp', ''].map(status))).toEqual([
      101, 101, 101, 101, 401, 401,
    ]);
  });

  test('[CP-008] either key signs; another does not, nor another algorithm', async () => {
    const keys = { primary: developmentKey, secondary: 'the-secondary-key-of-this-very-test-suite' };
    const hub = await startHub({ keys });
    const claims = { aud: audienceOf(hub), exp: inMinutes(5) };
    expect(await statusOf(hub.dial, withToken(signToken(claims)))).toBe(101);
    expect(await statusOf(hub.dial, withToken(signToken(claims, keys.secondary)))).toBe(101);
    expect(await statusOf(hub.dial, withToken(signToken(claims, 'a-key-that-nobody-has-ever-configured')))).toBe(401);
    expect(await statusOf(hub.dial, withToken(signToken(claims, '', 'none')))).toBe(401);
    expect(await statusOf(hub.dial, withToken(signToken(claims, keys.primary, 'HS512')))).toBe(401);
  });

  test('[CP-009] exp is required, and may be 5 minutes past; nbf the same ahead', async () => {
    const hub = await startHub();
    const status = (claims: object) => statusOf(hub.dial, withToken(signToken({ aud: audienceOf(hub), ...claims })));
    expect(await status({ exp: inMinutes(-4) })).toBe(101);
    expect(await status({ exp: inMinutes(-6) })).toBe(401);
    expect(await status({})).toBe(401);
    expect(await status({ exp: inMinutes(60), nbf: inMinutes(4) })).toBe(101);
    expect(await status({ exp: inMinutes(60), nbf: inMinutes(6) })).toBe(401);
  });

  test('[CP-010] a token that expires ends no session', async () => {
    const clock = new ManualClock();
    const hub = await startHub({ clock });
    const token = signToken({ aud: audienceOf(hub), exp: inMinutes(1, clock.now()) });
    const client = await hub.dial(withToken(token));
    for (let minute = 0; minute < 7; minute += 1) {
      clock.advance(30_000);
      await client.settle(); // a sign of life between the sweeps of the keep-alive
      clock.advance(30_000);
      await client.settle();
    }
    expect(await statusOf(hub.dial, withToken(token))).toBe(401);
    await client.settle();
    expect(client.ws.readyState).toBe(client.ws.OPEN);
  });

  test.each([
    ['blank', ' '],
    ['empty', ''],
    ['too long', 'g'.repeat(1025)],
    ['one of several', ['fine', '\t']],
  ])('[CP-015] a group that cannot exist in webpubsub.group (%s): 400', async (_what, group) => {
    const hub = await startHub();
    const claims = { aud: audienceOf(hub), exp: inMinutes(5), 'webpubsub.group': group };
    expect(await statusOf(hub.dial, withToken(signToken(claims)))).toBe(400);
    await hub.dial();
  });

  test('[CP-016] role and webpubsub.group as plain strings', async () => {
    const hub = await startHub();
    const claims = { aud: audienceOf(hub), exp: inMinutes(5), role: 'webpubsub.sendToGroup.g', 'webpubsub.group': 'g' };
    const client = await hub.dial(withToken(signToken(claims)));
    await client.next();
    expect(await client.ask({ type: 'sendToGroup', group: 'g', data: 1, ackId: 1 })).toMatchObject({ success: true });
    expect(await client.next()).toMatchObject({ group: 'g', data: 1 });
  });

  test('[D19] the reason of a refusal holds no part of the token but what it is for', async () => {
    const log = new ConnectionLog();
    const { dial } = await startHub({ observer: log });
    const token = signToken({ aud: 'http://elsewhere.example/client/hubs/chat', exp: inMinutes(5), sub: 'private' });
    const { body, status } = await dial.refused(withToken(token));
    const told = JSON.stringify([body, await log.refused.take()]);
    expect(status).toBe(401);
    for (const secret of [...token.split('.'), 'private']) expect(told).not.toContain(secret);
  });
});

describe('room for connections', () => {
  const limits = { maxConnections: 3 };

  test('[CP §1.4] one more than maxConnections: 429, until one leaves', async () => {
    const log = new ConnectionLog();
    const { dial } = await startHub({ file: { limits }, observer: log });
    const [first, second] = [await dial(), await dial(), await dial({ hub: 'other' })];
    expect(await statusOf(dial)).toBe(429);
    await first.close();
    await log.closed.take();
    await dial();
    await second.next();
    await second.settle();
  });

  test('[CP §1.4] handshakes under way count too', async () => {
    const { dial, upstream } = await startHub({ file: { limits }, handler: { systemEvents: ['connect'] } });
    const answers: (() => void)[] = [];
    upstream.on('connect', (_request, response) => void answers.push(() => response.writeHead(204).end()));
    const statuses = new Mailbox<number>();
    for (let count = 0; count < 12; count += 1) void statusOf(dial).then(status => statuses.put(status));
    for (let count = 0; count < 9; count += 1) expect(await statuses.take()).toBe(429);
    for (let count = 0; count < 3; count += 1) await upstream.next('connect');
    for (const answer of answers) answer();
    for (let count = 0; count < 3; count += 1) expect(await statuses.take()).toBe(101);
  });
});

test('the URL that the service hands out is one that it takes', async () => {
  const { service, dial } = await startHub();
  const client = await dial({ url: urlOf(service, { token: { userId: 'ann' } }) });
  expect(await client.next()).toMatchObject({ userId: 'ann' });
});

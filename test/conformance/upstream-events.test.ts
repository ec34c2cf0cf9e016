import { describe, expect, test } from 'vitest';
import { signer } from '../../src/auth/signature.js';
import { developmentKey } from '../../src/cli/key-settings.js';
import { Held, reply, replyJson } from '../support/answers.js';
import { cloudEventOf } from '../support/cloud-event.js';
import { Mailbox } from '../support/mailbox.js';
import { ManualClock } from '../support/manual-clock.js';
import { rawDial } from '../support/raw-client.js';
import { type StartedHub, startHub, stopInTime } from '../support/start-hub.js';
import { jsonProtocol } from '../support/test-client.js';
import { audienceOf, inMinutes, signToken } from '../support/tokens.js';

const everything = { systemEvents: ['connect', 'connected', 'disconnected'], userEventPattern: '*' };
const sendAny = ['webpubsub.sendToGroup', 'webpubsub.joinLeaveGroup'];

/** Names of all events that were sent, once no more can come. */
async function eventsAfterStop({ service, upstream }: StartedHub): Promise<string[]> {
  await service.stop();
  return upstream.requests.filter(({ method }) => method === 'POST').map(({ event }) => event);
}

describe('requests', () => {
  test('[UE-001] [UE-002] [UE-006] [UE-008] [UE-009] [UE-011] [UE-012] [UE-015] [UE-021] [UE-022] [UE-024] the life of a JSON client, as the CloudEvents SDK reads it', async () => {
    const { dial, upstream } = await startHub({ handler: everything });
    const client = await dial({ token: { userId: 'nora' } });
    const { connectionId: id } = await client.next();
    await client.ask({ type: 'event', event: 'vote', dataType: 'json', data: { n: 3 }, ackId: 1 });
    await client.ask({ type: 'event', event: 'say', dataType: 'text', data: 'hé', ackId: 2 });
    await client.ask({ type: 'event', event: 'Blob', dataType: 'binary', data: 'AAH/', ackId: 3 });
    await client.close(1000, 'bye');

    const names = ['connect', 'connected', 'vote', 'say', 'Blob', 'disconnected'];
    const requests = await Promise.all(names.map(name => upstream.next(name)));
    const events = requests.map(cloudEventOf);
    expect(events.map(event => event.id)).toEqual(['0', '1', '2', '3', '4', '5']);
    expect(events.map(event => event.type)).toEqual([
      ...['connect', 'connected'].map(name => `azure.webpubsub.sys.${name}`),
      ...['vote', 'say', 'Blob'].map(name => `azure.webpubsub.user.${name}`),
      'azure.webpubsub.sys.disconnected',
    ]);
    for (const event of events) {
      expect(event).toMatchObject({
        specversion: '1.0',
        awpsversion: '1.0',
        source: `/hubs/chat/client/${id}`,
        signature: signer({ primary: developmentKey, secondary: undefined })(id),
        connectionid: id,
        hub: 'chat',
        userid: 'nora',
      });
    }
    expect(events.map(event => event.subprotocol)).toEqual([undefined, ...Array(5).fill(jsonProtocol)]);
    expect(events.map(event => event.data).filter((_, at) => [1, 2, 3, 5].includes(at))).toEqual([
      {},
      { n: 3 },
      'hé',
      { reason: 'bye' },
    ]);
    expect(requests[4]?.body).toEqual(Buffer.from([0, 1, 255]));
    expect(requests.map(({ headers }) => headers['content-type'])).toEqual([
      ...Array(2).fill('application/json; charset=utf-8'),
      'application/json',
      'text/plain; charset=utf-8',
      'application/octet-stream',
      'application/json; charset=utf-8',
    ]);
    for (const { method, headers } of requests) {
      expect(method).toBe('POST');
      expect(headers['ce-time']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      expect(headers['webhook-request-origin']).toBe('localhost');
    }
    expect(new Set(requests.map(({ headers }) => headers['x-ms-client-request-id'])).size).toBe(requests.length);
  });

  test('[UE-002] [UE-003] [UE-013] [UE-016] an anonymous simple client', async () => {
    const { dial, upstream } = await startHub({ handler: everything, chat: { anonymousConnectPolicy: 'allow' } });
    const client = await dial({ protocols: [], token: null });
    client.send('hi');
    client.send(Buffer.from([0, 1, 255]));
    await client.close();
    const requests = [
      await upstream.next('connect'),
      await upstream.next('connected'),
      await upstream.next('message'),
      await upstream.next('message'),
      await upstream.next('disconnected'),
    ];
    expect(requests.slice(2, 4).map(({ headers, body }) => [headers['content-type'], body])).toEqual([
      ['text/plain; charset=utf-8', Buffer.from('hi')],
      ['application/octet-stream', Buffer.from([0, 1, 255])],
    ]);
    for (const request of requests) {
      expect(request.headers).not.toHaveProperty('ce-userid');
      expect(request.headers).not.toHaveProperty('ce-subprotocol');
    }
    expect(requests.map(request => cloudEventOf(request).id)).toEqual(['0', '1', '2', '3', '4']);
    expect(cloudEventOf(requests[2]!)).toMatchObject({ type: 'azure.webpubsub.user.message', data: 'hi' });
  });

  test('[UE-004] [UE-005] what goes to groups is not an event', async () => {
    const hub = await startHub({ handler: everything });
    const json = await hub.dial({ token: { roles: sendAny } });
    await json.ask({ type: 'joinGroup', group: 'g', ackId: 1 });
    const simple = await hub.dial({
      protocols: [],
      token: { roles: sendAny },
      query: 'webpubsub_mode=sendToGroup&group=g',
    });
    simple.send('from the simple one');
    await json.next();
    expect(await json.next()).toMatchObject({ group: 'g', data: 'from the simple one' });
    await json.ask({ type: 'sendToGroup', group: 'g', data: 1, ackId: 2 });
    await json.ask({ type: 'leaveGroup', group: 'g', ackId: 3 });
    const events = await eventsAfterStop(hub);
    expect(events.sort()).toEqual(['connect', 'connect', 'connected', 'connected', 'disconnected', 'disconnected']);
  });

  test.each([
    ['[UE-007] without dataType it is json', { data: { a: [1] } }, 'application/json', '{"a":[1]}'],
    [
      '[upstream-events 2.8] a JSON string keeps its quotes',
      { dataType: 'json', data: 's' },
      'application/json',
      '"s"',
    ],
    ['[UE-023] an empty text', { dataType: 'text', data: '' }, 'text/plain; charset=utf-8', ''],
  ])('%s', async (_, message, contentType, body) => {
    const { dial, upstream } = await startHub({ handler: everything });
    const client = await dial();
    await client.ask({ type: 'event', event: 'e', ackId: 1, ...message });
    const request = await upstream.next('e');
    expect([request.headers['content-type'], request.body.toString()]).toEqual([contentType, body]);
    expect(request.headers['content-length']).toBe(String(body.length));
  });

  test('[UE-010] without a connect handler, `connected` is 1', async () => {
    const { dial, upstream } = await startHub({ handler: { systemEvents: ['connected'] } });
    await dial();
    expect(cloudEventOf(await upstream.next()).id).toBe('1');
    expect(upstream.requests.map(({ event }) => event)).toEqual(['OPTIONS', 'connected']);
  });

  test('[UE-014] the bytes of ce-userId are the UTF-8 of the token’s', async () => {
    const { dial, upstream } = await startHub({ handler: { systemEvents: ['connect'] } });
    await dial({ token: { userId: 'é日' } });
    const { headers } = await upstream.next('connect');
    expect(Buffer.from(String(headers['ce-userid']), 'latin1').toString('utf8')).toBe('é日');
  });

  test('[upstream-events D38] hub, source and URL have the spelling of hubs.yaml', async () => {
    const yaml =
      'hubs: { ChatRoom: { eventHandlers: [{ urlTemplate: "UPSTREAM/{hub}/{event}", userEventPattern: "*" }] } }';
    const { dial, upstream } = await startHub({ yaml });
    const client = await dial({ hub: 'CHATROOM' });
    const { connectionId } = await client.next();
    await client.ask({ type: 'event', event: 'e', data: 1, ackId: 1 });
    const request = await upstream.next('e');
    expect(request.url).toBe('/ChatRoom/e');
    expect(cloudEventOf(request)).toMatchObject({ hub: 'ChatRoom', source: `/hubs/ChatRoom/client/${connectionId}` });
  });
});

describe('the connect body', () => {
  test('[UE-017] [UE-018] [UE-019] [UE-020] is the upgrade request, without its credentials', async () => {
    const hub = await startHub({ handler: { systemEvents: ['connect'] } });
    const token = signToken({ aud: audienceOf(hub), exp: inMinutes(5), sub: 'ann', role: ['r1', 'r2'], level: 7 });
    const client = await rawDial(hub.service, {
      token: null,
      query: `access_token=${token}&x=1&x=2&who=%C3%A9%20!&ACCESS_token=other`,
      lines: [
        'User-Agent: demo/3',
        'AUTHORIZATION: Bearer secret',
        'Cookie: theirs=1',
        'X-OdD-CaSe: one',
        'X-OdD-CaSe: two',
        `Sec-WebSocket-Protocol: zeta, ${jsonProtocol}`,
      ],
    });
    expect(await client.status).toBe(101);
    const { body } = await hub.upstream.next('connect');
    expect(JSON.parse(body.toString())).toEqual({
      claims: {
        aud: [audienceOf(hub)],
        exp: [expect.stringMatching(/^\d+$/)],
        sub: ['ann'],
        role: ['r1', 'r2'],
        level: ['7'],
      },
      query: { x: ['1', '2'], who: ['é !'] },
      headers: {
        Host: [new URL(hub.service.publicUrl).host.replace('localhost', '127.0.0.1')],
        Connection: ['Upgrade'],
        Upgrade: ['websocket'],
        'Sec-WebSocket-Version': ['13'],
        'Sec-WebSocket-Key': ['dGhlIHNhbXBsZSBub25jZQ=='],
        'User-Agent': ['demo/3'],
        Cookie: ['theirs=1'],
        'X-OdD-CaSe': ['one', 'two'],
        'Sec-WebSocket-Protocol': [`zeta, ${jsonProtocol}`],
      },
      subprotocols: ['zeta', jsonProtocol],
      clientCertificates: [],
    });
    expect(body.toString()).not.toMatch(/secret|eyJ/);
  });

  test('[upstream-events 2.2] headers of the client are not those of the request', async () => {
    const { dial, upstream } = await startHub({ handler: { systemEvents: ['connect'] } });
    await dial({ headers: { cookie: 'theirs=1', 'x-theirs': '1', 'ce-userid': 'mallory', authorization: 'Bearer x' } });
    const { headers } = await upstream.next('connect');
    expect([headers.cookie, headers['x-theirs'], headers['ce-userid'], headers.authorization]).toEqual(Array(4));
  });

  test('an anonymous client has no claims', async () => {
    const { dial, upstream } = await startHub({
      handler: { systemEvents: ['connect'] },
      chat: { anonymousConnectPolicy: 'allow' },
    });
    await dial({ token: null, protocols: [] });
    const { body } = await upstream.next('connect');
    expect(JSON.parse(body.toString())).toMatchObject({ claims: {}, query: {}, subprotocols: [] });
  });
});

describe('connect answers', () => {
  const token = { userId: 'nora', groups: ['g'], roles: ['webpubsub.sendToGroup.g'] };

  test.each([
    ['[UE-030] 204', reply(204)],
    ['[UE-031] 200 and no body', reply(200)],
    ['[UE-032] nulls', replyJson({ userId: null, groups: null, roles: null, subprotocol: null })],
    ['[upstream-events 3.2] null', replyJson(null)],
    ['[upstream-events D16] 202', reply(202)],
    ['[UE-034] no groups', replyJson({ groups: [] })],
  ])('%s: the token’s user, groups and roles apply', async (_, answer) => {
    const { dial, upstream } = await startHub({ handler: everything });
    upstream.on('connect', answer);
    const client = await dial({ token });
    expect(client.ws.protocol).toBe(jsonProtocol);
    expect(await client.next()).toMatchObject({ event: 'connected', userId: 'nora' });
    client.send({ type: 'sendToGroup', group: 'g', data: 'mine', ackId: 1 });
    expect(await client.next()).toMatchObject({ from: 'group', group: 'g', fromUserId: 'nora', data: 'mine' });
    expect(await client.next()).toMatchObject({ ackId: 1, success: true });
  });

  test('[UE-033] [UE-040] a user id without a Content-Type', async () => {
    const { dial, upstream } = await startHub({ handler: everything });
    upstream.on('connect', reply(200, {}, '{"userId":"bob"}'));
    const client = await dial({ token });
    expect(await client.next()).toMatchObject({ userId: 'bob' });
    await client.ask({ type: 'event', event: 'e', data: 1, ackId: 1 });
    await client.close();
    const events = [];
    for (const name of ['connect', 'connected', 'e', 'disconnected']) events.push(await upstream.next(name));
    expect(events.map(({ headers }) => headers['ce-userid'])).toEqual(['nora', 'bob', 'bob', 'bob']);
  });

  test('[UE-035] no roles: the token’s are gone', async () => {
    const { dial, upstream } = await startHub({ handler: everything });
    upstream.on('connect', replyJson({ roles: [] }));
    const client = await dial({ token });
    const ack = await client.ask({ type: 'sendToGroup', group: 'g', data: 1, ackId: 1 });
    expect(ack).toMatchObject({ success: false, error: { name: 'Forbidden' } });
  });

  test('[UE-036] groups take the place of the token’s, before the client can know', async () => {
    const { dial, upstream } = await startHub({ handler: everything });
    upstream.on('connect', replyJson({ groups: ['a'], roles: sendAny }));
    const client = await dial({ token });
    await client.next();
    await client.ask({ type: 'sendToGroup', group: 'g', data: 'not heard', ackId: 1 });
    await client.ask({ type: 'sendToGroup', group: 'a', data: 'heard', ackId: 2 });
    expect(await client.next()).toMatchObject({ group: 'a', data: 'heard' });
    expect(client.rest).toEqual([]);
  });

  test('[upstream-events 3.2] a custom subprotocol keeps the client simple, and later events name it', async () => {
    const { dial, upstream } = await startHub({ handler: everything });
    upstream.on('connect', replyJson({ subprotocol: 'custom' }));
    upstream.on('message', reply(200, { 'Content-Type': 'text/plain' }, 'plain'));
    const client = await dial({ protocols: [jsonProtocol, 'custom'] });
    expect(client.ws.protocol).toBe('custom');
    client.send('{"type":"ping"}');
    expect(await client.nextText()).toBe('plain');
    const { headers, body } = await upstream.next('message');
    expect([headers['ce-subprotocol'], body.toString()]).toEqual(['custom', '{"type":"ping"}']);
  });

  test.each([
    ['[UE-037] a subprotocol that was not offered', replyJson({ subprotocol: 'x' })],
    ['[UE-037] [upstream-events D23] a blank subprotocol', replyJson({ subprotocol: '' })],
    ['[UE-039] malformed JSON', reply(200, { 'Content-Type': 'application/json' }, '{"userId":')],
    ['[upstream-events 3.2] a group that cannot exist', replyJson({ groups: [' '] })],
    ['[UE-116] a redirect', reply(302, { Location: '/elsewhere' }, 'moved')],
  ])('%s: 500 without a word, neither `connected` nor `disconnected` [upstream-events D40]', async (_, answer) => {
    const hub = await startHub({ handler: everything });
    hub.upstream.on('connect', answer);
    expect(await hub.dial.refused()).toMatchObject({ status: 500, body: '' });
    expect(await eventsAfterStop(hub)).toEqual(['connect']);
  });

  test.each([401, 403, 429])(
    '[UE-038] %i: the client sees it with its text, and no other event is sent',
    async status => {
      const hub = await startHub({ handler: everything });
      hub.upstream.on('connect', reply(status, { 'Content-Type': 'text/plain', 'X-Other': '1' }, 'not you'));
      const refused = await hub.dial.refused();
      expect(refused).toMatchObject({ status, body: 'not you', headers: { 'content-type': 'text/plain' } });
      expect(refused.headers).not.toHaveProperty('x-other');
      expect(await eventsAfterStop(hub)).toEqual(['connect']);
    },
  );

  test('[UE-041] [UE-117] nobody listens any more: 500 after the retries', async () => {
    const clock = new ManualClock();
    const { dial, upstream } = await startHub({ handler: everything, clock });
    await upstream.stop();
    const refused = dial.refused();
    for (const delayMs of [1_000, 3_000, 5_000]) {
      await clock.whenDueIn(delayMs);
      clock.advance(delayMs);
    }
    expect(await refused).toMatchObject({ status: 500, body: '' });
  });

  test('[upstream-events 3.2] 503 after the retries: 503', async () => {
    const clock = new ManualClock();
    const { dial, upstream } = await startHub({ handler: everything, clock });
    upstream.on('connect', reply(503, {}, 'busy'));
    const refused = dial.refused();
    for (const delayMs of [1_000, 3_000, 5_000]) {
      await clock.whenDueIn(delayMs);
      clock.advance(delayMs);
    }
    expect(await refused).toMatchObject({ status: 503, body: 'busy' });
    expect(upstream.requests.filter(({ event }) => event === 'connect')).toHaveLength(4);
  });
});

describe('the end', () => {
  /** The ways a connection may end, and the reason that the upstream gets. [upstream-events 1.4] */
  const endings: [
    string,
    (hub: StartedHub, client: Awaited<ReturnType<StartedHub['dial']>>, id: string) => unknown,
    string,
  ][] = [
    ['the client says why', (_hub, client) => client.close(4000, 'tab closed'), 'tab closed'],
    ['the client says nothing', (_hub, client) => client.close(), ''],
    ['the socket is lost', (_hub, client) => client.ws.terminate(), 'The connection was lost.'],
    [
      'the app server closes it',
      ({ service }, _client, id) => service.hubs.get('chat').closeConnection(id, 'spam'),
      'Application server closed the connection. Reason: spam',
    ],
    ['the service stops', ({ service }) => service.stop(), 'The service is shutting down.'],
  ];

  test.each(endings)('[UE-042] %s: one `disconnected`', async (_, end, reason) => {
    const hub = await startHub({ handler: everything });
    const client = await hub.dial();
    const { connectionId } = await client.next();
    await end(hub, client, connectionId);
    const request = await hub.upstream.next('disconnected');
    expect(request.body.toString()).toBe(JSON.stringify({ reason }));
    expect(cloudEventOf(request)).toMatchObject({ connectionid: connectionId, id: '2' });
    const events = await eventsAfterStop(hub);
    expect(events.filter(name => name === 'disconnected')).toHaveLength(1);
  });

  test('[UE-042] [upstream-events 1.4] a protocol error: the reason is what the client was told', async () => {
    const { dial, upstream } = await startHub({ handler: everything });
    const client = await dial();
    await client.next();
    client.send('not json');
    const { message } = await client.next();
    expect(message).not.toBe('');
    expect(JSON.parse((await upstream.next('disconnected')).body.toString())).toEqual({ reason: message });
  });

  test('[upstream-events D39] the client leaves while connect is asked: `disconnected`, and no `connected`', async () => {
    const hub = await startHub({ handler: everything });
    const held = new Held(replyJson({ userId: 'bob' }));
    hub.upstream.on('connect', held.answer);
    const client = await rawDial(hub.service, { token: { userId: 'nora' } });
    const { headers } = await hub.upstream.next('connect');
    client.socket.destroy();
    await fetch(`${hub.service.publicUrl}/api/health`, { method: 'HEAD' }); // the socket's end has arrived before this
    held.release();
    const request = await hub.upstream.next('disconnected');
    expect(cloudEventOf(request)).toMatchObject({ connectionid: headers['ce-connectionid'], userid: 'bob', id: '1' });
    expect(await eventsAfterStop(hub)).toEqual(['connect', 'disconnected']);
  });

  test('[F4] [upstream-events D39] the client leaves while its connect waits for its turn: nothing is sent', async () => {
    const clock = new ManualClock();
    const told = new Mailbox<string>();
    const hub = await startHub({
      oneProcess: 'limit',
      handler: everything,
      clock,
      file: { delivery: { maxConcurrentPerUpstream: 1 } },
      observer: {
        eventFinished: ({ kind, outcome }) => told.put(`${kind} ${outcome}`),
        connectionRefused: ({ status }) => told.put(`refused ${status}`),
      },
    });
    const held = new Held();
    hub.upstream.on('connect', held.answer);
    const first = await rawDial(hub.service, { token: { userId: 'first' } });
    await hub.upstream.next('connect');
    const second = await rawDial(hub.service, { token: { userId: 'second' } });
    const third = await rawDial(hub.service, { token: { userId: 'third' } });
    await fetch(`${hub.service.publicUrl}/api/health`, { method: 'HEAD' }); // both wait by now
    second.socket.destroy();
    expect(await told.take()).toBe('connect cancelled');
    held.release();
    expect(await first.status).toBe(101);
    expect(cloudEventOf(await hub.upstream.next('connect'))).toMatchObject({ userid: 'third' });
    held.release();
    expect(await third.status).toBe(101);
    await stopInTime(hub, clock);
    expect(hub.upstream.requests.filter(({ headers }) => headers['ce-userid'] === 'second')).toEqual([]);
    expect(told.rest).not.toContain('refused 500');
  });

  test('[F4] [upstream-events D39] the client leaves while its connect waits to be tried again: it is not', async () => {
    const clock = new ManualClock();
    const outcomes = new Mailbox<string>();
    const hub = await startHub({
      handler: everything,
      clock,
      observer: { eventFinished: ({ kind, outcome }) => outcomes.put(`${kind} ${outcome}`) },
    });
    hub.upstream.on('connect', reply(503));
    const client = await rawDial(hub.service);
    await clock.whenDueIn(1_000);
    client.socket.destroy();
    expect(await outcomes.take()).toBe('connect cancelled');
    await clock.advanceAsync(60_000);
    await stopInTime(hub, clock);
    expect(hub.upstream.requests.map(({ event }) => event).filter(event => event !== 'OPTIONS')).toEqual(['connect']);
  });

  test('[upstream-events D39] the client leaves while connect is asked and is refused: nothing more', async () => {
    const hub = await startHub({ handler: everything });
    const held = new Held(reply(403));
    hub.upstream.on('connect', held.answer);
    const client = await rawDial(hub.service);
    await hub.upstream.next('connect');
    client.socket.destroy();
    await fetch(`${hub.service.publicUrl}/api/health`, { method: 'HEAD' });
    held.release();
    expect(await eventsAfterStop(hub)).toEqual(['connect']);
  });
});

import { describe, expect, test } from 'vitest';
import { reply } from '../support/answers.js';
import { exchangedByAll } from '../support/exchanges.js';
import { textPayload } from '../support/fake-ports.js';
import { ManualClock } from '../support/manual-clock.js';
import { opcodes, rawDial } from '../support/raw-client.js';
import {
  nextNumbered,
  openSession,
  recoveryCloseCode,
  recoveryQuery,
  reliableProtocol,
  type Session,
  takeUp,
} from '../support/reliable-client.js';
import { type StartedHub, startHub } from '../support/start-hub.js';
import { jsonProtocol, type TestClient } from '../support/test-client.js';
import { audienceOf, inMinutes, signToken } from '../support/tokens.js';

const lifecycle = { systemEvents: ['connect', 'connected', 'disconnected'], userEventPattern: '*' };
const windowMs = 30_000;

const chat = ({ service }: StartedHub) => service.hubs.get('chat');

function send(hub: StartedHub, { connectionId }: Session, texts: readonly string[]): void {
  for (const text of texts) chat(hub).sendToConnection(connectionId, textPayload(text));
}

/** The status of a REST call about the hub, with a key's token. */
async function rest({ service }: StartedHub, method: string, path: string, text?: string): Promise<number> {
  const url = `${service.publicUrl}/api/hubs/chat/${path}`;
  // Signed for a time that suits both the clock of the machine and one that stands still.
  const token = signToken({ aud: url, exp: inMinutes(5, Date.UTC(2030, 0, 3)) });
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'text/plain' };
  return (await fetch(url, { method, headers, body: text ?? null })).status;
}

/** A service whose time stands still. */
async function startStill(options: Parameters<typeof startHub>[0] = {}) {
  const clock = new ManualClock();
  return { ...(await startHub({ clock, ...options })), clock };
}

/** Cuts the client off, and waits until the service has noticed. */
async function cutOff(client: TestClient, clock: ManualClock): Promise<void> {
  client.ws.terminate();
  await clock.whenDueIn(windowMs);
}

describe('[client-protocols 5.1] numbers and acknowledgements', () => {
  test('[CP-075] `connected` carries a reconnection token', async () => {
    const { dial } = await startHub();
    const client = await dial({ protocols: [reliableProtocol], token: { userId: 'ann' } });
    expect(client.ws.protocol).toBe(reliableProtocol);
    expect(await client.next()).toEqual({
      type: 'system',
      event: 'connected',
      userId: 'ann',
      connectionId: expect.stringMatching(/./),
      reconnectionToken: expect.stringMatching(/^[\w.~-]+$/),
    });
  });

  test('[CP-076] messages of all senders are numbered from 1, as numbers; acks and pongs are not', async () => {
    const hub = await startHub({ handler: lifecycle });
    hub.upstream.on('e', reply(200, { 'Content-Type': 'text/plain' }, 'from upstream'));
    const roles = ['webpubsub.sendToGroup'];
    const session = await openSession(hub, { token: { userId: 'ann', roles, groups: ['g'] } });
    const { client } = session;
    chat(hub).sendToAll(textPayload('all'));
    chat(hub).sendToUser('ann', textPayload('user'));
    expect(await nextNumbered(client, 2)).toEqual([
      [1, 'all'],
      [2, 'user'],
    ]);
    client.send({ type: 'sendToGroup', group: 'g', dataType: 'text', data: 'group', ackId: 1 });
    expect(await client.nextText()).toBe(
      '{"type":"message","from":"group","group":"g","fromUserId":"ann","dataType":"text","data":"group","sequenceId":3}',
    );
    expect(await client.nextText()).toBe('{"type":"ack","ackId":1,"success":true}');
    client.send({ type: 'event', event: 'e', dataType: 'text', data: 'x', ackId: 2 });
    expect(await client.next()).toMatchObject({ from: 'server', data: 'from upstream', sequenceId: 4 });
    expect(await client.nextText()).toBe('{"type":"ack","ackId":2,"success":true}');
    await client.settle(); // a pong, to the letter
  });

  test.each([
    ['as a number', 2],
    ['as a text', '2'],
  ])('[CP-078] what was acknowledged, %s, is not replayed', async (_what, sequenceId) => {
    const hub = await startHub();
    const session = await openSession(hub);
    send(hub, session, ['a', 'b', 'c']);
    await nextNumbered(session.client, 3);
    session.client.send({ type: 'sequenceAck', sequenceId });
    await session.client.settle();
    session.client.ws.terminate();
    const back = await takeUp(hub, session);
    await back.next();
    expect(await nextNumbered(back, 1)).toEqual([[3, 'c']]);
  });

  test('a sequenceAck without an id is no message: 1007, and the session is over', async () => {
    const hub = await startHub();
    const session = await openSession(hub);
    session.client.send({ type: 'sequenceAck' });
    expect((await session.client.closed).code).toBe(1007);
    expect(await recoveryCloseCode(hub, session)).toBe(1008);
  });
});

describe('[client-protocols 5.3] recovery', () => {
  test('[CP-077] [CP-079] `connected`, then what was not acknowledged with its ids, then what comes', async () => {
    const hub = await startStill();
    const session = await openSession(hub, { token: { userId: 'ann' } });
    send(hub, session, ['a', 'b']);
    await nextNumbered(session.client, 2);
    await cutOff(session.client, hub.clock);
    send(hub, session, ['c', 'd']);
    hub.clock.advance(windowMs - 1);
    const back = await takeUp(hub, session);
    send(hub, session, ['e']);
    const { connectionId } = session;
    expect(back.ws.protocol).toBe(reliableProtocol);
    expect(await back.next()).toMatchObject({ event: 'connected', connectionId, userId: 'ann' });
    expect(await nextNumbered(back, 5)).toEqual(['a', 'b', 'c', 'd', 'e'].map((text, at) => [at + 1, text]));
  });

  test('[CP-080] `connected` carries a token that is good; the upstream hears nothing of it', async () => {
    const hub = await startHub({ handler: lifecycle });
    const session = await openSession(hub);
    let { client, token } = session;
    for (let round = 0; round < 3; round += 1) {
      client.ws.terminate();
      client = await takeUp(hub, { ...session, token });
      ({ reconnectionToken: token } = await client.next());
      expect(token).toMatch(/./);
    }
    expect(await client.ask({ type: 'event', event: 'e', data: 1, ackId: 1 })).toMatchObject({ success: true });
    await hub.upstream.next('e');
    const events = hub.upstream.requests.filter(({ method }) => method === 'POST').map(({ event }) => event);
    expect(events.sort()).toEqual(['connect', 'connected', 'e']);
    await client.close(1000);
    const { headers } = await hub.upstream.next('disconnected');
    expect(headers['ce-connectionid']).toBe(session.connectionId);
  });

  test.each([
    ['an access token that has expired', -60],
    ['an access token that is good', 60],
  ])('[CP-081] %s in the URL does not count', async (_what, minutes) => {
    const hub = await startHub();
    const session = await openSession(hub);
    session.client.ws.terminate();
    const expired = signToken({ aud: audienceOf(hub), exp: inMinutes(minutes), sub: 'somebody else' });
    const back = await takeUp(hub, session, { query: `access_token=${expired}&${recoveryQuery(session)}` });
    expect(await back.next()).toMatchObject({ connectionId: session.connectionId, userId: null });
  });

  test.each<[string, (session: Session) => string, string]>([
    ['a bad token', s => recoveryQuery({ ...s, token: `${s.token}x` }), 'chat'],
    ['no token', ({ connectionId }) => `awps_connection_id=${connectionId}`, 'chat'],
    ['a wrong connection id', s => recoveryQuery({ ...s, connectionId: 'nobody' }), 'chat'],
    ['another hub', recoveryQuery, 'other'],
  ])('[CP-082] [CP-083] %s: 101, then 1008 without a word; the session stays recoverable', async (_what, query, at) => {
    const hub = await startHub();
    const session = await openSession(hub);
    const another = await openSession(hub, { hub: 'other' });
    const attempt = () => recoveryCloseCode(hub, session, { query: query(session), hub: at });
    expect(await attempt()).toBe(1008);
    await session.client.settle(); // the open transport is not touched
    session.client.ws.terminate();
    expect(await attempt()).toBe(1008);
    const back = await takeUp(hub, session);
    expect(await back.next()).toMatchObject({ connectionId: session.connectionId });
    expect(await recoveryCloseCode(hub, { ...session, token: another.token })).toBe(1008);
    await back.settle();
  });

  test('[CP-084] a new transport replaces an open one, which is aborted', async () => {
    const hub = await startHub();
    const session = await openSession(hub);
    send(hub, session, ['a']);
    const back = await takeUp(hub, session);
    expect((await session.client.closed).code).toBe(1006);
    send(hub, session, ['b']);
    expect(await back.next()).toMatchObject({ connectionId: session.connectionId });
    expect(await nextNumbered(back, 2)).toEqual([
      [1, 'a'],
      [2, 'b'],
    ]);
    expect(chat(hub).size).toBe(1);
  });

  test('[CP-084] however many come at once, one of them has the session and all messages', async () => {
    const hub = await startHub();
    const session = await openSession(hub);
    const texts = Array.from({ length: 50 }, (_, index) => `${index}`);
    send(hub, session, texts);
    const racers = await Promise.all(Array.from({ length: 10 }, () => takeUp(hub, session)));
    const isClosed = new Set<TestClient>();
    await new Promise<void>(resolve => {
      for (const racer of racers) {
        void racer.closed.then(() => {
          isClosed.add(racer);
          if (isClosed.size === 9) resolve();
        });
      }
    });
    const [winner] = racers.filter(racer => !isClosed.has(racer)) as [TestClient];
    await winner.next();
    expect(await nextNumbered(winner, 50)).toEqual(texts.map((text, at) => [at + 1, text]));
    await winner.settle();
  });

  test('[CP-088] groups of the token and of requests, permissions and known ackIds survive', async () => {
    const hub = await startHub();
    const roles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];
    const session = await openSession(hub, { token: { groups: ['token'], roles } });
    expect(await session.client.ask({ type: 'joinGroup', group: 'asked', ackId: 1 })).toMatchObject({ success: true });
    session.client.ws.terminate();
    const back = await takeUp(hub, session);
    await back.next();
    expect(await back.ask({ type: 'joinGroup', group: 'asked', ackId: 1 })).toMatchObject({
      success: false,
      error: { name: 'Duplicate' },
    });
    for (const group of ['token', 'asked']) chat(hub).sendToGroup(group, textPayload(group));
    expect(await nextNumbered(back, 2)).toEqual([
      [1, 'token'],
      [2, 'asked'],
    ]);
    expect(await back.ask({ type: 'sendToGroup', group: 'x', data: 1, ackId: 2 })).toMatchObject({ success: true });
  });

  test.each([
    ['another subprotocol', [jsonProtocol], undefined],
    ['none', [], undefined],
    ['its own among others, in other letters', ['x', 'JSON.Reliable.WebPubSub.Azure.V1'], 1],
  ])('[client-protocols D34] offering %s, the session speaks on as before', async (_what, offered, echoed) => {
    const hub = await startHub();
    const session = await openSession(hub);
    send(hub, session, ['a']);
    const lines = offered.length > 0 ? [`Sec-WebSocket-Protocol: ${offered.join(', ')}`] : [];
    const back = await rawDial(hub.service, { token: null, query: recoveryQuery(session), lines });
    expect(await back.status).toBe(101);
    const header = back.headers.find(line => /^sec-websocket-protocol:/i.test(line));
    expect(header).toBe(echoed === undefined ? undefined : `Sec-WebSocket-Protocol: ${offered[echoed]}`);
    const next = async () => JSON.parse((await back.nextFrame(opcodes.text)).payload.toString());
    expect(await next()).toMatchObject({ event: 'connected', reconnectionToken: expect.anything() });
    expect(await next()).toMatchObject({ data: 'a', sequenceId: 1 });
  });

  test('[CP-091] a reconnection token without a connection id: an ordinary connection', async () => {
    const hub = await startHub();
    const session = await openSession(hub);
    const other = await openSession(hub, { query: `awps_reconnection_token=${session.token}` });
    expect(other.connectionId).not.toBe(session.connectionId);
    await session.client.settle();
  });

  test('a service that has all the connections it allows takes back those it has', async () => {
    const hub = await startHub({ file: { limits: { maxConnections: 2 } } });
    const session = await openSession(hub);
    await hub.dial();
    expect((await hub.dial.refused()).status).toBe(429);
    session.client.ws.terminate();
    const back = await takeUp(hub, session);
    expect(await back.next()).toMatchObject({ connectionId: session.connectionId });
  });
});

describe('[client-protocols 5.2] what ends a session, and what does not', () => {
  test('[CP-085] a client’s close with 1000 ends it at once', async () => {
    const hub = await startHub({ handler: lifecycle });
    const session = await openSession(hub);
    await session.client.close(1000, 'bye');
    const { body } = await hub.upstream.next('disconnected');
    expect(JSON.parse(body.toString())).toEqual({ reason: 'bye' });
    expect(await recoveryCloseCode(hub, session)).toBe(1008);
  });

  test.each([undefined, 1001, 3000, 4999])('[CP-086] a client’s close with %s leaves it for 30 s', async code => {
    const hub = await startStill();
    const session = await openSession(hub);
    await session.client.close(code);
    await hub.clock.whenDueIn(windowMs);
    hub.clock.advance(windowMs - 1);
    const back = await takeUp(hub, session);
    expect(await back.next()).toMatchObject({ connectionId: session.connectionId });
  });

  test('[client-protocols D3] which closes are final is a setting', async () => {
    const hub = await startHub({ handler: lifecycle, file: { reliable: { finalCloseCodes: [4001] } } });
    const [stays, leaves] = [await openSession(hub), await openSession(hub)];
    await stays.client.close(1000);
    await leaves.client.close(4001);
    expect((await hub.upstream.next('disconnected')).headers['ce-connectionid']).toBe(leaves.connectionId);
    expect(await recoveryCloseCode(hub, leaves)).toBe(1008);
    expect(await (await takeUp(hub, stays)).next()).toMatchObject({ connectionId: stays.connectionId });
  });

  test.each([
    [undefined, windowMs],
    [90, 90_000],
  ])('[CP-087] with a window of %s s: `disconnected` once when it is over, then 1008', async (seconds, ms) => {
    const file = seconds === undefined ? {} : { reliable: { recoveryWindowInSeconds: seconds } };
    const hub = await startStill({ handler: lifecycle, file });
    const session = await openSession(hub);
    await hub.upstream.next('connected');
    session.client.ws.terminate();
    await hub.clock.whenDueIn(ms);
    await hub.clock.advanceAsync(ms - 1);
    expect(chat(hub).size).toBe(1);
    await hub.clock.advanceAsync(1);
    expect(chat(hub).size).toBe(0);
    expect((await hub.upstream.next('disconnected')).headers['ce-connectionid']).toBe(session.connectionId);
    expect(await recoveryCloseCode(hub, session)).toBe(1008);
    const marker = await openSession(hub);
    await marker.client.close(1000);
    // Had there been a second one, it would have come before the marker's.
    expect((await hub.upstream.next('disconnected')).headers['ce-connectionid']).toBe(marker.connectionId);
  });

  test('[client-protocols 8.2] a client that answers no ping is suspended', async () => {
    const hub = await startStill();
    const lines = [`Sec-WebSocket-Protocol: ${reliableProtocol}`];
    const silent = await rawDial(hub.service, { lines });
    const { connectionId, reconnectionToken: token } = JSON.parse(
      (await silent.nextFrame(opcodes.text)).payload.toString(),
    );
    await hub.clock.advanceAsync(60_000);
    await silent.ended;
    await hub.clock.whenDueIn(windowMs);
    const back = await takeUp(hub, { connectionId, token });
    expect(await back.next()).toMatchObject({ event: 'connected', connectionId });
  });

  test.each<[string, number, Buffer | string]>([
    ['a malformed message', 1007, 'x'],
    ['a binary message', 1003, Buffer.from('{"type":"ping"}')],
    ['a message that is too large', 1009, 'x'.repeat(1024 * 1024 + 1)],
  ])('[client-protocols 8.3] %s ends it: %i, then 1008', async (_what, code, message) => {
    const hub = await startHub();
    const session = await openSession(hub);
    session.client.send(message);
    expect((await session.client.closed).code).toBe(code);
    expect(await recoveryCloseCode(hub, session)).toBe(1008);
  });

  test('[client-protocols 8.3] the app server’s close of an open one: a word, 1000, and no way back', async () => {
    const hub = await startHub();
    const session = await openSession(hub);
    await chat(hub).closeConnection(session.connectionId, 'why');
    expect(await session.client.next()).toMatchObject({ event: 'disconnected' });
    expect(await session.client.closed).toEqual({ code: 1000, reason: '' });
    expect(await recoveryCloseCode(hub, session)).toBe(1008);
  });

  test('[RA-050] the app server’s close of a suspended one, over HTTP, leaves no way back', async () => {
    const hub = await startStill({ handler: lifecycle });
    const session = await openSession(hub);
    await cutOff(session.client, hub.clock);
    const path = `connections/${session.connectionId}`;
    expect(await rest(hub, 'HEAD', path)).toBe(200);
    expect(await rest(hub, 'DELETE', path)).toBe(204);
    expect(await rest(hub, 'HEAD', path)).toBe(404);
    await hub.upstream.next('disconnected');
    expect(await recoveryCloseCode(hub, session)).toBe(1008);
  });

  test('[RA-079] a grant survives', async () => {
    const hub = await startHub();
    const session = await openSession(hub);
    const path = `permissions/sendToGroup/connections/${session.connectionId}?targetName=g`;
    expect(await rest(hub, 'PUT', path)).toBe(200);
    session.client.ws.terminate();
    const back = await takeUp(hub, session);
    expect(await back.ask({ type: 'sendToGroup', group: 'g', data: 1, ackId: 1 })).toMatchObject({ success: true });
    expect(await back.ask({ type: 'sendToGroup', group: 'h', data: 1, ackId: 2 })).toMatchObject({ success: false });
    expect(await rest(hub, 'HEAD', path)).toBe(200);
  });

  test('[RA-039] of what was sent with a TTL, what is over is not replayed', async () => {
    const hub = await startStill();
    const session = await openSession(hub, { token: { groups: ['g'] } });
    const publisher = await hub.dial({ token: { roles: ['webpubsub.sendToGroup'] } });
    await cutOff(session.client, hub.clock);
    const path = `connections/${session.connectionId}/:send?messageTtlSeconds=`;
    expect(await rest(hub, 'POST', `${path}1`, 'one')).toBe(202);
    expect(await rest(hub, 'POST', `${path}0`, 'zero')).toBe(202);
    for (const [at, ttlSeconds] of [1, 0, 3].entries()) {
      const message = { type: 'sendToGroup', group: 'g', data: ttlSeconds, ttlSeconds, ackId: at };
      expect(await publisher.ask(message)).toMatchObject({ success: true });
    }
    hub.clock.advance(2_000);
    const back = await takeUp(hub, session);
    await back.next();
    expect(await nextNumbered(back, 3)).toEqual([
      [2, 'zero'],
      [4, 0],
      [5, 3],
    ]);
  });
});

describe('[client-protocols 5.1] a buffer that is full', () => {
  const mebibyte = 'x'.repeat(1024 * 1024);
  const overflows: [string, readonly string[], string][] = [
    ['[CP-089] 1000 messages', Array.from({ length: 1_000 }, () => 'x'), 'one more'],
    // Each message takes a little more than its text, so that 16 of them are more than 16 MiB.
    ['[CP-090] 15 MiB and something', Array.from({ length: 15 }, () => mebibyte), mebibyte],
  ];

  test.each(overflows)('%s are kept for a client that reads on; more is its end: 1008', async (_what, fill, last) => {
    const hub = await startHub();
    const session = await openSession(hub);
    send(hub, session, fill);
    await session.client.settle();
    send(hub, session, [last]);
    expect((await session.client.closed).code).toBe(1008);
    expect(await recoveryCloseCode(hub, session)).toBe(1008);
    expect(chat(hub).size).toBe(0);
  });

  test.each(overflows)('%s are kept for a client that is away; more is its end', async (_what, fill, last) => {
    const hub = await startStill();
    const [full, over] = [await openSession(hub), await openSession(hub)];
    for (const { client } of [full, over]) client.ws.terminate();
    for (const [session, texts] of [
      [full, fill],
      [over, fill],
      [over, [last]],
    ] as const) {
      send(hub, session, texts);
      await exchangedByAll(hub.service); // a node accepts no more than 16 MiB that are still to leave it [cluster 3.5]
    }
    const back = await takeUp(hub, full);
    await back.next();
    expect((await nextNumbered(back, fill.length)).map(([id]) => id)).toEqual(fill.map((_, at) => at + 1));
    expect(await recoveryCloseCode(hub, over)).toBe(1008);
  });
});

import { describe, expect, test } from 'vitest';
import type { PusherApp } from '../../src/sockets/entrances/pusher.js';
import { eventually } from '../support/eventually.js';
import { RecordingBackplane, settled } from '../support/fake-ports.js';
import { ManualClock } from '../support/manual-clock.js';
import { app, appKey, appsOf, channelAuth, PusherClient, socketUrl, startPusher, userAuth } from '../support/pusher.js';
import { opcodes, rawDial } from '../support/raw-client.js';

const errorOf = (code: number | null) => ({ event: 'pusher:error', data: { code, message: expect.any(String) } });

describe('[PW §3.1] the handshake', () => {
  test('[PW-066] the first message: socket id and activity timeout, as a string', async () => {
    const { dialRaw } = await startPusher();
    const message = await (await dialRaw()).next();
    expect(message).toEqual({ event: 'pusher:connection_established', data: expect.any(String) });
    expect(JSON.parse(message.data)).toEqual({ socket_id: expect.stringMatching(/^\d+\.\d+$/), activity_timeout: 120 });
  });

  test.each(['', 'protocol=', 'protocol=4', 'protocol=5', 'protocol=6', 'protocol=7'])(
    '[PW-067] ?%s connects',
    async query => {
      const { dialRaw } = await startPusher();
      expect((await (await dialRaw(query)).next()).event).toBe('pusher:connection_established');
    },
  );

  test.each([
    ['protocol=3', 4007],
    ['protocol=8', 4007],
    ['protocol=x', 4006],
    ['protocol=7.0', 4006],
    [`protocol=7&version=${'9'.repeat(129)}`, 4006],
  ])('[PW-067] ?%s closes %i', async (query, code) => {
    const { dialRaw } = await startPusher();
    const client = await dialRaw(query);
    expect((await client.closed).code).toBe(code);
    expect(client.rest).toEqual([]);
  });

  test('[PW-068] an unknown key closes 4001, with a reason', async () => {
    const { dialRaw } = await startPusher();
    const { code, reason } = await (await dialRaw('', 'nokey')).closed;
    expect([code, reason]).toEqual([4001, 'No app has the key nokey']);
  });

  test('a key that is not active is not known', async () => {
    const { dialRaw } = await startPusher({ app: { keys: [{ key: appKey, secret: 's', active: false }] } });
    expect((await (await dialRaw()).closed).code).toBe(4001);
  });

  test('a path below the key closes 4005; a trailing slash is taken', async () => {
    const { service, dial, dialRaw } = await startPusher();
    const client = await dial({ url: `${socketUrl(service)}/app/${appKey}/x`, protocols: [] });
    expect((await client.closed).code).toBe(4005);
    expect((await (await dialRaw('', `${appKey}/`)).next()).event).toBe('pusher:connection_established');
  });

  test('[PW-069] a disabled app closes 4003, one over its quota 4004', async () => {
    const disabled = await startPusher({ app: { enabled: false } });
    expect((await (await disabled.dialRaw()).closed).code).toBe(4003);
    const full = await startPusher({ oneProcess: 'limit', app: { limits: { maxConnections: 1 } } });
    await full.open();
    expect((await (await full.dialRaw()).closed).code).toBe(4004);
  });

  test('web pages of other origins close 4009', async () => {
    const { service, dial } = await startPusher({ app: { allowedOrigins: ['https://app.example'] } });
    const from = (headers: Record<string, string>) =>
      dial({ url: `${socketUrl(service)}/app/${appKey}`, protocols: [], headers });
    expect((await (await from({ origin: 'https://other.example' })).closed).code).toBe(4009);
    expect((await (await from({ origin: 'https://app.example' })).next()).event).toBe('pusher:connection_established');
    expect((await (await from({})).next()).event).toBe('pusher:connection_established');
  });

  test('the limits of the node close 4100, after which clients wait', async () => {
    const { open, dialRaw } = await startPusher({ file: { limits: { maxConnections: 1 } } });
    await open();
    expect((await (await dialRaw()).closed).code).toBe(4100);
  });

  test('[PW-069] a shutdown closes 4200, for old clients with a message before', async () => {
    const { service, open, dialRaw } = await startPusher();
    const [current, old] = [await open(), await dialRaw('protocol=5')];
    await old.next();
    const stopped = service.stop();
    expect(await old.next()).toEqual(errorOf(4200));
    expect((await old.closed).code).toBe(4200);
    const { code, reason } = await current.client.closed;
    expect([code, reason]).toEqual([4200, 'The service is shutting down.']);
    expect(current.client.rest).toEqual([]);
    await stopped;
  });

  test('[PW-069] who comes during a stop is closed 4100, with the reason', async () => {
    const clock = new ManualClock();
    const { service, open, dialRaw } = await startPusher({ clock, drainMs: 3_000 });
    await Promise.all(Array.from({ length: 120 }, open)); // which are closed in several waves
    const stopped = service.stop();
    const { code, reason } = await (await dialRaw()).closed;
    expect([code, reason]).toEqual([4100, 'The service is starting or shutting down']);
    await clock.advanceAsync(20_000);
    await stopped;
  });

  test.each([
    ['nokey', 'protocol=5', 4001],
    [appKey, `protocol=4&version=${'1'.repeat(129)}`, 4006],
  ])('[PW §7, row 39] old clients are told of a refusal in a message, too: /app/%s?%s', async (key, query, code) => {
    const { dialRaw } = await startPusher();
    const old = await dialRaw(query, key);
    expect(await old.next()).toEqual(errorOf(code));
    expect((await old.closed).code).toBe(code);
  });

  test('where other nodes are told first: the same, after the 101', async () => {
    const backplane = new RecordingBackplane();
    backplane.ready = settled;
    const { open, dialRaw, service } = await startPusher({ backplane });
    const client = await open();
    expect((await client.subscribe('private-a')).event).toBe('pusher_internal:subscription_succeeded');
    expect((await client.join('presence-a', 'u')).event).toBe('pusher_internal:subscription_succeeded');
    expect((await client.signIn({ id: 'u' })).event).toBe('pusher:signin_success');
    expect((await (await dialRaw('protocol=3')).closed).code).toBe(4007);
    backplane.ready = () => Promise.reject(new Error('no other nodes'));
    expect((await (await dialRaw()).closed).code).toBe(4100);
    expect(service.hubs.size).toBe(1);
  });

  test('a request without an upgrade', async () => {
    const { service } = await startPusher();
    const response = await fetch(`${service.publicUrl}/app/${appKey}`);
    expect([response.status, await response.text()]).toEqual([400, 'Expected a WebSocket upgrade.']);
  });

  test('the path of an endpoint may come first', async () => {
    const { service, dial } = await startPusher({ endpoints: ['https://a.example/hub'] });
    const client = await dial({ url: `${socketUrl(service)}/hub/app/${appKey}`, protocols: [] });
    expect((await client.next()).event).toBe('pusher:connection_established');
  });

  test('[PW-106] no Web PubSub client gets into an app', async () => {
    const { dial, open, publish, service } = await startPusher();
    expect((await dial.refused({ hub: 'app:42' })).status).toBe(400);
    const stranger = await dial({ token: { roles: ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'] } });
    await stranger.next();
    const own = await open();
    await own.subscribe('private-orders');
    await stranger.ask({ type: 'joinGroup', group: 'private-orders', ackId: 1 });
    await stranger.ask({
      type: 'sendToGroup',
      group: 'private-orders',
      data: 'x',
      dataType: 'text',
      noEcho: true,
      ackId: 2,
    });
    publish('private-orders', 'tick', '1');
    expect(await own.settle()).toEqual([{ event: 'tick', channel: 'private-orders', data: '1' }]);
    await stranger.settle();
    expect(stranger.rest).toEqual([]);
    expect(Array.from(service.hubs.all(), ({ name }) => name).sort()).toEqual(['app:42', 'chat']);
  });
});

describe('[PW §3.5] subscriptions', () => {
  test('events reach the subscribers, and nobody else', async () => {
    const { open, publish } = await startPusher();
    const [first, second] = [await open(), await open()];
    expect(await first.subscribe('orders')).toEqual({
      event: 'pusher_internal:subscription_succeeded',
      channel: 'orders',
      data: '{}',
    });
    publish('orders', 'tick', '{"n":1}');
    expect(await first.settle()).toEqual([{ event: 'tick', channel: 'orders', data: '{"n":1}' }]);
    expect(await second.settle()).toEqual([]);
    first.send('pusher:unsubscribe', { channel: 'orders' });
    await first.settle();
    publish('orders', 'tick', '2');
    expect(await first.settle()).toEqual([]);
  });

  test('[PW-070] a private channel: a flipped digit is refused, and the connection goes on', async () => {
    const { open } = await startPusher();
    const client = await open();
    const { auth } = channelAuth(client.socketId, 'private-orders');
    client.send('pusher:subscribe', {
      channel: 'private-orders',
      auth: auth.slice(0, -1) + (auth.endsWith('0') ? '1' : '0'),
    });
    expect(await client.settle()).toEqual([
      {
        event: 'pusher:subscription_error',
        channel: 'private-orders',
        data: { type: 'AuthError', error: expect.any(String), status: 401 },
      },
      errorOf(null),
    ]);
    expect((await client.subscribe('private-orders')).event).toBe('pusher_internal:subscription_succeeded');
  });

  test('[PW-071] a private channel with channel_data', async () => {
    const { open } = await startPusher();
    const client = await open();
    expect((await client.subscribe('private-a', '{"user_id":"u"}')).event).toBe(
      'pusher_internal:subscription_succeeded',
    );
    client.send('pusher:subscribe', {
      channel: 'private-b',
      ...channelAuth(client.socketId, 'private-b'),
      channel_data: null,
    });
    expect((await client.next()).event).toBe('pusher_internal:subscription_succeeded');
  });

  test('[PW-072] a presence signature is over the text as it was sent', async () => {
    const { open } = await startPusher();
    const client = await open();
    const { auth } = channelAuth(client.socketId, 'presence-a', '{"user_id":"u","user_info":{}}');
    client.send('pusher:subscribe', { channel: 'presence-a', auth, channel_data: '{"user_info":{},"user_id":"u"}' });
    expect((await client.next()).data.status).toBe(401);
  });

  test('twice, and an end without a beginning: an error without a code, and nothing changes', async () => {
    const { open, facts, hub } = await startPusher();
    const client = await open();
    await client.subscribe('orders');
    const second = await client.subscribe('orders');
    expect(second.data).toEqual({ code: null, message: 'Existing subscription to channel orders' });
    client.send('pusher:unsubscribe', { channel: 'other' });
    expect((await client.next()).data).toEqual({ code: null, message: 'No current subscription to channel other' });
    expect(facts.filter(({ kind }) => kind === 'joined' || kind === 'left')).toHaveLength(1);
    expect(await hub().countGroup('orders')).toBe(1);
  });

  test('a connection has at most as many channels as the app allows, of whatever kind', async () => {
    const { open } = await startPusher({ app: { limits: { maxChannelsPerConnection: 2 } } });
    const client = await open();
    await client.subscribe('a');
    await client.join('presence-b', 'ann');
    for (const channel of ['c', 'private-c', 'cache-c']) {
      expect(await client.subscribe(channel)).toEqual({
        event: 'pusher:subscription_error',
        channel,
        data: { type: 'LimitReached', error: expect.stringContaining('2 channels'), status: 4100 },
      });
    }
    client.send('pusher:unsubscribe', { channel: 'a' });
    expect((await client.subscribe('c')).event).toBe('pusher_internal:subscription_succeeded');
    expect((await (await open()).subscribe('d')).event).toBe('pusher_internal:subscription_succeeded');
  });

  test('subscribers are told how many there are, where the app has it', async () => {
    const { open, facts } = await startPusher({ app: { enableSubscriptionCount: true } });
    const [first, second] = [await open(), await open()];
    const countOf = (count: number, channel = 'orders') => ({
      event: 'pusher_internal:subscription_count',
      channel,
      data: `{"subscription_count":${count}}`,
    });
    await first.subscribe('orders');
    expect(await first.next()).toEqual(countOf(1));
    await second.subscribe('orders');
    expect(await first.next()).toEqual(countOf(2));
    await second.client.close();
    expect(await first.next()).toEqual(countOf(1));
    await first.join('presence-a', 'u');
    expect(await first.settle()).toEqual([]);
    expect(facts.flatMap(fact => (fact.kind === 'counted' ? [fact.count] : []))).toEqual([1, 2, 1]);
  });
});

describe('[PW §3.6] client events', () => {
  test('[PW-076] reach the others; on presence channels with the member’s id', async () => {
    const { open, facts } = await startPusher();
    const [sender, other] = [await open(), await open()];
    await sender.subscribe('private-c');
    await other.subscribe('private-c');
    sender.send('client-x', { n: 1 }, { channel: 'private-c', user_id: 'forged' });
    expect(await other.next()).toEqual({ event: 'client-x', channel: 'private-c', data: '{"n":1}' });
    await other.join('presence-c', 'b');
    await sender.join('presence-c', 7);
    await other.next(); // member_added
    sender.send('client-y', 'text', { channel: 'presence-c', user_id: 'forged' });
    expect(await other.next()).toEqual({ event: 'client-y', channel: 'presence-c', data: 'text', user_id: '7' });
    expect(await sender.settle()).toEqual([]);
    const events = facts.flatMap(fact => (fact.kind === 'clientEvent' ? [fact] : []));
    expect(events.map(({ group, event, memberId, connection }) => [group, event, memberId, connection.id])).toEqual([
      ['private-c', 'client-x', undefined, sender.socketId],
      ['presence-c', 'client-y', '7', sender.socketId],
    ]);
    expect(events.map(({ payload }) => payload.bytes.toString())).toEqual(['{"n":1}', 'text']);
  });

  test('[PW-077] the 11th within a second is refused', async () => {
    const clock = new ManualClock();
    const { open, facts } = await startPusher({ clock });
    const [sender, other] = [await open(), await open()];
    await sender.subscribe('private-c');
    await other.subscribe('private-c');
    const sendOne = (n: number) => sender.send('client-x', String(n), { channel: 'private-c' });
    for (let n = 1; n <= 10; n += 1) sendOne(n);
    await sender.settle();
    clock.advance(999);
    sendOne(11);
    expect(await sender.settle()).toEqual([errorOf(4301)]);
    clock.advance(1);
    sendOne(12);
    expect(await sender.settle()).toEqual([]);
    const got = (await other.settle()).map(({ data }) => Number(data));
    expect(got).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12]);
    expect(facts.filter(({ kind }) => kind === 'clientEvent')).toHaveLength(11);
  });

  test('[PW-078] names that are not client events; channels of others: refused, and no fact', async () => {
    const { open, facts } = await startPusher();
    const [sender, other] = [await open(), await open()];
    await sender.subscribe('private-c');
    await other.subscribe('private-c');
    await other.subscribe('private-d');
    for (const [event, channel] of [
      ['xclient-y', 'private-c'],
      ['pusher:foo', 'private-c'],
      ['pusher_internal:member_added', 'private-c'],
      ['client-x', 'private-d'],
    ] as const) {
      sender.send(event, {}, { channel });
      expect(await sender.next()).toEqual(errorOf(null));
    }
    expect(await other.settle()).toEqual([]);
    expect(facts.filter(({ kind }) => kind === 'clientEvent')).toEqual([]);
  });

  test('one within the limit is taken, however it is written; a longer message closes 1009', async () => {
    const { open } = await startPusher();
    const [sender, other] = [await open(), await open()];
    await sender.subscribe('private-c');
    await other.subscribe('private-c');
    const data = '\u001f'.repeat(10_240); // six bytes of JSON each
    sender.send('client-x', data, { channel: 'private-c' });
    expect(await other.next()).toEqual({ event: 'client-x', channel: 'private-c', data });
    sender.client.send('x'.repeat(65_536));
    expect(await sender.next()).toEqual(errorOf(null));
    sender.client.send('x'.repeat(65_537));
    expect((await sender.client.closed).code).toBe(1009);
  });

  test('an app with a larger limit takes longer messages', async () => {
    const { open } = await startPusher({ app: { limits: { maxEventBytes: 20_000 } } });
    const client = await open();
    client.client.send('x'.repeat(124_096));
    expect(await client.next()).toEqual(errorOf(null));
    client.client.send('x'.repeat(124_097));
    expect((await client.client.closed).code).toBe(1009);
  });

  test('disabled by the app: refused', async () => {
    const { open } = await startPusher({ app: { enableClientMessages: false } });
    const client = await open();
    await client.subscribe('private-c');
    client.send('client-x', {}, { channel: 'private-c' });
    expect(await client.next()).toEqual(errorOf(null));
  });
});

describe('[PW §3.8] cache channels', () => {
  test.each(['cache-x', 'private-cache-x', 'private-encrypted-cache-x', 'presence-cache-x'])(
    '[PW-080] %s: the last published event comes right after the subscription',
    async channel => {
      const { open, publish } = await startPusher();
      publish(channel, 'first', '1', { keptMs: 1_800_000 });
      publish(channel, 'last', '2', { keptMs: 1_800_000 });
      const [early, late] = [await open(), await open()];
      const subscribe = (client: PusherClient, id: string) =>
        channel.startsWith('presence-') ? client.join(channel, id) : client.subscribe(channel);
      await subscribe(early, 'a');
      expect(await early.next()).toEqual({ event: 'last', channel, data: '2' });
      if (channel !== 'cache-x') {
        early.send('client-x', '3', { channel });
        await early.settle();
      }
      await subscribe(late, 'b');
      expect(await late.next()).toEqual({ event: 'last', channel, data: '2' });
    },
  );

  test('[PW-030] my-cache-x is an ordinary channel', async () => {
    const { open } = await startPusher();
    const client = await open();
    await client.subscribe('my-cache-x');
    expect(await client.settle()).toEqual([]);
  });

  /** Subscribers before and after an event is kept. @returns how many facts of a miss there were after each time */
  async function missing(options: Parameters<typeof startPusher>[0] = {}): Promise<readonly number[]> {
    const clock = new ManualClock();
    const { open, publish, facts, hub } = await startPusher({ clock, ...options });
    const misses: number[] = [];
    const count = () => misses.push(facts.filter(({ kind }) => kind === 'cacheMissed').length);
    const clients = await Promise.all(Array.from({ length: 10 }, open));
    for (const client of clients) {
      await client.subscribe('cache-x');
      expect(await client.next()).toEqual({ event: 'pusher:cache_miss', channel: 'cache-x', data: '{}' });
    }
    count();
    clock.advance(60_000);
    const again = await open();
    await again.subscribe('cache-x');
    count();
    publish('cache-x', 'e', '1', { keptMs: 1_800_000 });
    expect((await hub().lastMessage('cache-x'))?.ttlMs).toBe(1_800_000);
    clock.advance(1_799_999);
    const late = await open();
    await late.subscribe('cache-x');
    expect((await late.next()).event).toBe('e');
    clock.advance(1);
    expect(await hub().lastMessage('cache-x')).toBeUndefined();
    const later = await open();
    await later.subscribe('cache-x');
    expect((await later.next()).event).toBe('pusher:cache_miss');
    count();
    return misses;
  }

  test('a miss: each subscriber is told, until an event is kept', async () => {
    await missing();
  });

  test('a miss: the fact is told once, until an event is kept', async () => {
    expect(await missing({ oneProcess: 'fact' })).toEqual([1, 2, 3]);
  });
});

describe('[PW §3.7] keep-alive', () => {
  test('[PW-081] a silent client is pinged after 120 s, and closed 4201 30 s later', async () => {
    const clock = new ManualClock();
    const { dialRaw, facts } = await startPusher({ clock });
    const client = await PusherClient.on(await dialRaw());
    clock.advance(119_000);
    expect(await client.settle()).toEqual([]);
    clock.advance(120_000); // a silence is seen each second
    expect(await client.settle()).toEqual([]);
    clock.advance(121_000);
    expect(await client.next()).toEqual({ event: 'pusher:ping', data: {} });
    clock.advance(29_000);
    client.send('pusher:pong', {});
    await client.settle();
    clock.advance(121_000);
    expect((await client.next()).event).toBe('pusher:ping');
    clock.advance(30_000);
    expect((await client.client.closed).code).toBe(4201);
    expect(facts.find(({ kind }) => kind === 'closed')).toMatchObject({
      ending: { category: 'PingTimeout', code: 4201 },
    });
  });

  test('[PW-081] pusher:ping is answered; any frame is a sign of life, control frames too', async () => {
    const clock = new ManualClock();
    const { service, dial } = await startPusher({ clock });
    const raw = await rawDial(service, { url: `${socketUrl(service)}/app/${appKey}` });
    await raw.nextFrame(opcodes.text);
    const other = await dial({ url: `${socketUrl(service)}/app/${appKey}`, protocols: [] });
    await other.next();
    for (let round = 0; round < 3; round += 1) {
      clock.advance(119_000);
      raw.send(Buffer.from([0x8a, 0x80, 0, 0, 0, 0])); // an empty pong
      raw.sendText('');
      await raw.nextFrame(opcodes.text);
      other.ws.ping();
      await new Promise(resolve => other.ws.once('pong', resolve));
    }
    expect([raw.rest, other.rest]).toEqual([[], []]);
  });
});

describe('[PW §3.9] users', () => {
  test('[PW-082] [PW-083] [PW-084] sign-in, and what a user is sent', async () => {
    const { open, hub } = await startPusher();
    const [tab, other, stranger, anonymous] = [await open(), await open(), await open(), await open()];
    const user = { id: 'u-19', user_info: { name: 'ann' } };
    expect(await tab.signIn(user)).toEqual({
      event: 'pusher:signin_success',
      data: { user_data: JSON.stringify(user) },
    });
    await other.signIn({ id: 'u-19' });
    await stranger.signIn({ id: 'u-20' });
    expect((await tab.subscribe('#server-to-user-u-19')).event).toBe('pusher_internal:subscription_succeeded');
    expect((await stranger.subscribe('#server-to-user-u-19')).event).toBe('pusher:subscription_error');
    await stranger.settle();
    const payload = { dataType: 'text', bytes: Buffer.from('hi'), metadata: undefined } as const;
    hub().sendToUserAs('u-19', '#server-to-user-u-19', payload, { event: 'note' });
    const note = { event: 'note', channel: '#server-to-user-u-19', data: 'hi' };
    expect([await tab.settle(), await other.settle()]).toEqual([[note], [note]]);
    expect([await stranger.settle(), await anonymous.settle()]).toEqual([[], []]);
  });

  test('a wrong signature, another user: an error 4009, and the connection goes on', async () => {
    const { open } = await startPusher();
    const client = await open();
    client.send('pusher:signin', { ...userAuth(client.socketId, '{"id":"a"}'), user_data: '{"id":"b"}' });
    expect(await client.next()).toEqual(errorOf(4009));
    await client.signIn({ id: 'a' });
    expect(await client.signIn({ id: 'b' })).toEqual(errorOf(4009));
    expect((await client.signIn({ id: 'a' })).event).toBe('pusher:signin_success');
  });

  test('terminated: those who signed in as the user are closed 4009, members of that id stay', async () => {
    const { open, hub } = await startPusher();
    const [signedIn, member] = [await open(), await open()];
    await signedIn.signIn({ id: 'a' });
    await member.join('presence-x', 'a');
    await hub().closeUser('a');
    expect((await signedIn.client.closed).code).toBe(4009);
    expect(await member.settle()).toEqual([]);
  });

  test('[PW-085] watchlists: who is there now, then who comes first and goes last', async () => {
    const { open } = await startPusher();
    const [watcher, first, second] = [await open(), await open(), await open()];
    const events = (...list: [string, string[]][]) => ({
      event: 'pusher_internal:watchlist_events',
      data: { events: list.map(([name, user_ids]) => ({ name, user_ids })) },
    });
    await first.signIn({ id: 'b' });
    expect((await watcher.signIn({ id: 'a', watchlist: ['b', 'c'] })).event).toBe('pusher:signin_success');
    expect(await watcher.next()).toEqual(events(['online', ['b']], ['offline', ['c']]));
    await second.signIn({ id: 'b' });
    await second.client.close();
    expect(await watcher.settle()).toEqual([]);
    await first.client.close();
    expect(await watcher.next()).toEqual(events(['offline', ['b']]));
    const back = await open();
    await back.signIn({ id: 'c' });
    expect(await watcher.next()).toEqual(events(['online', ['c']]));
  });

  test('[PW-086] a watchlist of 101', async () => {
    const { open } = await startPusher();
    const client = await open();
    const watchlist = Array.from({ length: 101 }, (_, at) => `w${at}`);
    expect((await client.signIn({ id: 'a', watchlist })).event).toBe('pusher:signin_success');
    expect(await client.next()).toEqual(errorOf(4302));
    const { data } = await client.next();
    expect(data.events).toEqual([{ name: 'offline', user_ids: watchlist.slice(0, 100) }]);
  });

  test('an app may require that its server vouches for each client in time', async () => {
    const clock = new ManualClock();
    const { open } = await startPusher({ clock, app: { authorizationTimeoutMs: 30_000 } });
    const [nobody, user, member, stranger] = [await open(), await open(), await open(), await open()];
    await user.signIn({ id: 'a' });
    await member.subscribe('private-x');
    await nobody.subscribe('public');
    stranger.send('pusher:subscribe', { channel: 'private-x', auth: 'no' });
    await stranger.settle();
    clock.advance(29_999);
    expect(await nobody.settle()).toEqual([]);
    clock.advance(1);
    expect((await nobody.client.closed).code).toBe(4009);
    expect((await stranger.client.closed).code).toBe(4009);
    expect([await user.settle(), await member.settle()]).toEqual([[], []]);
  });

  test('the time of a client that has left is not waited for', async () => {
    const clock = new ManualClock();
    const { open, hub } = await startPusher({ clock, app: { authorizationTimeoutMs: 86_400_000 } });
    await open(); // with whom the timers of the service begin
    const before = clock.pending;
    for (let count = 0; count < 5; count += 1) {
      const client = await open();
      client.client.ws.close();
      await client.client.closed;
    }
    await eventually(() => expect(hub().size).toBe(1));
    await eventually(() => expect(clock.pending).toBeLessThanOrEqual(before));
  });
});

test('[PW-087] whatever clients do, no connection ends 43xx', async () => {
  const { open } = await startPusher();
  const client = await open();
  await client.subscribe('private-c');
  for (let n = 0; n < 20; n += 1) client.send('client-x', 'x'.repeat(n === 0 ? 10_241 : 1), { channel: 'private-c' });
  for (const text of ['', '[]', '{"event":7}', '{"event":"pusher:subscribe","data":[]}']) client.client.send(text);
  client.client.send(Buffer.from([0, 1]));
  const answers = await client.settle();
  expect(answers).toHaveLength(15);
  expect(answers.every(({ event }) => event === 'pusher:error')).toBe(true);
});

test('what is changed in an app applies to open connections; one that is gone signs nothing', async () => {
  const apps: PusherApp[] = [app];
  const { open } = await startPusher({ apps: appsOf(apps) });
  const client = await open();
  await client.subscribe('private-a');
  apps[0] = { ...app, enableClientMessages: false };
  client.send('client-x', {}, { channel: 'private-a' });
  expect(await client.next()).toEqual(errorOf(null));
  apps.pop();
  expect((await client.subscribe('private-b')).event).toBe('pusher:subscription_error');
});

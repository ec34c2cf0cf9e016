import { once } from 'node:events';
import { connect } from 'node:net';
import Pusher from 'pusher';
import { describe, expect, test } from 'vitest';
import { MemoryBus } from '../../src/backplane/memory.js';
import { parseConfig } from '../../src/config/load.js';
import { observers } from '../../src/hub/observers.js';
import type { ApiAppLimits } from '../../src/pusher-api/apps.js';
import type { Service } from '../../src/service.js';
import { Mailbox } from '../support/mailbox.js';
import { NetworkBus } from '../support/network-bus.js';
import { app, appsOf, PusherClient, socketUrl } from '../support/pusher.js';
import { type RequestParts, signedTarget, type TestApp, testApp } from '../support/pusher-requests.js';
import { type StartOptions, startHub } from '../support/start-hub.js';

const otherApp: TestApp = { id: '43', key: 'otherkey', secret: 'othersecret' };

function configured({ id, key, secret }: TestApp, more: { enabled?: boolean; limits?: ApiAppLimits } = {}) {
  return { ...app, id, keys: [{ key, secret, active: true }], ...more };
}

/** A service with two apps, clients of them, and the server library of the first. */
async function start(options: StartOptions = {}) {
  const { service, dial } = await startHub({ apps: appsOf([configured(testApp), configured(otherApp)]), ...options });
  const open = async ({ key }: TestApp = testApp) =>
    PusherClient.on(await dial({ url: `${socketUrl(service)}/app/${key}`, protocols: [] }));
  return { service, open, pusher: serverLibrary(service) };
}

function serverLibrary(service: Service, { id: appId, key, secret }: TestApp = testApp): Pusher {
  const { hostname: host, port } = new URL(service.publicUrl);
  return new Pusher({ appId, key, secret, host, port });
}

/** Events of the application that the client has been sent since the last look. */
async function heardBy(client: PusherClient): Promise<readonly { channel: string; data: string }[]> {
  return (await client.settle()).filter(({ event }) => !event.startsWith('pusher'));
}

/** Two nodes of one service, each with a server library that calls it. */
async function startTwo() {
  const bus = new MemoryBus();
  const east = await start({ backplane: bus.connect() });
  const west = await start({ backplane: bus.connect() });
  return { east, west };
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** A request that is signed by the rules of the documents. */
async function call(
  service: Service,
  parts: RequestParts & { readonly sentBody?: string; readonly headers?: Record<string, string> },
  app?: TestApp,
): Promise<Answer> {
  const { method, body, sentBody = body, headers = {} } = parts;
  const response = await fetch(service.publicUrl + signedTarget(parts, app), {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(sentBody !== undefined && { body: sentBody }),
  });
  return { status: response.status, body: await response.json() };
}

const post = (service: Service, path: string, fields: unknown) =>
  call(service, { method: 'POST', path, body: JSON.stringify(fields) });

/** What the library rejects with. */
interface Rejection {
  readonly message: string;
  readonly status: number;
  readonly body: string;
}

function rejectionOf(calling: Promise<unknown>): Promise<Rejection> {
  return calling.then(
    () => Promise.reject(new Error('the call succeeded')),
    (error: Rejection) => error,
  );
}

async function bodyOf(response: Promise<{ json(): Promise<unknown> }>): Promise<unknown> {
  return (await response).json();
}

const event = { name: 'tick', channels: ['orders-7'], data: '{"n":1}' };

describe('events', () => {
  test('[PW-088] without info are answered with {}, one and several', async () => {
    const { pusher } = await start();
    const response = await pusher.trigger('orders-7', 'tick', { n: 1 });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await response.text()).toBe('{}');
    const batch = await pusher.triggerBatch([{ channel: 'a', name: 'tick', data: { n: 1 } }]);
    expect(await batch.text()).toBe('{}');
  });

  test.each(['garbage', 'text', '', 'multipart/form-data', 'application/x-www-form-urlencoded'])(
    'are JSON whatever media type the request names: %j',
    async type => {
      const { service } = await start();
      const body = JSON.stringify({ name: 'e', channel: 'c', data: '1' });
      const headers = { 'content-type': type };
      expect(await call(service, { method: 'POST', path: '/apps/42/events', body, headers })).toEqual({
        status: 200,
        body: {},
      });
    },
  );

  test('[PW-104] with data of any kind are delivered as strings', async () => {
    const { service, open } = await start();
    const client = await open();
    await client.subscribe('orders-7');
    for (const [data, delivered] of [
      [{ n: 1, a: [] }, '{"n":1,"a":[]}'],
      ['{"n":1}', '{"n":1}'],
      ['text', 'text'],
      [null, 'null'],
      [7, '7'],
      ['', ''],
    ] as const) {
      expect(await post(service, '/apps/42/events', { ...event, data })).toEqual({ status: 200, body: {} });
      expect(await client.next()).toEqual({ event: 'tick', channel: 'orders-7', data: delivered });
    }
  });

  test('count for the message quota of the app with their receivers, as those of clients do (pusher-webhooks 4.3)', async () => {
    const apps = appsOf([configured(testApp, { limits: { maxMessagesPerDay: 5 } }), configured(otherApp)]);
    const { pusher, service, open } = await start({ apps, oneProcess: 'limit' });
    const [sender, receiver] = [await open(), await open()];
    for (const client of [sender, receiver]) await client.subscribe('private-c');
    await pusher.trigger('private-c', 'tick', {}); // 3 messages: the event, and two that receive it
    sender.send('client-x', {}, { channel: 'private-c' }); // and 2
    while ((await receiver.next()).event !== 'client-x');
    const error = 'App 42 is over its quota of 5 messages a day; the next day begins at 00:00 UTC.';
    expect(await post(service, '/apps/42/events', event)).toEqual({ status: 403, body: { error, code: 403 } });
    expect(await rejectionOf(pusher.trigger('private-c', 'tick', {}))).toMatchObject({ status: 403 });
    expect((await pusher.get({ path: '/channels' })).status).toBe(200);
    expect((await serverLibrary(service, otherApp).trigger('c', 'tick', {})).status).toBe(200);
    sender.send('client-y', {}, { channel: 'private-c' });
    expect(await receiver.next()).toMatchObject({ event: 'client-y' });
  });

  test('with numbers that lose no digits', async () => {
    const { service, open } = await start();
    const client = await open();
    await client.subscribe('orders-7');
    const body = '{"name":"tick","channel":"orders-7","data":{"id":12345678901234567890,"x":1.0}}';
    expect(await call(service, { method: 'POST', path: '/apps/42/events', body })).toMatchObject({ status: 200 });
    expect((await client.next()).data).toBe('{"id":12345678901234567890,"x":1.0}');
  });

  test('reach the subscribers of each of their channels, once, and of no other app', async () => {
    const { pusher, open } = await start();
    const [one, both, elsewhere] = [await open(), await open(), await open(otherApp)];
    await one.subscribe('a');
    await both.subscribe('a');
    await both.subscribe('b');
    await elsewhere.subscribe('a');
    await pusher.trigger(['a', 'b', 'a'], 'tick', 'x');
    expect(await heardBy(one)).toEqual([{ event: 'tick', channel: 'a', data: 'x' }]);
    expect((await heardBy(both)).map(({ channel }) => channel)).toEqual(['a', 'b']);
    expect(await heardBy(elsewhere)).toEqual([]);
  });

  test('[PW-100] have up to 10,240 bytes of data', async () => {
    const { service, pusher } = await start();
    expect((await pusher.trigger('a', 'tick', 'x'.repeat(10_240))).status).toBe(200);
    const refused = await rejectionOf(pusher.trigger('a', 'tick', 'x'.repeat(10_241)));
    expect(refused).toMatchObject({ message: 'Unexpected status code 413', status: 413 });
    expect(JSON.parse(refused.body)).toEqual({ code: 413, error: expect.stringContaining('10241 bytes') });
    const batch = [{ name: 'tick', channel: 'a', data: 'é'.repeat(5_121) }];
    expect(await post(service, '/apps/42/batch_events', { batch })).toMatchObject({ status: 413 });
  });

  test('[PW-101] go to up to 100 channels, and come in batches of up to 10, of which none is published otherwise', async () => {
    const { service, pusher, open } = await start();
    const client = await open();
    await client.subscribe('c0');
    const channels = Array.from({ length: 101 }, (_, index) => `c${index}`);
    expect(await post(service, '/apps/42/events', { ...event, channels })).toMatchObject({
      status: 400,
      body: { code: 400 },
    });
    const item = { name: 'tick', channel: 'c0', data: '' };
    expect(await rejectionOf(pusher.triggerBatch(Array(11).fill(item)))).toMatchObject({ status: 400 });
    expect(await rejectionOf(pusher.triggerBatch([item, { ...item, name: 'pusher:x' }]))).toMatchObject({
      status: 400,
    });
    expect(await rejectionOf(pusher.triggerBatch([item, { ...item, data: 'x'.repeat(10_241) }]))).toMatchObject({
      status: 413,
    });
    expect(await heardBy(client)).toEqual([]);
    await pusher.trigger(channels.slice(0, 100), 'tick', '');
    expect(await heardBy(client)).toHaveLength(1);
    await pusher.triggerBatch(Array(10).fill(item));
    expect(await heardBy(client)).toHaveLength(10);
  });

  test.each(['pusher:x', 'pusher_internal:x', '', 'x'.repeat(201), 'a\u0007'])(
    '[PW-105] named %j are refused',
    async name => {
      const { service } = await start();
      expect(await post(service, '/apps/42/events', { ...event, name })).toMatchObject({
        status: 400,
        body: { code: 400, error: expect.stringContaining('name') },
      });
    },
  );

  test.each([
    ['no channel', { ...event, channels: undefined }],
    ['a bad channel', { ...event, channels: ['a b'] }],
    ['no data', { ...event, data: undefined }],
    ['no name', { ...event, name: undefined }],
    ['a bad socket id', { ...event, socket_id: 'x' }],
    ['a bad attribute', { ...event, info: 'nonsense' }],
    ['no object', [event]],
  ])('with %s are refused with status 400', async (_what, fields) => {
    const { service } = await start();
    expect(await post(service, '/apps/42/events', fields)).toMatchObject({ status: 400, body: { code: 400 } });
  });

  test('may stand in the query', async () => {
    const { service, open } = await start();
    const client = await open();
    await client.subscribe('orders-7');
    const query = [
      ['name', 'tick'],
      ['data', 'a b'],
      ['channels[]', 'other'],
      ['channels[]', 'orders-7'],
    ] as const;
    expect(await call(service, { method: 'POST', path: '/apps/42/events', query })).toEqual({ status: 200, body: {} });
    expect(await client.next()).toMatchObject({ data: 'a b' });
  });
});

describe('info', () => {
  let pusher: Pusher;

  const subscribed = async () => {
    const { open, ...started } = await start();
    ({ pusher } = started);
    const [ann, tab, bob] = [await open(), await open(), await open()];
    await ann.join('presence-room', 'ann');
    await tab.join('presence-room', 'ann');
    await bob.join('presence-room', 7);
    await bob.subscribe('orders-7');
    return { ann, tab, bob };
  };

  test('[PW-090] of an event is counted per channel, whoever receives it', async () => {
    const { bob } = await subscribed();
    const channels = ['presence-room', 'orders-7', 'empty', 'presence-empty'];
    const params = { info: 'user_count,subscription_count', socket_id: bob.socketId };
    expect(await bodyOf(pusher.trigger(channels, 'tick', '', params))).toEqual({
      channels: {
        'presence-room': { user_count: 2, subscription_count: 3 },
        'orders-7': { subscription_count: 1 },
        empty: { subscription_count: 0 },
        'presence-empty': { user_count: 0, subscription_count: 0 },
      },
    });
  });

  test('[PW-091] of a batch stands at the index of its event', async () => {
    await subscribed();
    const batch = [
      { name: 'tick', channel: 'orders-7', data: '' },
      { name: 'tick', channel: 'presence-room', data: '', info: 'user_count' },
      { name: 'tick', channel: 'orders-7', data: '', info: 'subscription_count' },
      { name: 'tick', channel: 'orders-7', data: '', info: 'user_count' },
    ];
    expect(await bodyOf(pusher.triggerBatch(batch))).toEqual({
      batch: [{}, { user_count: 2 }, { subscription_count: 1 }, {}],
    });
  });

  test('of members is counted when two tabs close in one turn', async () => {
    const { ann, tab } = await subscribed();
    ann.client.ws.close();
    tab.client.ws.close();
    await Promise.all([ann, tab].map(({ client }) => client.closed));
    await expect
      .poll(() => bodyOf(pusher.get({ path: '/channels/presence-room', params: { info: 'user_count' } })))
      .toEqual({ occupied: true, user_count: 1 });
  });
});

describe('channels', () => {
  test('[PW-092] are listed while they are occupied, and not while they only linger', async () => {
    const { service, pusher, open } = await start();
    const client = await open();
    await client.signIn({ id: 'ann' });
    await client.subscribe('#server-to-user-ann');
    await client.join('presence-a', 'ann');
    await client.join('presence-b', 'ann');
    await client.subscribe('public');
    expect(await bodyOf(pusher.get({ path: '/channels' }))).toEqual({
      channels: { 'presence-a': {}, 'presence-b': {}, public: {} },
    });
    const params = { filter_by_prefix: 'presence-', info: 'user_count,subscription_count' };
    expect(await bodyOf(pusher.get({ path: '/channels', params }))).toEqual({
      channels: {
        'presence-a': { user_count: 1, subscription_count: 1 },
        'presence-b': { user_count: 1, subscription_count: 1 },
      },
    });
    client.send('pusher:unsubscribe', { channel: 'presence-b' });
    await client.settle();
    expect(await bodyOf(pusher.get({ path: '/channels', params: { filter_by_prefix: 'presence-' } }))).toEqual({
      channels: { 'presence-a': {} },
    });
    expect(await bodyOf(serverLibrary(service, otherApp).get({ path: '/channels' }))).toEqual({ channels: {} });
  });

  test('[PW-093] that are unknown are not occupied', async () => {
    const { pusher } = await start();
    const response = await pusher.get({ path: '/channels/x' });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ occupied: false });
    const params = { info: 'user_count,subscription_count' };
    expect(await bodyOf(pusher.get({ path: '/channels/presence-x', params }))).toEqual({
      occupied: false,
      user_count: 0,
      subscription_count: 0,
    });
  });

  test('[PW-094] are listed with user_count only by a prefix of presence channels', async () => {
    const { pusher } = await start();
    for (const params of [{ info: 'user_count' }, { info: 'user_count', filter_by_prefix: 'pres' }]) {
      expect(await rejectionOf(pusher.get({ path: '/channels', params }))).toMatchObject({ status: 400 });
    }
    const params = { info: 'user_count', filter_by_prefix: 'presence-' };
    expect(await bodyOf(pusher.get({ path: '/channels', params }))).toEqual({ channels: {} });
  });

  test('[PW-095] without members have no users', async () => {
    const { pusher, open } = await start();
    const refused = await rejectionOf(pusher.get({ path: '/channels/private-a/users' }));
    expect(refused).toMatchObject({ message: 'Unexpected status code 400', status: 400 });
    const client = await open();
    await client.join('presence-a', 7);
    expect(await bodyOf(pusher.get({ path: '/channels/presence-a/users' }))).toEqual({ users: [{ id: '7' }] });
    expect(await bodyOf(pusher.get({ path: '/channels/presence-b/users' }))).toEqual({ users: [] });
  });

  test('tell their last event, if they keep one', async () => {
    const { pusher } = await start();
    const get = (channel: string) => bodyOf(pusher.get({ path: `/channels/${channel}`, params: { info: 'cache' } }));
    expect(await get('cache-a')).toEqual({ occupied: false, cache: null });
    await pusher.trigger(['cache-a', 'private-cache-a'], 'tick', { n: 1 });
    expect(await get('cache-a')).toEqual({ occupied: false, cache: { data: '{"n":1}', ttl: 1_800 } });
    expect(await get('private-cache-a')).toMatchObject({ cache: { data: '{"n":1}' } });
    expect(await rejectionOf(get('my-cache-a'))).toMatchObject({ status: 400 });
  });
});

describe('signatures', () => {
  let service: Service;
  const now = () => Math.floor(Date.now() / 1_000);
  const channels = { method: 'GET', path: '/apps/42/channels' } as const;
  const starting = async () => ({ service } = await start());

  test('[PW-096] are valid for ten minutes', async () => {
    await starting();
    expect(await call(service, { ...channels, now: now() - 599 })).toMatchObject({ status: 200 });
    expect(await call(service, { ...channels, now: now() + 599 })).toMatchObject({ status: 200 });
    for (const seconds of [-602, 602]) {
      expect(await call(service, { ...channels, now: now() + seconds })).toMatchObject({
        status: 401,
        body: {
          code: 401,
          error: expect.stringMatching(/^Timestamp expired: Given timestamp \(\d+\) not within 600s/),
        },
      });
    }
  });

  test('[PW-097] of a GET may have the digest of an empty body, and no other', async () => {
    await starting();
    const of = (body_md5: string) => call(service, { ...channels, auth: { body_md5 } });
    expect(await of('d41d8cd98f00b204e9800998ecf8427e')).toMatchObject({ status: 200 });
    expect(await of('1c7264075d67b0ad90abf0f58deae41a')).toMatchObject({ status: 401 });
  });

  test('[PW-098] are of the body that is sent', async () => {
    await starting();
    const parts = { method: 'POST', path: '/apps/42/events', body: JSON.stringify(event) } as const;
    expect(await call(service, parts)).toMatchObject({ status: 200 });
    const altered = { ...parts, sentBody: parts.body.replace('tick', 'tock') };
    expect(await call(service, altered)).toMatchObject({ status: 401, body: { code: 401 } });
    expect(await call(service, { ...parts, auth: { body_md5: undefined } })).toMatchObject({ status: 401 });
  });

  test('[PW-099] are of a key of the app in the path', async () => {
    await starting();
    expect(await call(service, { method: 'GET', path: '/apps/43/channels' })).toMatchObject({ status: 401 });
    expect(await call(service, { method: 'GET', path: '/apps/43/channels' }, otherApp)).toMatchObject({ status: 200 });
    expect(await call(service, channels, { ...testApp, key: 'unknown' })).toMatchObject({ status: 401 });
    expect(await call(service, { method: 'GET', path: '/apps/44/channels' })).toMatchObject({ status: 404 });
  });

  test('are needed', async () => {
    await starting();
    const answer = await fetch(`${service.publicUrl}/apps/42/events`, { method: 'POST', body: JSON.stringify(event) });
    expect(answer.status).toBe(401);
    expect(await answer.json()).toEqual({ code: 401, error: expect.stringContaining('auth_key') });
  });

  test('of a disabled app are refused with 403', async () => {
    const { service } = await start({ apps: appsOf([configured(testApp, { enabled: false })]) });
    expect(await call(service, channels)).toMatchObject({ status: 403, body: { code: 403 } });
  });
});

describe('users', () => {
  test('[PW-084] are sent events to all their connections that signed in, subscribed or not, on every node', async () => {
    const { east, west } = await startTwo();
    const [mine, tab, presentOnly, other] = [
      await east.open(),
      await west.open(),
      await east.open(),
      await west.open(),
    ];
    await mine.signIn({ id: 'ann' });
    await mine.subscribe('#server-to-user-ann');
    await tab.signIn({ id: 'ann' });
    await presentOnly.join('presence-a', 'ann');
    await other.signIn({ id: 'bob' });
    for (const client of [mine, tab, presentOnly, other]) await client.subscribe('all');
    await east.pusher.sendToUser('ann', 'tick', { n: 1 });
    const tick = { event: 'tick', channel: '#server-to-user-ann', data: '{"n":1}' };
    expect(await heardBy(mine)).toEqual([tick]);
    expect(await heardBy(tab)).toEqual([tick]);
    expect(await heardBy(presentOnly)).toEqual([]);
    expect(await heardBy(other)).toEqual([]);
  });

  test('[PW-103] are disconnected with 4009 where they signed in, and nowhere else', async () => {
    const { east, west } = await startTwo();
    const [mine, tab, presentOnly, other] = [
      await east.open(),
      await west.open(),
      await east.open(),
      await east.open(),
    ];
    await mine.signIn({ id: 'ann' });
    await tab.signIn({ id: 'ann' });
    await other.signIn({ id: 'bob' });
    await presentOnly.join('presence-a', 'ann');
    const response = await west.pusher.terminateUserConnections('ann');
    expect(await response.text()).toBe('{}');
    expect(await mine.client.closed).toMatchObject({ code: 4009 });
    expect(await tab.client.closed).toMatchObject({ code: 4009 });
    expect(await heardBy(presentOnly)).toEqual([]);
    await other.settle();
  });

  test.each(['a b', 'a%2Fb', 'nobody', 'é'])(
    '[PW-103] %s need not be connected, however the path is written',
    async id => {
      const { pusher } = await start();
      const response = await pusher.terminateUserConnections(id);
      expect(response.status).toBe(200);
      expect(await response.text()).toBe('{}');
    },
  );
});

describe('two nodes', () => {
  test('[PW-102] do not send to the excluded connection, wherever it is', async () => {
    const { east, west } = await startTwo();
    const [mine, theirs] = [await east.open(), await west.open()];
    for (const client of [mine, theirs]) await client.subscribe('a');
    for (const { pusher } of [east, west]) await pusher.trigger('a', 'tick', '', { socket_id: mine.socketId });
    await west.pusher.trigger('a', 'tick', '', { socket_id: '1.2' }); // of nobody
    await west.pusher.triggerBatch([{ channel: 'a', name: 'tick', data: '', socket_id: theirs.socketId }]);
    expect(await heardBy(mine)).toHaveLength(2);
    expect(await heardBy(theirs)).toHaveLength(3);
  });

  test('count connections once each and members once together', async () => {
    const { east, west } = await startTwo();
    const clients = await Promise.all([east, east, west, west].map(({ open }) => open()));
    const ids = ['ann', 'bob', 'ann', 'dan'];
    for (const [index, client] of clients.entries()) {
      await client.join('presence-a', ids[index] as string);
    }
    await clients[3]?.join('presence-west', 'dan');
    const counted = { user_count: 3, subscription_count: 4 };
    const info = 'user_count,subscription_count';
    for (const { pusher } of [east, west]) {
      expect(await bodyOf(pusher.get({ path: '/channels/presence-a', params: { info } }))).toEqual({
        occupied: true,
        ...counted,
      });
      const params = { info, filter_by_prefix: 'presence-' };
      expect(await bodyOf(pusher.get({ path: '/channels', params }))).toEqual({
        channels: { 'presence-a': counted, 'presence-west': { user_count: 1, subscription_count: 1 } },
      });
      expect(await bodyOf(pusher.trigger('presence-a', 'tick', '', { info }))).toEqual({
        channels: { 'presence-a': counted },
      });
      const { users } = (await bodyOf(pusher.get({ path: '/channels/presence-a/users' }))) as {
        users: { id: string }[];
      };
      expect(users.map(({ id }) => id).sort()).toEqual(['ann', 'bob', 'dan']);
    }
  });

  test('answer 503 when counts are not known, and publish nothing then', async () => {
    const bus = new NetworkBus();
    const [eastEnd, westEnd] = [bus.connect(), bus.connect()];
    const east = await start({ backplane: eastEnd });
    const west = await start({ backplane: westEnd });
    const [mine, theirs] = [await east.open(), await west.open()];
    for (const client of [mine, theirs]) await client.join('presence-a', client.socketId);
    westEnd.isSilent = true;
    const params = { info: 'subscription_count' };
    const triggered = await rejectionOf(east.pusher.trigger('presence-a', 'tick', '', params));
    expect(triggered).toMatchObject({ status: 503 });
    expect(JSON.parse(triggered.body)).toMatchObject({ code: 503 });
    for (const path of ['/channels', '/channels/presence-a', '/channels/presence-a/users']) {
      expect(await rejectionOf(east.pusher.get({ path }))).toMatchObject({ status: 503 });
    }
    westEnd.isSilent = false;
    for (const client of [mine, theirs]) expect(await heardBy(client)).toEqual([]);
  });
});

describe('requests', () => {
  let service: Service;

  /** Bytes on a connection of their own, and what came until it was closed. */
  async function exchange(head: string, body = ''): Promise<string> {
    const socket = connect(Number(new URL(service.publicUrl).port), '127.0.0.1');
    let received = '';
    socket.setEncoding('utf8').on('data', text => {
      received += text;
    });
    socket.write(`${head}\r\n\r\n${body}`);
    await once(socket, 'close');
    return received;
  }

  const body = JSON.stringify(event);
  const target = () => signedTarget({ method: 'POST', path: '/apps/42/events', body });

  test('with a body in chunks are served', async () => {
    ({ service } = await start());
    const chunks = [body.slice(0, 9), body.slice(9)].map(text => `${text.length.toString(16)}\r\n${text}\r\n`);
    const head = `POST ${target()} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\nTransfer-Encoding: chunked`;
    expect(await exchange(head, `${chunks.join('')}0\r\n\r\n`)).toMatch(/^HTTP\/1\.1 200 [\s\S]*\{\}/);
  });

  test('of HTTP/1.0 are served', async () => {
    ({ service } = await start());
    const head = `POST ${target()} HTTP/1.0\r\nContent-Length: ${body.length}`;
    expect(await exchange(head, body)).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\n\r\n\{\}$/);
    const get = `GET ${signedTarget({ method: 'GET', path: '/apps/42/channels' })} HTTP/1.0`;
    expect(await exchange(get)).toMatch(/^HTTP\/1\.1 200 [\s\S]*\{"channels":\{\}\}/);
  });

  test('with an absolute target are served', async () => {
    ({ service } = await start());
    const url = `http://hub${signedTarget({ method: 'GET', path: '/apps/42/channels' })}`;
    const head = `GET ${url} HTTP/1.1\r\nHost: hub\r\nConnection: close`;
    expect(await exchange(head)).toMatch(/^HTTP\/1\.1 200 /);
  });

  test.each(['', 'text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=utf-8'])(
    'of content type %j are read as JSON',
    async type => {
      ({ service } = await start());
      const line = type === '' ? '' : `\r\nContent-Type: ${type}`;
      const head = `POST ${target()} HTTP/1.1\r\nHost: hub\r\nConnection: close${line}\r\nContent-Length: ${body.length}`;
      expect(await exchange(head, body)).toMatch(/^HTTP\/1\.1 200 /);
    },
  );

  test('stand under the path of each endpoint too, whether or not a proxy takes it away, with one trailing slash', async () => {
    ({ service } = await start({ endpoints: ['https://hub.example/realtime', 'https://other.example'] }));
    const path = '/realtime/apps/42/channels';
    expect(await call(service, { method: 'GET', path })).toMatchObject({ status: 200 });
    expect(await call(service, { method: 'GET', path, sentPath: '/apps/42/channels' })).toMatchObject({ status: 200 });
    expect(await call(service, { method: 'GET', path: '/apps/42/channels', sentPath: path })).toMatchObject({
      status: 200,
    });
    expect(await call(service, { method: 'GET', path: '/apps/42/channels/' })).toMatchObject({ status: 200 });
    expect(await call(service, { method: 'GET', path: '/other/apps/42/channels' })).toMatchObject({ status: 404 });
    expect(await post(service, '/apps/42/events/', event)).toMatchObject({ status: 200 });
    expect(await post(service, '/apps/42/events//', event)).toMatchObject({ status: 404 });
  });

  test('to which a proxy has added the offer of a WebSocket are served', async () => {
    ({ service } = await start());
    const head = `POST ${target()} HTTP/1.1\r\nHost: hub\r\nContent-Length: ${body.length}\r\nUpgrade: websocket`;
    expect(await exchange(`${head}\r\nConnection: close, Upgrade`, body)).toMatch(/^HTTP\/1\.1 200 [\s\S]*\{\}$/);
  });

  test('with a body that is too large are answered, whether or not its length is announced', async () => {
    ({ service } = await start());
    const path = '/apps/42/events';
    const large = JSON.stringify({ ...event, data: 'x'.repeat(3_000_000) });
    expect(await call(service, { method: 'POST', path, body: large })).toMatchObject({
      status: 413,
      body: { code: 413 },
    });
    const signed = signedTarget({ method: 'POST', path, body: large });
    const head = `POST ${signed} HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked`;
    const chunks = `${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`;
    expect(await exchange(head, chunks)).toMatch(/^HTTP\/1\.1 413 [\s\S]*"code":413\}/);
  });

  test('are measured by operation, also those whose client goes before their body is complete', async () => {
    const finished = new Mailbox<readonly [operation: string, status: number]>();
    const restCallFinished = (operation: string, status: number) => finished.put([operation, status]);
    ({ service } = await start({ observer: observers({ restCallFinished }) }));
    await post(service, '/apps/42/events', event);
    expect(await finished.take()).toEqual(['PusherApi_Trigger', 200]);
    const socket = connect(Number(new URL(service.publicUrl).port), '127.0.0.1');
    const head = `POST ${target()} HTTP/1.1\r\nHost: hub\r\nContent-Length: ${body.length}`;
    socket.end(`${head}\r\n\r\n${body.slice(0, 9)}`);
    const ofApi = ([operation]: readonly [string, number]) => operation !== 'other'; // half a request is none either
    expect(await finished.take(ofApi)).toEqual(['PusherApi_Trigger', 400]);
  });

  test('beyond the rate of the app are answered with 429 and the time to wait', async () => {
    const apps = appsOf([configured(testApp, { limits: { maxBackendEventsPerSecond: 1 } })]);
    ({ service } = await start({ apps, oneProcess: 'limit' }));
    expect(await post(service, '/apps/42/events', { ...event, channels: ['a', 'b', 'c', 'd'] })).toMatchObject({
      status: 200,
    });
    const refused = await fetch(service.publicUrl + target(), { method: 'POST', body });
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(2);
  });

  test('to an app that is not configured find none', async () => {
    const { service } = await startHub();
    const answer = await fetch(service.publicUrl + signedTarget({ method: 'GET', path: '/apps/42/channels' }));
    expect(answer.status).toBe(404);
  });
});

test('apps are those of hubs.yaml, with their keys and limits, also after a change', async () => {
  const file = (more: object) => ({ apps: [{ ...testApp, ...more }] });
  const { service } = await startHub({ file: file({ max_event_payload_in_kb: 0.5, max_event_batch_size: 1 }) });
  const send = (data: string, signer = testApp) => {
    const body = JSON.stringify({ ...event, data });
    return call(service, { method: 'POST', path: '/apps/42/events', body }, signer);
  };
  expect(await send('x'.repeat(512))).toEqual({ status: 200, body: {} });
  expect(await send('x'.repeat(513))).toMatchObject({ status: 413 });
  const item = { name: 'tick', channel: 'a', data: '' };
  expect(await post(service, '/apps/42/batch_events', { batch: [item, item] })).toMatchObject({ status: 400 });
  const reload = (more: object) =>
    service.reload(parseConfig(JSON.stringify({ ...file(more), hubs: {} }), { file: 'hubs.yaml', env: {} }));
  const next = { ...testApp, key: 'nextkey', secret: 'nextsecret' };
  const keys = [{ ...testApp, active: false }, next].map(({ id, ...key }) => key);
  await reload({ key: undefined, secret: undefined, keys });
  expect(await send('x'.repeat(513))).toMatchObject({ status: 401 });
  expect(await send('x'.repeat(513), next)).toMatchObject({ status: 200 });
  await reload({ enabled: false });
  expect(await send('x')).toMatchObject({ status: 403 });
});

describe('[PW-089] what the suite of the server library calls', () => {
  let pusher: Pusher;
  const starting = async () => {
    const { service } = await start();
    const { port } = new URL(service.publicUrl);
    pusher = Pusher.forURL(`http://${testApp.key}:${testApp.secret}@127.0.0.1:${port}/apps/${testApp.id}`);
  };

  test('GET channels, GET a channel, GET users, POST events and batches', async () => {
    await starting();
    expect(await bodyOf(pusher.get({ path: '/channels', params: {} }))).toEqual({ channels: expect.any(Object) });
    expect(await bodyOf(pusher.get({ path: '/channels/CHANNEL', params: {} }))).toMatchObject({ occupied: false });
    const refused = await rejectionOf(pusher.get({ path: '/channels/CHANNEL/users', params: {} }));
    expect(refused).toMatchObject({ status: 400 });
    expect(await bodyOf(pusher.trigger('integration', 'event', 'test'))).toEqual({});
    const batch = ['integration', 'integration2'].map(channel => ({ name: 'event', channel, data: 'test' }));
    expect(await bodyOf(pusher.triggerBatch(batch))).toEqual({});
  });
});

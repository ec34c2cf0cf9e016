import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { PubSubError } from '../../../src/errors.js';
import { createApiServer } from '../../support/pusher-api-server.js';
import { signedTarget } from '../../support/pusher-requests.js';

const event = { name: 'tick', channels: ['orders-7'], data: 'x' };
const unknown = new PubSubError('unknown', 'nodes of the service did not answer (b)');

describe('an event', () => {
  test('is published to each of its channels, and answered with {}', async () => {
    const { post, channels } = createApiServer();
    const answer = await post('/apps/42/events', { ...event, channels: ['a', 'b'], socket_id: '1.2' });
    expect(answer).toMatchObject({ status: 200, body: {} });
    expect(answer.body).toEqual({});
    const published = { name: 'tick', data: Buffer.from('x'), exceptSocketId: '1.2' };
    expect(channels.published).toEqual([
      { channel: 'a', ...published },
      { channel: 'b', ...published },
    ]);
  });

  test('with info is answered for each distinct channel', async () => {
    const { post, channels } = createApiServer();
    channels.counted.push(
      { name: 'presence-a', subscriptions: 3, userIds: ['ann', 'bob'] },
      { name: 'b', subscriptions: 2, userIds: [] },
    );
    const fields = { ...event, channels: ['presence-a', 'b', 'empty', 'presence-e', 'b'] };
    const { body } = await post('/apps/42/events', { ...fields, info: 'user_count, subscription_count' });
    expect(body).toEqual({
      channels: {
        'presence-a': { user_count: 2, subscription_count: 3 },
        b: { subscription_count: 2 },
        empty: { subscription_count: 0 },
        'presence-e': { user_count: 0, subscription_count: 0 },
      },
    });
    expect(channels.published).toHaveLength(4);
  });

  test('with info is not published when the counts are not known', async () => {
    const { post, channels } = createApiServer();
    channels.failure = unknown;
    const answer = await post('/apps/42/events', { ...event, info: 'subscription_count' });
    expect(answer).toMatchObject({ status: 503, body: { code: 503, error: unknown.message } });
    expect(answer.headers['retry-after']).toBe('1');
    expect(channels.published).toEqual([]);
  });

  test('that is not accepted is 503', async () => {
    const { post, channels } = createApiServer();
    channels.failure = unknown;
    expect(await post('/apps/42/events', event)).toMatchObject({ status: 503 });
  });

  test('that is compressed is 415, and says so', async () => {
    const { raw, channels } = createApiServer();
    const body = JSON.stringify(event);
    const target = signedTarget({ method: 'POST', path: '/apps/42/events', body });
    const answer = await raw('POST', target, gzipSync(body), { 'content-encoding': 'gzip' });
    const error = 'The Content-Encoding "gzip" is not supported; send the body without one.';
    expect(answer).toMatchObject({ status: 415, body: { error, code: 415 } });
    expect(channels.published).toEqual([]);
  });

  test('of 10,241 bytes is 413', async () => {
    const { post, channels } = createApiServer();
    const answer = await post('/apps/42/events', { ...event, data: 'x'.repeat(10_241) });
    expect(answer).toMatchObject({ status: 413, body: { code: 413 } });
    expect(channels.published).toEqual([]);
  });

  test('of more bytes than any body may have is 413', async () => {
    const { post } = createApiServer();
    const answer = await post('/apps/42/events', { ...event, data: 'x'.repeat(3_000_000) });
    expect(answer).toMatchObject({ status: 413, body: { error: 'The body has more than 2097152 bytes.' } });
  });

  test('of the largest size of its app is published, however it is written', async () => {
    const { call, channels } = createApiServer({ limits: { maxEventBytes: 1_000_000 } });
    const data = '\\u0000'.repeat(1_000_000);
    const body = `{"name":"tick","channel":"a","data":"${data}"}`;
    expect(await call({ method: 'POST', path: '/apps/42/events', body })).toMatchObject({ status: 200 });
    expect(channels.published[0]?.data).toHaveLength(1_000_000);
  });
});

describe('a batch', () => {
  const item = { name: 'tick', channel: 'a', data: 'x' };

  test('is answered by index when any event has info', async () => {
    const { post, channels } = createApiServer();
    channels.counted.push({ name: 'presence-b', subscriptions: 3, userIds: ['ann'] });
    const batch = [
      item,
      { ...item, channel: 'presence-b', info: 'user_count' },
      { ...item, info: 'subscription_count' },
    ];
    const { body } = await post('/apps/42/batch_events', { batch });
    expect(body).toEqual({ batch: [{}, { user_count: 1 }, { subscription_count: 0 }] });
    expect(channels.published.map(({ channel }) => channel)).toEqual(['a', 'presence-b', 'a']);
  });

  test('is answered with {} otherwise', async () => {
    const { post, channels } = createApiServer();
    expect((await post('/apps/42/batch_events', { batch: [item, item] })).body).toEqual({});
    expect(channels.published).toHaveLength(2);
  });

  test.each([
    ['7 events of 1,000 KiB', { maxEventBytes: 1_000 * 1_024 }, 7, 1_000],
    ['250 events of 10 KiB', { maxEventsPerBatch: 1_000 }, 250, 10],
  ])('of %s is published where the limits of the app allow it', async (_title, limits, events, kilobytes) => {
    const { post, channels } = createApiServer({ limits });
    const batch = Array(events).fill({ ...item, data: 'x'.repeat(kilobytes * 1_024) });
    expect(await post('/apps/42/batch_events', { batch })).toMatchObject({ status: 200 });
    expect(channels.published).toHaveLength(events);
  });

  test('with one wrong event publishes none', async () => {
    const { post, channels } = createApiServer();
    const answer = await post('/apps/42/batch_events', { batch: [item, { ...item, name: 'pusher:x' }] });
    expect(answer).toMatchObject({ status: 400, body: { error: expect.stringMatching(/^batch\[1]: name/) } });
    expect(channels.published).toEqual([]);
  });
});

describe('channels', () => {
  test('are listed with what is requested', async () => {
    const { get, channels } = createApiServer();
    channels.counted.push({ name: 'presence-a', subscriptions: 3, userIds: ['ann', 'bob'] });
    channels.counted.push({ name: 'b', subscriptions: 1, userIds: [] });
    const path = '/apps/42/channels';
    expect((await get(path)).body).toEqual({ channels: { 'presence-a': {}, b: {} } });
    const query = [
      ['filter_by_prefix', 'presence-'],
      ['info', 'user_count,subscription_count'],
    ] as const;
    expect((await get(path, query)).body).toEqual({
      channels: { 'presence-a': { user_count: 2, subscription_count: 3 } },
    });
  });

  test.each([[['info', 'user_count']], [['info', 'cache']], [['info', 'nonsense']]] as const)(
    'are not listed with %j',
    async parameter => {
      const { get } = createApiServer();
      expect(await get('/apps/42/channels', [parameter])).toMatchObject({ status: 400, body: { code: 400 } });
    },
  );

  test('have the attributes that are requested', async () => {
    const { get, channels } = createApiServer();
    channels.counted.push({ name: 'presence-cache-a', subscriptions: 3, userIds: ['ann'] });
    const path = '/apps/42/channels/presence-cache-a';
    const info = [['info', 'user_count,subscription_count,cache']] as const;
    expect((await get(path)).body).toEqual({ occupied: true });
    expect((await get(path, info)).body).toEqual({ occupied: true, user_count: 1, subscription_count: 3, cache: null });
    channels.cachedEvent = { data: '{"n":1}', ttlSeconds: 12 };
    expect((await get('/apps/42/channels/cache-x', [['info', 'cache']])).body).toEqual({
      occupied: false,
      cache: { data: '{"n":1}', ttl: 12 },
    });
  });

  test.each(['info[]', 'info[0]', 'info'])('have the attributes of an array, sent as %s', async name => {
    const { get, channels } = createApiServer();
    channels.counted.push({ name: 'presence-a', subscriptions: 3, userIds: ['ann'] });
    const second = name === 'info[0]' ? 'info[1]' : name;
    const { body } = await get('/apps/42/channels/presence-a', [
      [name, 'user_count'],
      [second, 'subscription_count'],
    ]);
    expect(body).toEqual({ occupied: true, user_count: 1, subscription_count: 3 });
  });

  test.each([
    ['a', 'user_count'],
    ['presence-a', 'cache'],
    ['my-cache-x', 'cache'],
    ['a', 'nonsense'],
    ['a%20b', 'subscription_count'],
  ])('%s has no %s', async (name, info) => {
    const { get } = createApiServer();
    expect(await get(`/apps/42/channels/${name}`, [['info', info]])).toMatchObject({ status: 400 });
  });

  test('have users only on presence channels', async () => {
    const { get, channels } = createApiServer();
    channels.counted.push({ name: 'presence-a', subscriptions: 3, userIds: ['7', 'bob'] });
    expect((await get('/apps/42/channels/presence-a/users')).body).toEqual({ users: [{ id: '7' }, { id: 'bob' }] });
    expect((await get('/apps/42/channels/presence-b/users')).body).toEqual({ users: [] });
    expect(await get('/apps/42/channels/b/users')).toMatchObject({ status: 400, body: { code: 400 } });
  });

  test('are unknown rather than wrong', async () => {
    const { get, channels } = createApiServer();
    channels.failure = unknown;
    for (const path of ['', '/a', '/presence-a/users']) {
      expect(await get(`/apps/42/channels${path}`)).toMatchObject({ status: 503, body: { code: 503 } });
    }
  });
});

describe('the connections of a user', () => {
  test.each([
    ['ann', 'ann'],
    ['a%20b', 'a b'],
    ['a%2Fb', 'a/b'],
    ['%C3%A9', 'é'],
    ['%C4%B0rem', 'İrem'],
  ])('%s are terminated', async (encoded, user) => {
    const { post, call, channels } = createApiServer();
    const path = `/apps/42/users/${encoded}/terminate_connections`;
    expect(await post(path, {})).toMatchObject({ status: 200, body: {} });
    const unencoded = `/apps/42/users/${user}/terminate_connections`;
    expect(await call({ method: 'POST', path: unencoded, sentPath: path })).toMatchObject({ status: 200, body: {} });
    expect(channels.terminated).toEqual([user, user]);
  });
});

describe('[D07] names that are none', () => {
  test.each(['admin%20', '%20', '%20x'])('a user %s is refused, and nobody is terminated', async user => {
    const { post, channels } = createApiServer();
    const answer = await post(`/apps/42/users/${user}/terminate_connections`, {});
    expect(answer).toMatchObject({ status: 400, body: { error: expect.stringContaining('is no user id, which has') } });
    expect(channels.terminated).toEqual([]);
  });

  test.each(['.', '..', 'a b'])('a channel %j is refused, with the name and the rule', async channel => {
    const { post } = createApiServer();
    const answer = await post('/apps/42/events', { name: 'e', data: '1', channel });
    const error = expect.stringMatching(/^".*" is no channel\. .*and must not be \. or \.\.$/);
    expect(answer).toMatchObject({ status: 400, body: { error } });
  });
});

describe('callers', () => {
  test.each([
    ['an unknown app', '/apps/44/channels', 404],
    ['another app', '/apps/43/channels', 401],
  ])('of %s are refused', async (_what, path, status) => {
    const { get } = createApiServer();
    expect(await get(path)).toMatchObject({ status, body: { code: status, error: expect.any(String) } });
  });

  test('without a signature are refused', async () => {
    const { raw, channels } = createApiServer();
    const answer = await raw('POST', '/apps/42/events', JSON.stringify(event));
    expect(answer).toMatchObject({ status: 401, body: { code: 401 } });
    expect(channels.published).toEqual([]);
  });

  test('with another body than the signed one are refused', async () => {
    const { call, channels } = createApiServer();
    const parts = { method: 'POST', path: '/apps/42/events', body: JSON.stringify(event) } as const;
    expect(await call({ ...parts, payload: `${parts.body} ` })).toMatchObject({ status: 401 });
    expect(await call({ ...parts, auth: { body_md5: undefined } })).toMatchObject({ status: 401 });
    expect(channels.published).toEqual([]);
  });

  test('of a disabled app are refused, if they are its own', async () => {
    const { get, raw } = createApiServer({ enabled: false });
    expect(await get('/apps/42/channels')).toMatchObject({ status: 403, body: { code: 403 } });
    expect(await raw('GET', '/apps/42/channels')).toMatchObject({ status: 401 });
  });

  test('are refused beyond the rate of their app, with the time to wait', async () => {
    const { post, get, time } = createApiServer({
      limits: { maxBackendEventsPerSecond: 2, maxReadRequestsPerSecond: 1 },
    });
    expect(await post('/apps/42/events', { ...event, channels: ['a', 'b', 'c', 'd'] })).toMatchObject({ status: 200 });
    const refused = await post('/apps/42/events', event);
    expect(refused).toMatchObject({ status: 429, body: { code: 429 } });
    expect(refused.headers['retry-after']).toBe('1');
    expect(await get('/apps/42/channels')).toMatchObject({ status: 200 });
    expect(await get('/apps/42/channels/a')).toMatchObject({ status: 429 });
    time.nowMs += 1_001;
    expect(await post('/apps/42/events', event)).toMatchObject({ status: 200 });
    expect(await get('/apps/42/channels')).toMatchObject({ status: 200 });
  });
});

describe('the message quota of an app', () => {
  const dayMs = 86_400_000;

  test('is what events are refused above, single and in batches, until the next day', async () => {
    const { post, get, quotas, channels, time } = createApiServer({ limits: { maxMessagesPerDay: 10 } });
    time.nowMs = 20_000 * dayMs - 1;
    quotas.delivered('app:42', 1, 8); // an event and its 8 receivers
    expect(await post('/apps/42/events', event)).toMatchObject({ status: 200 });
    quotas.delivered('app:42', 1, 0);
    const refused = await post('/apps/42/events', event);
    const error = 'App 42 is over its quota of 10 messages a day; the next day begins at 00:00 UTC.';
    expect(refused).toMatchObject({ status: 403, body: { code: 403, error } });
    const batch = [{ name: 'tick', channel: 'a', data: 'x' }];
    expect(await post('/apps/42/batch_events', { batch })).toMatchObject({ status: 403 });
    expect(await get('/apps/42/channels')).toMatchObject({ status: 200 });
    expect(channels.published).toHaveLength(1);
    time.nowMs += 1;
    expect(await post('/apps/42/batch_events', { batch })).toMatchObject({ status: 200 });
  });

  test('is one for each app, and none by default', async () => {
    const limited = createApiServer({ limits: { maxMessagesPerDay: 10 } });
    limited.quotas.delivered('app:43', 1, 1_000);
    limited.quotas.delivered('42', 1, 1_000); // a hub
    expect(await limited.post('/apps/42/events', event)).toMatchObject({ status: 200 });
    const free = createApiServer();
    free.quotas.delivered('app:42', 1, 1_000);
    expect(await free.post('/apps/42/events', event)).toMatchObject({ status: 200 });
  });
});

describe('paths', () => {
  test.each(['/apps', '/apps/42', '/apps/42/nonsense', '/apps/42/channels/a/b', '/apps/42/events//'])(
    '%s is answered with 404 in the format of the API',
    async path => {
      const { raw } = createApiServer();
      expect(await raw('GET', path)).toMatchObject({ status: 404, body: { code: 404, error: expect.any(String) } });
    },
  );

  test('may end with one slash, and stand below the path of an endpoint', async () => {
    const { get, call } = createApiServer({ basePaths: ['/base'] });
    expect(await get('/apps/42/channels/')).toMatchObject({ status: 200 });
    expect(await get('/base/apps/42/channels')).toMatchObject({ status: 200 });
    const stripped = { method: 'GET', path: '/base/apps/42/channels', sentPath: '/apps/42/channels' } as const;
    expect(await call(stripped)).toMatchObject({ status: 200 });
  });

  test.each([
    '/apps/42/channels/%zz',
    '/apps/%E0%A4%A/events',
    '/APPS/42/channels/%zz',
    '/base/apps/42/channels/%zz',
    'http://other.example/apps/42/channels/%zz',
  ])('%s has malformed percent-encoding: 400 in the format of the API', async path => {
    const { raw } = createApiServer({ basePaths: ['/base'] });
    const error = 'The URL holds malformed percent-encoding.';
    expect(await raw('GET', path)).toMatchObject({ status: 400, body: { error, code: 400 } });
  });

  test('of other APIs keep their format', async () => {
    const { raw } = createApiServer();
    for (const path of ['/api/hubs/chat/groups/%zz', '/appsx/%zz', '/%zz']) {
      expect(await raw('GET', path)).toMatchObject({ status: 400, body: { code: 'Error.BadRequest' } });
    }
  });

  test.each(['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'] as const)(
    '%s is no method of /apps/42/events: 404 in the format of the API',
    async method => {
      const { server } = createApiServer();
      const answer = await server.inject({ method, url: '/apps/42/events' });
      expect(answer.statusCode).toBe(404);
      expect(answer.json()).toEqual({ error: expect.stringContaining('no operation'), code: 404 });
    },
  );
});

import { fastify } from 'fastify';
import { describe, expect, onTestFinished, test } from 'vitest';
import { usageRoute } from '../../../src/admin/usage.js';
import { webhookRoutes } from '../../../src/admin/webhook-routes.js';
import type { WebhookEntry } from '../../../src/webhooks/options.js';
import { AppServer } from '../../support/app-server.js';
import { envelopeFor } from '../../support/outbox-contract.js';
import { appSettings, startWebhooks } from '../../support/webhook-harness.js';

async function start(status = 500, others: readonly WebhookEntry[] = []) {
  const receiver = await AppServer.start();
  onTestFinished(() => receiver.close());
  receiver.onPost = response => response.writeHead(status).end('said');
  const url = `${receiver.url}/hooks?token=hidden`;
  const orders = { id: 'orders', url, event_types: ['channel_occupied'], retry: { enabled: false } };
  const hub = { hub: 'chat', key: 'chat', webhooks: [{ id: 'audit', url, event_types: ['connected'] }] };
  const settings = { ...appSettings([orders, ...others]), hubs: others.length > 0 ? [hub] : [] };
  const { webhooks, outbox, connect, clock } = await startWebhooks(settings);
  const app = fastify();
  onTestFinished(() => app.close());
  const actions: Record<string, string | undefined> = {};
  app.addHook('onRoute', ({ method, url, config }) => {
    if (method === 'POST') actions[url] = config?.action;
  });
  app.register(webhookRoutes({ webhooks, outbox: () => outbox }));
  app.register(usageRoute);
  const call = async (method: 'GET' | 'POST', path: string, body?: unknown) => {
    const answer = await app.inject({
      method,
      url: path,
      ...(body !== undefined && { payload: JSON.stringify(body) }),
    });
    return { status: answer.statusCode, body: answer.json() };
  };
  const die = async (channel: string) => {
    connect().join(channel);
    await webhooks.settled();
    while ((await outbox.deadLetters()).every(({ content }) => !content.includes(channel))) {
      await new Promise(resolve => void setImmediate(resolve));
    }
  };
  return { call, die, receiver, clock, outbox, actions };
}

const endpoints = '/admin/webhooks/endpoints';
const letters = '/admin/webhooks/dead-letters';

describe('endpoints', () => {
  test('are listed with their state, and without the query of their URL', async () => {
    const { call, die, receiver, clock } = await start();
    await die('a');
    const at = new Date(clock.now()).toISOString();
    expect((await call('GET', endpoints)).body).toEqual({
      endpoints: [
        {
          id: 'app:42:orders',
          target: `${receiver.url}/hooks`,
          eventTypes: ['channel_occupied'],
          state: 'enabled',
          circuit: 'closed',
          queued: { ready: 0, delayed: 0, inFlight: 0, dead: 1 },
          lastFailureAt: at,
          failingSince: at,
        },
      ],
    });
    const { body } = await call('GET', `${endpoints}/app:42:orders/attempts`);
    expect(body.attempts).toMatchObject([{ attempt: 1, outcome: 'failed', status: 500, answer: 'said' }]);
  });

  test('can be tested: one signed request that is not kept', async () => {
    const { call, receiver } = await start(204);
    expect((await call('POST', `${endpoints}/app:42:orders/test`)).body).toMatchObject({
      attempt: { outcome: 'delivered', status: 204 },
    });
    expect(JSON.parse(receiver.posts[0]!.body.toString()).events).toEqual([{ name: 'test', channel: 'test' }]);
    expect(receiver.posts[0]?.headers['x-pusher-signature']).toMatch(/^[0-9a-f]{64}$/);
  });

  test.each([
    ['enabled', /^event:chat:0 is the queue of an event handler with delivery: durable, for which there is no test/],
    ['unknown', /^event:chat:0 is not configured, so no test request/],
  ])('that are listed and no webhooks (%s) have no test request', async (state, message) => {
    const { call, outbox } = await start();
    Object.assign(outbox, { status: async () => [{ endpoint: 'event:chat:0', state }] });
    expect(await call('POST', `${endpoints}/event:chat:0/test`)).toMatchObject({
      status: 400,
      body: { code: 'Error.BadRequest', message: expect.stringMatching(message) },
    });
  });

  test('that are not there are named', async () => {
    const { call } = await start();
    const paths = [
      ['POST', 'test'],
      ['POST', 'enable'],
      ['POST', 'dead-letter'],
      ['GET', 'attempts'],
    ] as const;
    for (const [method, path] of paths) {
      expect(await call(method, `${endpoints}/app:42:none/${path}`)).toMatchObject({
        status: 404,
        body: { code: 'Error.NotFound', message: expect.stringContaining('no webhook endpoint app:42:none') },
      });
    }
  });

  test('can be enabled', async () => {
    const { call } = await start();
    expect(await call('POST', `${endpoints}/app:42:orders/enable`)).toEqual({
      status: 200,
      body: { enabled: 'app:42:orders' },
    });
  });
});

describe('what waits for an endpoint', () => {
  test('that is not configured becomes dead letters', async () => {
    const { call, outbox } = await start();
    await outbox.accept([envelopeFor('app:42:former')]);
    expect((await call('POST', `${endpoints}/app:42:former/dead-letter`)).body).toEqual({ deadLettered: 1 });
    expect((await call('GET', `${letters}?endpoint=app:42:former`)).body.deadLetters).toMatchObject([
      { reason: 'endpoint_removed: app:42:former is not configured' },
    ]);
  });

  test('that is configured does not', async () => {
    const { call } = await start();
    expect(await call('POST', `${endpoints}/app:42:orders/dead-letter`)).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining('app:42:orders is configured') },
    });
  });
});

describe('dead letters', () => {
  test('are listed, read, replayed and dropped', async () => {
    const { call, die } = await start();
    await die('a');
    await die('b');
    const { body } = await call('GET', `${letters}?endpoint=app:42:orders&limit=1`);
    expect(body.deadLetters).toMatchObject([{ reason: 'exhausted: status 500', attempts: 1 }]);
    const { id } = body.deadLetters[0];
    expect((await call('GET', `${letters}/${id}`)).body.content).toContain('"channel":"b"');
    expect((await call('POST', `${letters}/drop`, { ids: [id] })).body).toEqual({ dropped: [id] });
    expect((await call('GET', `${letters}/${id}`)).status).toBe(404);
    const { body: replayed } = await call('POST', `${letters}/replay`, {
      endpoint: 'app:42:orders',
      since: '2000-01-01T00:00:00Z',
    });
    expect(replayed.replayed).toHaveLength(1);
  });

  test('are selected by times in RFC 3339 or Unix milliseconds', async () => {
    const { call, die, clock } = await start();
    await die('a');
    const counts = async (since: string | number) =>
      (await call('GET', `${letters}?since=${encodeURIComponent(since)}`)).body.deadLetters.length;
    const beforeMs = clock.now() - 1_000;
    expect([await counts(beforeMs), await counts(new Date(beforeMs).toISOString())]).toEqual([1, 1]);
    expect([await counts(0), await counts(clock.now() + 1_000)]).toEqual([1, 0]);
    expect((await call('POST', `${letters}/drop`, { since: beforeMs })).body.dropped).toHaveLength(1);
  });

  test('are replayed to another endpoint of their app', async () => {
    const second = { id: 'second', url: 'http://127.0.0.1:1/', event_types: ['*'], enabled: false };
    const { call, die } = await start(500, [second]);
    await die('a');
    const [{ id }] = (await call('GET', letters)).body.deadLetters;
    const replay = (to: unknown) => call('POST', `${letters}/replay`, { ids: [id], to });
    for (const to of ['app:42:none', 7]) {
      expect(await replay(to)).toMatchObject({
        status: 400,
        body: { message: 'to is the id of a configured endpoint: GET /admin/webhooks/endpoints lists them' },
      });
    }
    expect(await replay('hub:chat:audit')).toMatchObject({
      status: 400,
      body: {
        message: expect.stringMatching(/is of app:42:orders: .* endpoints of app:42 only, not to hub:chat:audit$/),
      },
    });
    expect((await replay('app:42:second')).body).toEqual({ replayed: [id] });
    const { body } = await call('GET', endpoints);
    expect(body.endpoints[1]).toMatchObject({ id: 'app:42:second', queued: { ready: 1 } });
  });

  test.each([
    ['GET', `${letters}?since=yesterday`, undefined, /since is a time/],
    ['GET', `${letters}?since=`, undefined, /since is a time/],
    ...[
      'last 5',
      '5 minutes ago',
      '2026',
      1_795_867_200,
      '2026-11-28',
      '2026-11-28T12:00:00',
      '-5',
      1.5,
      -5,
      null,
      true,
    ].map(time => ['POST', `${letters}/drop`, { since: time }, /since is a time/] as const),
    ['POST', `${letters}/replay`, { until: 'tomorrow 7' }, /until is a time/],
    ['GET', `${letters}?limit=0`, undefined, /limit is a whole number/],
    ['POST', `${letters}/replay`, {}, /the body names what is meant/],
    ['POST', `${letters}/drop`, [], /the body is a JSON object/],
    ['POST', `${letters}/drop`, { ids: 'x' }, /ids is a list/],
    ['POST', `${letters}/drop`, { endpoint: 7 }, /endpoint is one id/],
    ['POST', `${letters}/drop`, { limit: 5 }, /the body names what is meant/],
    ['POST', `${letters}/drop`, { endpont: 'app:42:orders', since: 0 }, /endpont has no meaning here/],
    ['POST', `${letters}/drop`, { ids: ['whm_1'], to: 'app:42:orders' }, /to has no meaning here/],
    ['GET', `${letters}?endpont=app:42:orders`, undefined, /endpont has no meaning here/],
  ] as const)('%s %s with %j is refused', async (method, path, body, message) => {
    const { call } = await start();
    expect(await call(method, path, body)).toMatchObject({
      status: 400,
      body: { message: expect.stringMatching(message) },
    });
  });
});

test('[MG-127] each route that changes something has a name for the log of actions', async () => {
  const { call, actions } = await start();
  await call('GET', endpoints);
  expect(actions).toEqual({
    [`${endpoints}/:id/test`]: 'testEndpoint',
    [`${endpoints}/:id/enable`]: 'enableEndpoint',
    [`${endpoints}/:id/dead-letter`]: 'deadLetterEndpoint',
    [`${letters}/replay`]: 'replayDeadLetters',
    [`${letters}/drop`]: 'dropDeadLetters',
  });
});

test('[PW §1.6] /usage is the memory of the process', async () => {
  const { call } = await start();
  const { memory } = (await call('GET', '/usage')).body;
  expect(memory.used).toBeGreaterThan(1_000_000);
  expect(memory.percent).toBeCloseTo((memory.used / memory.total) * 100);
});

import type { FastifyInstance } from 'fastify';
import { describe, expect, test } from 'vitest';
import { Metrics } from '../../../src/admin/metrics.js';
import { type AdminServerOptions, createAdminServer } from '../../../src/admin/server.js';
import { PubSubError } from '../../../src/errors.js';

function startAdmin(options: Partial<AdminServerOptions> = {}) {
  const metrics = new Metrics({ processMetrics: false });
  const state = { isReady: false, handlers: [] as { state: 'pending' | 'active' | 'failed' }[] };
  return {
    metrics,
    state,
    app: createAdminServer({
      isReady: () => state.isReady,
      handlers: () => state.handlers,
      metrics,
      version: '1.2.3',
      ...options,
    }),
  };
}

test('/healthz answers while the process is alive, ready or not', async () => {
  const { app } = startAdmin();
  const reply = await app.inject('/healthz');
  expect([reply.statusCode, reply.json()]).toEqual([
    200,
    { status: 'alive', version: '1.2.3', meaning: expect.stringContaining('responds to HTTP') },
  ]);
  expect(reply.headers['cache-control']).toBe('no-store');
});

test('[F19] /readyz follows the service, whatever its event handlers do, and says so', async () => {
  const { app, state } = startAdmin();
  const before = await app.inject('/readyz');
  expect([before.statusCode, before.json()]).toEqual([
    503,
    {
      status: 'not ready',
      meaning: expect.stringContaining('clients are not admitted'),
      eventHandlers: { active: 0, pending: 0, failed: 0 },
    },
  ]);
  state.isReady = true;
  state.handlers.push({ state: 'active' }, { state: 'failed' }, { state: 'failed' });
  const after = await app.inject('/readyz');
  expect([after.statusCode, after.json()]).toEqual([
    200,
    {
      status: 'ready',
      meaning: expect.stringContaining('Event handlers do not affect this'),
      eventHandlers: { active: 1, pending: 0, failed: 2 },
    },
  ]);
});

test('/metrics is what Prometheus reads', async () => {
  const { app, metrics } = startAdmin();
  metrics.sent('chat', 'simple', 2, 10);
  const reply = await app.inject('/metrics');
  expect(reply.statusCode).toBe(200);
  expect(reply.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(reply.body).toContain('hubwire_messages_sent_total{hub="chat",protocol="simple"} 2\n');
});

test('a name with İ, which is longer in lower case, does not hide the rest of the path', async () => {
  const { app } = startAdmin();
  app.get('/groups/:name/members', async ({ params, url }) => ({ params, url }));
  const url = '/Groups/%c4%b0%2Fa/members?x=%C4%B0';
  expect((await app.inject(url)).json()).toEqual({ params: { name: 'İ/a' }, url });
});

test('the public routes are not here', async () => {
  const { app } = startAdmin();
  for (const url of ['/api/health', '/client/hubs/chat']) expect((await app.inject(url)).statusCode).toBe(404);
});

describe('[L12] a listener that only this machine can reach', () => {
  const statusOf = async (url: string, host: string | undefined, isLoopbackOnly = true) => {
    const { app } = startAdmin({ isLoopbackOnly });
    return (await app.inject({ url, headers: { host } })).statusCode;
  };

  test.each(['localhost', 'LOCALHOST:8081', 'app.localhost:1', '127.0.0.1:8081', '[::1]:8081', '10.0.0.7'])(
    'shows its metrics to %s',
    async host => expect(await statusOf('/metrics', host)).toBe(200),
  );

  test.each(['evil.example', 'evil.example:8081', '127.0.0.1.evil.example', 'localhost.evil.example'])(
    'does not show them to a page of "%s", whose name may stand for any address',
    async host => {
      for (const url of ['/metrics', '/']) expect(await statusOf(url, host)).toBe(421);
    },
  );

  test('answers probes by any name, and elsewhere everything', async () => {
    for (const url of ['/healthz', '/readyz']) expect(await statusOf(url, 'pod.example')).not.toBe(421);
    expect(await statusOf('/metrics', 'pod.example', false)).toBe(200);
  });
});

test('routes for operators are protected, and there are none without a rule who may call', async () => {
  const delivery = { outbox: undefined, webhooks: {} as never };
  const access = {
    protect: (routes: FastifyInstance) => {
      routes.addHook('onRequest', async () => {
        throw new PubSubError('unauthorized', 'no token');
      });
    },
  };
  const url = '/admin/webhooks/endpoints';
  const { app } = startAdmin({ delivery, access });
  expect((await app.inject(url)).statusCode).toBe(401);
  expect((await app.inject({ url: '/admin/webhooks/dead-letters/drop', method: 'POST' })).statusCode).toBe(401);
  expect((await startAdmin({ delivery }).app.inject(url)).statusCode).toBe(404);
});

test('[D06] what fails here does not show whose library it was', async () => {
  const { app } = startAdmin({
    metrics: {
      contentType: 'text/plain',
      render: async () => {
        throw new Error('SECRET');
      },
    },
  });
  const reply = await app.inject('/metrics');
  expect(reply.statusCode).toBe(500);
  expect(reply.json()).toEqual({
    code: 'Error.InternalServerError',
    message: 'internal error',
    target: 'Request',
    details: null,
    inner: null,
  });
  expect((await app.inject('/%zz')).json()).toMatchObject({ code: 'Error.BadRequest' });
});

test('a body with too many bytes is refused with the limit', async () => {
  const delivery = { outbox: undefined, webhooks: {} as never };
  const { app } = startAdmin({ delivery, access: { protect: () => {} } });
  const drop = (bytes: number) =>
    app.inject({ url: '/admin/webhooks/dead-letters/drop', method: 'POST', body: ' '.repeat(bytes) });
  const reply = await drop(1024 * 1024 + 1);
  expect([reply.statusCode, reply.json()]).toEqual([
    400,
    expect.objectContaining({ code: 'Error.BadRequest', message: 'The body has more than 1048576 bytes.' }),
  ]);
  expect((await drop(1024 * 1024)).statusCode).toBe(404); // no webhook is configured
});

import { expect, test } from 'vitest';
import { Metrics } from '../../../src/admin/metrics.js';
import { createAdminServer } from '../../../src/admin/server.js';

function startAdmin() {
  const metrics = new Metrics({ processMetrics: false });
  const state = { isReady: false };
  return { metrics, state, app: createAdminServer({ isReady: () => state.isReady, metrics, version: '1.2.3' }) };
}

test('/healthz answers while the process is alive, ready or not', async () => {
  const { app } = startAdmin();
  const reply = await app.inject('/healthz');
  expect([reply.statusCode, reply.json()]).toEqual([200, { status: 'alive', version: '1.2.3' }]);
  expect(reply.headers['cache-control']).toBe('no-store');
});

test('/readyz follows the service', async () => {
  const { app, state } = startAdmin();
  const before = await app.inject('/readyz');
  expect([before.statusCode, before.json()]).toEqual([503, { status: 'not ready' }]);
  state.isReady = true;
  const after = await app.inject('/readyz');
  expect([after.statusCode, after.json()]).toEqual([200, { status: 'ready' }]);
});

test('/metrics is what Prometheus reads', async () => {
  const { app, metrics } = startAdmin();
  metrics.messageSent('chat', 'simple', 2, 10);
  const reply = await app.inject('/metrics');
  expect(reply.statusCode).toBe(200);
  expect(reply.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(reply.body).toContain('hubwire_messages_sent_total{hub="chat",protocol="simple"} 2\n');
});

test('the public routes are not here', async () => {
  const { app } = startAdmin();
  for (const url of ['/api/health', '/client/hubs/chat', '/']) expect((await app.inject(url)).statusCode).toBe(404);
});

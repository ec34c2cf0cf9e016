import { expect, test } from 'vitest';
import { readinessOf } from '../support/cluster-processes.js';
import { eventually } from '../support/eventually.js';
import { startService } from '../support/hubwire-process.js';
import { requireNats, startNats } from '../support/nats-server.js';

const yaml = 'hubs:\n  chat:\n    anonymousConnectPolicy: allow\ncluster: { leaseSeconds: 3 }\n';

test('[CL-056] /readyz of several workers is 503 while NATS is away and all of them are paused, and 200 once one is live', async context => {
  requireNats(context);
  const server = await startNats(context);
  const service = await startService(yaml, { HUBWIRE_NATS: server.url }, ['--workers', '2']);
  const workers = async () => {
    const text = await (await fetch(`${service.adminUrl}/metrics`)).text();
    return Object.fromEntries(
      [...text.matchAll(/^hubwire_workers\{state="(\w+)"\} (\d+)/gm)].map(([, ...each]) => each),
    );
  };
  expect([await readinessOf(service), await workers()]).toEqual([
    200,
    { ready: '2', paused: '0', silent: '0', missing: '0' },
  ]);
  await server.kill();
  await eventually(async () => expect(await workers()).toEqual({ ready: '0', paused: '2', silent: '0', missing: '0' }));
  expect(await readinessOf(service)).toBe(503);
  await expect(service.dial({ token: null })).rejects.toThrow();
  await server.start();
  await eventually(async () => expect(await readinessOf(service)).toBe(200));
  // A client may reach either worker, and one that is still paused refuses it.
  await eventually(async () => expect(await workers()).toEqual({ ready: '2', paused: '0', silent: '0', missing: '0' }));
  await (await service.dial({ token: null })).settle();
}, 90_000);

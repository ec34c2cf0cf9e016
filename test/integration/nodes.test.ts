import { setTimeout } from 'node:timers/promises';
import { WebPubSubServiceClient } from '@azure/web-pubsub';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Lifecycle } from '../../src/hub/lifecycle.js';
import { NetworkBus } from '../support/network-bus.js';
import { openSession, recoveryCloseCode, takeUp } from '../support/reliable-client.js';
import { startHub } from '../support/start-hub.js';

const unreachable = 'Not all nodes of the service could be reached. Try again later.';

test('a client of a node that is cut off is refused with 503, and its app server is told', async () => {
  const backplane = new NetworkBus().connect();
  const { dial, upstream } = await startHub({ backplane, handler: { systemEvents: ['connect', 'disconnected'] } });
  backplane.isCutOff = true;
  const { status, body, headers } = await dial.refused({ token: { groups: ['g'] } });
  expect([status, body, headers['retry-after']]).toEqual([503, unreachable, '1']);
  expect((await upstream.next()).headers['ce-eventname']).toBe('connect');
  expect((await upstream.next()).headers['ce-eventname']).toBe('disconnected');
  expect(backplane.targets).toBe(0);
  backplane.isCutOff = false;
  const client = await dial({ token: { groups: ['g'] } });
  expect(await client.next()).toMatchObject({ event: 'connected' });
});

test('a client is reached through the other node from the moment at which its upgrade is answered', async () => {
  const bus = new NetworkBus();
  const [east, west] = [bus.connect(), bus.connect()];
  east.latency = () => setTimeout(50);
  const [here, there] = [await startHub({ backplane: east }), await startHub({ backplane: west })];
  const options = { allowInsecureConnection: true };
  const service = new WebPubSubServiceClient(there.connectionString, 'chat', options);
  const client = await here.dial({ token: { userId: 'ann', groups: ['g'] } });
  await service.group('g').sendToAll('x', { contentType: 'text/plain' });
  expect(await client.next()).toMatchObject({ event: 'connected' });
  expect(await client.next()).toMatchObject({ from: 'group', data: 'x' });
});

test('[client-protocols 5.3] a session that is found later than within the call is recovered, and a wrong token turned away', async () => {
  const hub = await startHub();
  const session = await openSession(hub);
  const { recover } = Lifecycle.prototype;
  const later = vi.spyOn(Lifecycle.prototype, 'recover').mockImplementation(async function (this: Lifecycle, ...call) {
    return recover.apply(this, call);
  });
  onTestFinished(() => later.mockRestore());
  session.client.ws.terminate();
  await session.client.closed;
  const client = await takeUp(hub, session);
  expect(await client.next()).toMatchObject({ event: 'connected', connectionId: session.connectionId });
  expect(await recoveryCloseCode(hub, { ...session, token: 'wrong' })).toBe(1008);
  expect(later).toHaveBeenCalledTimes(2);
});

import { setImmediate } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import type { AddressGuard } from '../../src/egress/connector.js';
import { type Answer, noBody } from '../../src/egress/exchange.js';
import { Transport } from '../../src/egress/transport.js';
import { AppServer } from '../support/app-server.js';
import { appSettings, startWebhooks } from '../support/webhook-harness.js';

const bounds = { headersWithinMs: 5_000, bodyWithinMs: 5_000, bodyLimit: () => noBody };

/** One request to the app at this host. */
async function send(host: string, guard: AddressGuard): Promise<{ readonly answer: Answer; readonly posts: number }> {
  const app = await AppServer.start();
  const transport = new Transport({ clock: systemClock, guard });
  onTestFinished(() => transport.close());
  onTestFinished(() => app.close());
  const origin = `http://${host}:${new URL(app.url).port}`;
  const request = { method: 'POST' as const, origin, path: '/', headers: [], body: Buffer.from('x') };
  return { answer: await transport.send(request, bounds), posts: app.posts.length };
}

test.each(['127.0.0.1', 'localhost'])('a request to %s is sent when its address is allowed', async host => {
  const asked: string[] = [];
  const { answer } = await send(host, address => asked.push(address) > 0);
  expect(answer.kind).toBe('response');
  expect(asked).toContain('127.0.0.1');
});

test.each(['127.0.0.1', 'localhost'])(
  'a request to %s is not sent, nor tried again, when no address is allowed',
  async host => {
    const { answer, posts } = await send(host, () => false);
    expect(answer).toEqual({ kind: 'failure', failure: 'unsendable', code: 'ADDRESS_REFUSED' });
    expect(posts).toBe(0);
  },
);

test('of the addresses of a host, only allowed ones are connected to', async () => {
  const { answer } = await send('localhost', address => address === '127.0.0.1');
  expect(answer.kind).toBe('response');
});

test('a network that is allowed no more receives nothing over a socket that is open', async () => {
  const app = await AppServer.start();
  onTestFinished(() => app.close());
  const url = `http://localhost:${new URL(app.url).port}/`;
  const settings = (allow: readonly string[]) =>
    appSettings([{ id: 'w', url, event_types: ['*'] }], { general: { egress: { allow } } });
  const { webhooks, outbox } = await startWebhooks(settings(['127.0.0.0/8', '::1/128']), { allowsLoopback: false });
  const attempt = () => outbox.test(webhooks.testEnvelope('app:42:w')!);
  expect(await attempt()).toMatchObject({ outcome: 'delivered' });
  await setImmediate(); // the socket is free from the next turn on
  await webhooks.configure(settings([]));
  expect(await attempt()).toMatchObject({ outcome: 'refused', reason: 'blocked_address' });
  await webhooks.configure(settings(['127.0.0.0/8']));
  expect(await attempt()).toMatchObject({ outcome: 'delivered' });
  expect(app.posts).toHaveLength(2);
});

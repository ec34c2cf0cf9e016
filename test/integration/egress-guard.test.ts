import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import type { AddressGuard } from '../../src/egress/connector.js';
import { type Answer, noBody } from '../../src/egress/exchange.js';
import { Transport } from '../../src/egress/transport.js';
import { AppServer } from '../support/app-server.js';

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

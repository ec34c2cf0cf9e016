import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { describe, expect, onTestFinished, type TestContext, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { type Answer, noBody } from '../../src/egress/exchange.js';
import { noProxies } from '../../src/egress/proxy.js';
import { Transport, type TransportOptions } from '../../src/egress/transport.js';
import { appCertificate } from '../support/app-certificate.js';
import { HttpProxy } from '../support/http-proxy.js';
import { notRun } from '../support/not-run.js';
import { appSettings, startWebhooks } from '../support/webhook-harness.js';

const bounds = { headersWithinMs: 5_000, bodyWithinMs: 5_000, bodyLimit: () => noBody };

/** A server on loopback, and the addresses that its requests came from. */
async function startReceiver() {
  const from: (string | undefined)[] = [];
  const listener: RequestListener = (request, response) => {
    from.push(request.socket.remoteAddress);
    request.resume().on('end', () => response.end());
  };
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  });
  return { from, port: (server.address() as AddressInfo).port };
}

function startTransport(options: Partial<TransportOptions> = {}) {
  const transport = new Transport({ clock: systemClock, ...options });
  onTestFinished(() => transport.close());
  const post = (origin: string): Promise<Answer> =>
    transport.send({ method: 'POST', origin, path: '/', headers: [], body: Buffer.from('x') }, bounds);
  return { transport, post };
}

function requireLoopbackNetwork(context: TestContext): void {
  if (process.platform !== 'linux') notRun(context, '127.0.0.2 is an address of this machine on Linux only');
}

describe('sockets have the address that is set (pusher-webhooks 1.5, row 42)', () => {
  test.for(['127.0.0.1', 'localhost'])('to %s, with a guard and without', async (host, context) => {
    requireLoopbackNetwork(context);
    const { from, port } = await startReceiver();
    for (const options of [{}, { guard: () => true }]) {
      const { transport, post } = startTransport(options);
      transport.sendFrom('127.0.0.2');
      expect((await post(`http://${host}:${port}`)).kind).toBe('response');
    }
    expect(from).toEqual(['127.0.0.2', '127.0.0.2']);
  });

  test('to a server with TLS', async context => {
    requireLoopbackNetwork(context);
    const from: (string | undefined)[] = [];
    const server = createTlsServer(appCertificate, socket => socket.end());
    server.on('connection', socket => from.push(socket.remoteAddress)); // before the handshake, which this client ends
    server.on('tlsClientError', () => {});
    await once(server.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void server.close());
    const { transport, post } = startTransport();
    transport.sendFrom('127.0.0.2');
    expect((await post(`https://127.0.0.1:${(server.address() as AddressInfo).port}`)).kind).toBe('failure');
    expect(from).toEqual(['127.0.0.2']);
  });

  test('to a proxy too', async context => {
    requireLoopbackNetwork(context);
    const { port } = await startReceiver();
    const proxy = await HttpProxy.start();
    const address = { origin: proxy.url, authorization: undefined, variable: 'HTTP_PROXY' };
    const { transport, post } = startTransport({ proxies: { ...noProxies, http: address, https: address } });
    transport.sendFrom('127.0.0.2');
    expect((await post(`http://receiver.example:${port}`)).kind).toBe('response');
    await post(`https://receiver.example:${port}`); // which speaks no TLS: how it ends does not matter
    expect(proxy.asked).toEqual([`POST http://receiver.example:${port}/`, `CONNECT receiver.example:${port}`]);
    expect(proxy.from).toEqual(['127.0.0.2', '127.0.0.2']);
  });

  test('from the next request on when it changes, with pools that stay when it does not', async context => {
    requireLoopbackNetwork(context);
    const { from, port } = await startReceiver();
    const { transport, post } = startTransport();
    const kept: number[] = [];
    for (const address of [undefined, '127.0.0.2', '127.0.0.2', '127.0.0.3', undefined]) {
      transport.sendFrom(address);
      kept.push(transport.origins.length);
      await post(`http://127.0.0.1:${port}`);
    }
    expect(from).toEqual(['127.0.0.1', '127.0.0.2', '127.0.0.2', '127.0.0.3', '127.0.0.1']);
    expect(kept).toEqual([0, 0, 1, 0, 0]);
  });
});

describe('webhooks.local_address', () => {
  async function attempt(url: string, local_address: string | undefined) {
    const endpoint = { id: 'w', url, event_types: ['*'] };
    const { webhooks, outbox } = await startWebhooks(appSettings([endpoint], { general: { local_address } }));
    return await outbox.test(webhooks.testEnvelope('app:42:w')!);
  }

  test('is where webhooks come from', async context => {
    requireLoopbackNetwork(context);
    const { from, port } = await startReceiver();
    expect(await attempt(`http://127.0.0.1:${port}/`, '127.0.0.2')).toMatchObject({ outcome: 'delivered' });
    expect(from).toEqual(['127.0.0.2']);
  });

  test('that this machine does not have is named as the reason', async () => {
    const { from, port } = await startReceiver();
    const record = await attempt(`http://127.0.0.1:${port}/`, '192.0.2.1');
    expect(record).toMatchObject({
      outcome: 'failed',
      reason:
        'no connection (EADDRNOTAVAIL): webhooks.local_address, 192.0.2.1, is not an address of this machine, or has no free port',
    });
    expect(from).toEqual([]);
  });
});

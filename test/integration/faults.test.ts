import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { Held, inTurn, reply } from '../support/answers.js';
import { ManualClock } from '../support/manual-clock.js';
import { RecordingObserver } from '../support/recording-observer.js';
import { type StartedHub, startHub, stopInTime } from '../support/start-hub.js';
import type { TestClient } from '../support/test-client.js';
import type { Answer } from '../support/upstream.js';

const everything = { systemEvents: ['connect', 'connected', 'disconnected'], userEventPattern: '*' };
const failedAck = { success: false, error: { name: 'InternalServerError', message: 'Internal server error' } };

function ask(event: string, ackId: number) {
  return { type: 'event', event, data: 1, ackId };
}

/** A service whose time stands still, half a second past its keep-alive timer's start: a wait of whole seconds is a retry's. */
async function startStill(options: Parameters<typeof startHub>[0] = {}) {
  const clock = new ManualClock();
  const observer = new RecordingObserver();
  const hub = await startHub({ handler: everything, clock, observer, ...options });
  onTestFinished(() => stopInTime(hub, clock));
  const open = async () => {
    const client = await hub.dial();
    await client.next();
    return client;
  };
  const [victim, bystander] = [await open(), await open()];
  await observer.until(({ events }) => events.filter(({ kind }) => kind === 'connected').length === 2);
  clock.advance(500);
  return { ...hub, clock, victim, bystander };
}

let lastAckId = 1_000;

/** The service goes on as if nothing had happened: for those who are here, for newcomers, and for the one concerned. */
async function expectWell({ dial }: Pick<StartedHub, 'dial'>, ...clients: readonly TestClient[]): Promise<void> {
  for (const client of [...clients, await dial()]) {
    lastAckId += 1;
    expect(await client.ask(ask('fine', lastAckId))).toMatchObject({ success: true });
  }
}

/** Reads the request, then drops its connection without an answer. */
const hangUp: Answer = (_request, response) => void response.socket?.destroy();

/** 200 and a part of the body, then the connection is dropped. */
const breakOff: Answer = (_request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': '100' });
  response.write('half', () => response.socket?.destroy());
};

const mebibyte = Buffer.alloc(1024 * 1024, 'x');

/** 20 MiB, a chunk at a time, as far as they are wanted. */
const flood: Answer = (_request, response) => {
  let left = 20;
  response.writeHead(200, { 'Content-Type': 'text/plain' });
  const more = () => {
    while (left > 0 && !response.destroyed) {
      left -= 1;
      if (!response.write(mebibyte)) return void response.once('drain', more);
    }
    response.end();
  };
  more();
};

describe('a user event, when the upstream', () => {
  test.each([
    ['answers 20 MiB [upstream-events 7.2]', flood],
    [
      'declares 20 MiB [upstream-events 7.2]',
      reply(200, { 'Content-Type': 'text/plain', 'Content-Length': String(20 * mebibyte.length) }, 'x'),
    ],
    ['breaks off in the middle of its answer', breakOff],
    ['redirects [UE-116]', reply(302, { Location: '/fine' })],
    ['answers a type that no client takes [UE-057]', reply(200, { 'Content-Type': 'image/png' }, 'x')],
    ['answers metadata that no client takes', reply(200, { 'X-WebPubSub-Metadata-K': 'x'.repeat(1_025) }, 'x')],
    ['answers what is not UTF-8', reply(200, { 'Content-Type': 'text/plain' }, Buffer.from([0xff]))],
  ])('%s: an error ack, once, and everybody stays', async (_, answer) => {
    const hub = await startStill();
    hub.upstream.on('bad', answer);
    expect(await hub.victim.ask(ask('bad', 1))).toMatchObject(failedAck);
    expect(hub.upstream.requests.filter(({ event }) => event === 'bad')).toHaveLength(1);
    expect([hub.victim.rest, hub.bystander.rest]).toEqual([[], []]);
    await expectWell(hub, hub.victim, hub.bystander);
  });

  test('hangs: an error ack after 100 s, while others are served [upstream-events 7.1]', async () => {
    const hub = await startStill({ chat: { webSocketKeepAliveIntervalInSeconds: 120 } });
    hub.upstream.on('bad', () => {});
    const ack = hub.victim.ask(ask('bad', 1));
    await hub.upstream.next('bad');
    await expectWell(hub, hub.bystander);
    hub.clock.advance(99_999);
    await hub.victim.settle();
    expect(hub.victim.rest).toEqual([]);
    hub.clock.advance(1);
    expect(await ack).toMatchObject(failedAck);
    await expectWell(hub, hub.victim, hub.bystander);
  });

  test('hangs after its headers: the rest has its own 100 s, then an error ack', async () => {
    const hub = await startStill({ chat: { webSocketKeepAliveIntervalInSeconds: 120 } });
    hub.upstream.on('bad', (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/plain' });
      response.write('half');
    });
    const ack = hub.victim.ask(ask('bad', 1));
    await hub.upstream.next('bad');
    await expectWell(hub, hub.bystander); // more round trips than the first half of the answer needs
    hub.clock.advance(100_000);
    expect(await ack).toMatchObject(failedAck);
    await expectWell(hub, hub.victim);
  });

  test.each([
    ['answers 500, then 200 [UE-114]', reply(500)],
    ['answers 408, then 200', reply(408)],
    ['hangs up, then answers 200', hangUp],
  ])('%s: the client hears of success alone', async (_, first) => {
    const hub = await startStill();
    hub.upstream.on('shaky', inTurn(first, reply(200, { 'Content-Type': 'text/plain' }, 'at last')));
    hub.victim.send(ask('shaky', 1));
    await hub.upstream.next('shaky');
    await hub.clock.whenDueIn(1_000);
    expect(await hub.bystander.ask(ask('fine', 1))).toMatchObject({ success: true });
    hub.clock.advance(1_000);
    expect(await hub.victim.next()).toMatchObject({ data: 'at last' });
    expect(await hub.victim.next()).toEqual({ type: 'ack', ackId: 1, success: true });
  });

  test('is gone: an error ack after the retries; the service goes on, with groups as before [UE-041] [UE-117]', async () => {
    const hub = await startStill();
    await hub.upstream.stop();
    const ack = hub.victim.ask(ask('bad', 1));
    for (const delayMs of [1_000, 3_000, 5_000]) {
      await hub.clock.whenDueIn(delayMs);
      hub.clock.advance(delayMs);
    }
    expect(await ack).toMatchObject(failedAck);
    for (const client of [hub.victim, hub.bystander]) await client.settle();
  });
});

describe('a connect, when the upstream', () => {
  test.each([
    ['answers 20 MiB [upstream-events 3.2]', flood],
    ['breaks off in the middle of its answer', breakOff],
    ['redirects [UE-116]', reply(302, { Location: '/fine' })],
    ['answers what is not JSON [UE-039]', reply(200, {}, 'hello')],
  ])('%s: 500, and the next client gets in', async (_, answer) => {
    const hub = await startStill();
    hub.upstream.on('connect', inTurn(answer, reply(204)));
    expect(await hub.dial.refused()).toMatchObject({ status: 500, body: '' });
    await expectWell(hub, hub.victim, hub.bystander);
  });

  test('hangs: 500 after 100 s, while another client gets in [upstream-events 3.1]', async () => {
    const hub = await startStill({ chat: { webSocketKeepAliveIntervalInSeconds: 120 } });
    hub.upstream.on(
      'connect',
      inTurn(() => {}, reply(204)),
    );
    await hub.upstream.next('connect');
    await hub.upstream.next('connect');
    const refused = hub.dial.refused();
    await hub.upstream.next('connect');
    await expectWell(hub, hub.bystander);
    hub.clock.advance(100_000);
    expect(await refused).toMatchObject({ status: 500, body: '' });
  });

  test('answers 5xx once: the client gets in a second later and does not notice [UE-114]', async () => {
    const hub = await startStill();
    hub.upstream.on('connect', inTurn(reply(502), reply(204)));
    const opened = hub.dial();
    await hub.clock.whenDueIn(1_000);
    hub.clock.advance(1_000);
    expect(await (await opened).next()).toMatchObject({ event: 'connected' });
  });
});

test('notifications that hang or fail touch no client [UE-118]', async () => {
  const hub = await startStill();
  const held = new Held(flood);
  hub.upstream.on('connected', held.answer);
  hub.upstream.on('disconnected', breakOff);
  const client = await hub.dial();
  await expectWell(hub, client, hub.victim);
  held.release();
  await client.close();
  await hub.upstream.next('disconnected');
  await expectWell(hub, hub.victim, hub.bystander);
});

describe('managed identity', () => {
  /** An App Service identity endpoint that answers as told. The library reads its address once in a process. */
  async function identityEndpoint(): Promise<{ answer: RequestListener }> {
    const endpoint: { answer: RequestListener } = { answer: (_request, response) => void response.socket?.destroy() };
    const server = createServer((request, response) => endpoint.answer(request, response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    vi.stubEnv('IDENTITY_ENDPOINT', `http://127.0.0.1:${(server.address() as AddressInfo).port}/msi/token`);
    vi.stubEnv('IDENTITY_HEADER', 'x');
    onTestFinished(() => {
      vi.unstubAllEnvs();
      server.closeAllConnections();
      server.close();
    });
    return endpoint;
  }

  test('[upstream-events 6.1] without an identity endpoint events fail, nothing is sent, and other hubs do not notice; with one again they go out', async () => {
    const identity = await identityEndpoint();
    identity.answer = (_request, response) => void response.writeHead(400).end('{}');
    const auth = { type: 'ManagedIdentity', managedIdentity: { resource: 'api://app' } };
    const yaml = {
      hubs: {
        chat: { eventHandlers: [{ urlTemplate: 'UPSTREAM/{event}', userEventPattern: '*' }] },
        guarded: { eventHandlers: [{ urlTemplate: 'UPSTREAM/guarded/{event}', userEventPattern: '*', auth }] },
      },
    };
    const hub = await startHub({ yaml: JSON.stringify(yaml) });
    const [guarded, chat] = [await hub.dial({ hub: 'guarded' }), await hub.dial()];
    await guarded.next();
    expect(await guarded.ask(ask('bad', 1))).toMatchObject(failedAck);
    expect(hub.upstream.requests.filter(({ event }) => event === 'bad')).toEqual([]);
    await expectWell(hub, chat);
    identity.answer = (_request, response) => {
      const expires_on = String(Math.floor(Date.now() / 1000) + 3600);
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ access_token: 'the-token', expires_on, token_type: 'Bearer' }));
    };
    expect(await guarded.ask(ask('good', 2))).toMatchObject({ success: true });
    expect((await hub.upstream.next('good')).headers.authorization).toBe('Bearer the-token');
    expect(guarded.rest).toEqual([]);
  });
});

import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ConfigError, parseConfig } from '../../src/config/load.js';
import { inTurn, reply, replyJson } from '../support/answers.js';
import { ManualClock } from '../support/manual-clock.js';
import { RecordingObserver } from '../support/recording-observer.js';
import { startHub } from '../support/start-hub.js';
import type { RecordedUpstream } from '../support/upstream.js';

const everything = { systemEvents: ['connect', 'connected', 'disconnected'], userEventPattern: '*' };
const userEvents = { userEventPattern: '*' };

function vote(ackId: number) {
  return { type: 'event', event: 'vote', data: 1, ackId };
}

/** hubs.yaml of hub `chat` with these handlers. */
function chatWith(...eventHandlers: readonly object[]): string {
  return JSON.stringify({ hubs: { chat: { eventHandlers } } });
}

/** Method and URL of every request so far. */
function lines({ requests }: RecordedUpstream): string[] {
  return requests.map(({ method, url }) => `${method} ${url}`);
}

/** Lets the clock's next second not be a whole one after the keep-alive timer's, which would be taken for a retry. */
const halfStepMs = 500;

describe('validation', () => {
  test('[UE-080] [UE-081] [UE-106] OPTIONS precedes the POST, with an origin and without a signature', async () => {
    const { dial, upstream } = await startHub({
      handler: { ...userEvents, path: '/hooks/{hub}/{event}?code=k1&x=%20' },
    });
    const client = await dial();
    await client.ask(vote(1));
    expect(lines(upstream)).toEqual([
      'OPTIONS /hooks/chat/validate?code=k1&x=%20',
      'POST /hooks/chat/vote?code=k1&x=%20',
    ]);
    const { headers, body } = upstream.requests[0]!;
    const ours = Object.keys(headers).filter(name => !['host', 'connection', 'content-length'].includes(name));
    expect(ours.sort()).toEqual(['ce-awpsversion', 'webhook-request-origin']);
    expect([headers['ce-awpsversion'], headers['webhook-request-origin'], body.length]).toEqual([
      '1.0',
      'localhost',
      0,
    ]);
  });

  test('[UE-085] an app that does not allow us: connect 500, and no POST ever', async () => {
    const observer = new RecordingObserver();
    const { service, dial, upstream } = await startHub({ observer });
    upstream.onValidate(reply(200));
    await service.reload(parse(upstream, { urlTemplate: 'UPSTREAM/{event}', ...everything }));
    expect(await dial.refused()).toMatchObject({ status: 500, body: '' });
    expect(observer.events).toMatchObject([{ kind: 'connect', outcome: 'failed', attempts: 0 }]);
    expect(service.handlers).toMatchObject([
      { state: 'failed', answered: 'answered 200 without WebHook-Allowed-Origin' },
    ]);
    expect(lines(upstream)).toEqual(['OPTIONS /validate']);
  });

  test('[UE-086] [UE-087] GET is asked on 404 only', async () => {
    const { service, upstream } = await startHub();
    upstream.onValidate(({ method, url }, response) => {
      const status = method === 'GET' ? 200 : url === '/gone' ? 404 : 405;
      response.writeHead(status, { 'WebHook-Allowed-Origin': '*' }).end();
    });
    await service.reload(parse(upstream, { urlTemplate: 'UPSTREAM/gone' }, { urlTemplate: 'UPSTREAM/stubborn' }));
    expect(service.handlers.map(({ state }) => state)).toEqual(['active', 'failed']);
    expect(lines(upstream).sort()).toEqual(['GET /gone', 'OPTIONS /gone', 'OPTIONS /stubborn']);
  });

  test('[UE-082] [UE-083] [UE-084] [UE-090] who counts as allowed', async () => {
    const { service, upstream } = await startHub({ endpoints: ['http://pubsub.test:8080'] });
    const allowed: Record<string, string | string[]> = {
      '/star': '*',
      '/case': 'PubSub.TEST',
      '/port': 'pubsub.test:8080',
      '/second': ['other.test', 'pubsub.test'],
      '/list': 'other.test, pubsub.test',
      '/other': 'other.test',
      '/wrongport': 'pubsub.test:9999',
    };
    upstream.onValidate(({ url }, response) => {
      response.writeHead(200, { 'WebHook-Allowed-Origin': allowed[url] ?? '' }).end();
    });
    const handlers = Object.keys(allowed).map(path => ({ urlTemplate: `UPSTREAM${path}` }));
    await service.reload(parse(upstream, ...handlers));
    expect(service.handlers.map(({ url, state }) => [new URL(url).pathname, state])).toEqual([
      ...['/star', '/case', '/port', '/second'].map(path => [path, 'active']),
      ...['/list', '/other', '/wrongport'].map(path => [path, 'failed']),
    ]);
  });

  test('[UE-088] [UE-089] ten clients at once within 60 s: the one OPTIONS of the start', async () => {
    const { dial, upstream } = await startHub({ handler: everything });
    await Promise.all(Array.from({ length: 10 }, () => dial()));
    expect(upstream.requests.filter(({ method }) => method === 'OPTIONS')).toHaveLength(1);
    expect(upstream.requests.filter(({ event }) => event === 'connect')).toHaveLength(10);
  });
});

describe('matching and URL', () => {
  test('[UE-100] [UE-101] [UE-103] [UE-104] the first that matches gets it, in the client’s spelling', async () => {
    const yaml = chatWith(
      { urlTemplate: 'UPSTREAM/first/{event}', userEventPattern: 'a.b, Vote' },
      { urlTemplate: 'UPSTREAM/second?e={event}', systemEvents: ['connect'], userEventPattern: 'vote, c' },
      { urlTemplate: 'UPSTREAM/third', systemEvents: ['connect', 'connected'] },
    );
    const { dial, upstream } = await startHub({ yaml });
    const client = await dial();
    await upstream.next('connected');
    for (const [at, event] of ['VOTE', 'a.b', 'C'].entries()) {
      expect(await client.ask({ type: 'event', event, data: 1, ackId: at + 1 })).toMatchObject({ success: true });
    }
    for (const [at, event] of ['connected', 'd', 'message'].entries()) {
      expect(await client.ask({ type: 'event', event, data: 1, ackId: at + 10 })).toMatchObject({ success: false });
    }
    expect(lines(upstream).filter(line => line.startsWith('POST'))).toEqual([
      'POST /second?e=connect',
      'POST /third',
      'POST /first/VOTE',
      'POST /first/a.b',
      'POST /second?e=C',
    ]);
    const types = upstream.requests.map(({ headers }) => headers['ce-type']);
    expect(types.slice(-3)).toEqual(['VOTE', 'a.b', 'C'].map(name => `azure.webpubsub.user.${name}`));
  });

  test('[UE-102] without systemEvents none is sent', async () => {
    const { service, dial, upstream } = await startHub({
      yaml: chatWith({ urlTemplate: 'UPSTREAM/{event}', ...userEvents }),
    });
    const client = await dial();
    await client.ask(vote(1));
    await client.close();
    await service.stop();
    expect(lines(upstream)).toEqual(['OPTIONS /validate', 'POST /vote']);
  });

  test.each(['http://{hub}.test/x', 'http://app.test:{event}/x', 'http://app.test/{user}'])(
    '[UE-105] %s is refused, and the place is named',
    urlTemplate => {
      const read = () => parseConfig(chatWith({ urlTemplate }), { file: 'hubs.yaml', env: {} });
      expect(read).toThrow(ConfigError);
      expect(read).toThrow('hubs.chat.eventHandlers[0].urlTemplate');
    },
  );

  test('[upstream-events D43] a hub without settings has no handlers', async () => {
    const { dial, upstream } = await startHub({ handler: everything });
    const client = await dial({ hub: 'other' });
    expect(await client.ask(vote(1))).toMatchObject({ success: false });
    expect(lines(upstream)).toEqual(['OPTIONS /validate']);
  });
});

describe('reload', () => {
  test('[upstream-events 5.3] applies to the next event of a client that is connected', async () => {
    const { service, dial, upstream } = await startHub({ handler: everything });
    const client = await dial();
    await client.ask(vote(1));
    await service.reload(parse(upstream, { urlTemplate: 'UPSTREAM/new/{event}', ...userEvents }));
    expect(await client.ask(vote(2))).toMatchObject({ success: true });
    await service.reload(parseConfig('hubs: {}', { file: 'hubs.yaml', env: {} }));
    expect(await client.ask(vote(3))).toMatchObject({ success: false });
    await client.close();
    await service.stop();
    const ofEvents = upstream.requests.filter(({ method }) => method === 'POST');
    expect(ofEvents.map(({ url, headers }) => [url, headers['ce-id']])).toEqual([
      ['/connect', '0'],
      ['/connected', '1'],
      ['/vote', '2'],
      ['/new/vote', '3'],
    ]);
  });
});

describe('security and delivery', () => {
  test('[UE-110] [UE-111] one signature per key, made with the key’s characters', async () => {
    const keys = {
      primary: 'cHJpbWFyeS1rZXktb2YtdGhlLXRlc3QtMDAwMDAwMDA=',
      secondary: 'the-secondary-key-of-this-test-0000000',
    };
    const { dial, upstream } = await startHub({ handler: everything, keys });
    await dial();
    const { headers } = await upstream.next('connect');
    const hmac = (key: string) => createHmac('sha256', key).update(String(headers['ce-connectionid'])).digest('hex');
    expect(headers['ce-signature']).toBe(`sha256=${hmac(keys.primary)},sha256=${hmac(keys.secondary)}`);
  });

  test('[upstream-events D7] several endpoints are one list', async () => {
    const { service, dial, upstream } = await startHub({
      handler: everything,
      endpoints: ['https://a.test', 'https://b.test/base'],
    });
    const base = service.publicUrl.replace(/^http/, 'ws');
    await dial({ url: `${base}/client/hubs/chat${new URL(service.clientUrl('chat', {}, 5)).search}` });
    await upstream.next('connect');
    expect(upstream.requests.map(({ headers }) => headers['webhook-request-origin'])).toEqual(
      upstream.requests.map(() => 'a.test,b.test'),
    );
  });

  test('[UE-114] 503 then 200: one retry after 1 s with the same id', async () => {
    const clock = new ManualClock();
    const { dial, upstream } = await startHub({ handler: userEvents, clock });
    upstream.on('vote', inTurn(reply(503), replyJson('done')));
    const client = await dial();
    await client.next();
    clock.advance(halfStepMs);
    client.send(vote(1));
    const first = await upstream.next('vote');
    await clock.whenDueIn(1_000);
    await client.settle();
    expect(client.rest).toEqual([]);
    clock.advance(1_000);
    const second = await upstream.next('vote');
    expect(await client.next()).toMatchObject({ data: 'done' });
    expect(await client.next()).toMatchObject({ ackId: 1, success: true });
    expect(second).toEqual(first);
  });

  test('[UE-115] [UE-116] neither 429 nor 302 is asked again', async () => {
    const { dial, upstream } = await startHub({ handler: userEvents });
    upstream.on('*', reply(429));
    upstream.on('moved', reply(302, { Location: '/elsewhere' }));
    const client = await dial();
    expect(await client.ask(vote(1))).toMatchObject({ success: false });
    expect(await client.ask({ type: 'event', event: 'moved', data: 1, ackId: 2 })).toMatchObject({ success: false });
    expect(lines(upstream)).toEqual(['OPTIONS /validate', 'POST /vote', 'POST /moved']);
  });

  test('[UE-117] four attempts after 1, 3 and 5 s, then the event fails; the next one is tried anew', async () => {
    const clock = new ManualClock();
    const { dial, upstream } = await startHub({ handler: userEvents, clock });
    upstream.on('vote', reply(500));
    const client = await dial();
    clock.advance(halfStepMs);
    const ack = client.ask(vote(1));
    for (const delayMs of [1_000, 3_000, 5_000]) {
      await clock.whenDueIn(delayMs);
      clock.advance(delayMs);
    }
    expect(await ack).toMatchObject({ success: false, error: { name: 'InternalServerError' } });
    expect(upstream.requests.filter(({ event }) => event === 'vote')).toHaveLength(4);
    upstream.on('vote', reply(204));
    expect(await client.ask(vote(2))).toMatchObject({ success: true });
  });

  test('[UE-118] a failing `connected` does not touch the client', async () => {
    const observer = new RecordingObserver();
    const { dial, upstream } = await startHub({ handler: everything, observer });
    upstream.on('connected', reply(400));
    const client = await dial();
    await observer.until(({ events }) =>
      events.some(({ kind, outcome }) => kind === 'connected' && outcome === 'failed'),
    );
    expect(await client.ask(vote(1))).toMatchObject({ success: true });
  });
});

/** The configuration of hub `chat` with these handlers of the recorded upstream. */
function parse({ origin }: RecordedUpstream, ...handlers: readonly object[]) {
  return parseConfig(chatWith(...handlers).replaceAll('UPSTREAM', origin), { file: 'hubs.yaml', env: {} });
}

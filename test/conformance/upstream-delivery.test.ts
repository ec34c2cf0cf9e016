import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { WebPubSubEventHandler } from '@azure/web-pubsub-express';
import { HTTP } from 'cloudevents';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { signer } from '../../src/auth/signature.js';
import { ConnectRefused, type PubSubError } from '../../src/errors.js';
import type { ConnectRequest } from '../../src/hub/ports.js';
import type { DataType, Payload } from '../../src/protocols/messages.js';
import type { HandledEvents } from '../../src/upstream/connection-events.js';
import { EventHandlers } from '../../src/upstream/event-handlers.js';
import {
  type DeliveryOptions,
  defaultDelivery,
  type EventHandlerOptions,
  type HubHandlers,
} from '../../src/upstream/options.js';
import { AppServer, type Received, type Respond } from '../support/app-server.js';
import { ManualClock } from '../support/manual-clock.js';
import { RecordingObserver } from '../support/recording-observer.js';

/** Express has no type declarations of its own; this is what the test needs of it. */
const express = createRequire(import.meta.url)('express') as () => RequestListener & {
  use(middleware: unknown): unknown;
};

const allSystem = ['connect', 'connected', 'disconnected'] as const;
const subprotocol = 'json.webpubsub.azure.v1';

const client: ConnectRequest = {
  userId: 'nora',
  claims: { sub: ['nora'] },
  query: { x: ['1', '2'] },
  headers: { 'User-Agent': ['demo/3'] },
  subprotocols: [subprotocol, 'other'],
  clientCertificates: [],
};

let app: AppServer;
let clock: ManualClock;
let observer: RecordingObserver;
let upstream: EventHandlers;

beforeEach(async () => {
  app = await AppServer.start();
  clock = new ManualClock();
  observer = new RecordingObserver();
  upstream = newUpstream();
});

afterEach(async () => {
  expect(observer.faults).toEqual([]);
  await Promise.all([upstream.close(), app.close()]);
});

function newUpstream(overrides: Partial<ConstructorParameters<typeof EventHandlers>[0]> = {}): EventHandlers {
  const sign = signer({ primary: 'k', secondary: 's' });
  const tokens = { token: async (resource: string) => `token-for-${resource}` };
  return new EventHandlers({
    origins: ['pubsub.test'],
    originsWithPort: ['pubsub.test:8080'],
    ports: [8080],
    sign,
    tokens,
    clock,
    observer,
    ...overrides,
  });
}

function handler(overrides: Partial<EventHandlerOptions> = {}): EventHandlerOptions {
  const urlTemplate = `${app.url}/{hub}/{event}?code=k1`;
  return { urlTemplate, systemEvents: allSystem, userEventPattern: '*', auth: { type: 'None' }, ...overrides };
}

function chat(...eventHandlers: EventHandlerOptions[]): HubHandlers[] {
  return [{ hub: 'Chat', eventHandlers: eventHandlers.length > 0 ? eventHandlers : [handler()] }];
}

/** A configured upstream and a session of connection `c1`. */
async function open(hubs = chat(), delivery: Partial<DeliveryOptions> = {}): Promise<HandledEvents> {
  await upstream.configure(hubs, { ...defaultDelivery, ...delivery });
  return upstream.open('chat', 'c1');
}

function payload(dataType: DataType, content: string | Buffer, metadata?: ReadonlyMap<string, string>): Payload {
  return { dataType, bytes: Buffer.from(content), metadata };
}

const hi = payload('text', 'hi');

const failureOf = (outcome: Promise<unknown> | undefined): Promise<PubSubError> =>
  Promise.resolve(outcome).then(
    value => {
      throw new Error(`expected a failure, got ${JSON.stringify(value)}`);
    },
    (error: PubSubError) => error,
  );

function answer(status: number, headers: Record<string, string | string[]> = {}, body: string | Buffer = ''): Respond {
  return response => void response.writeHead(status, headers).end(body);
}

/** Answers each POST with the next one; the last repeats. */
function answers(...responds: Respond[]): Respond {
  return (response, request) => (responds.length > 1 ? responds.shift()! : responds[0]!)(response, request);
}

/** What the CloudEvents SDK reads in a request. */
function eventOf(request: Received) {
  return HTTP.toEvent({ headers: request.headers, body: request.body.toString() }) as Record<string, unknown>;
}

/** Header names and values, without those that belong to the HTTP connection. */
function wireHeaders(request: Received): Map<string, string> {
  const raw = request.rawHeaders;
  const pairs = Array.from({ length: raw.length / 2 }, (_, i) => [raw[2 * i]!, raw[2 * i + 1]!] as const);
  return new Map(pairs.filter(([name]) => !['host', 'connection', 'content-length'].includes(name)));
}

describe('requests', () => {
  test('[UE-001] [UE-009] [UE-011] [UE-012] [UE-015] [UE-024] [UE-110] each kind of event, read back', async () => {
    const session = await open();
    await session.connect(client);
    session.identify('nora', subprotocol);
    session.connected();
    await session.event('Vote.cast', payload('json', '{"n": 3}'));
    session.disconnected('tab closed');
    await observer.until(({ events }) => events.length === 4);

    const ids = ['0', '1', '2', '3'];
    const byId = ids.map(id => app.posts.find(({ headers }) => headers['ce-id'] === id)!);
    expect(byId.map(eventOf)).toMatchObject([
      { id: '0', type: 'azure.webpubsub.sys.connect', eventname: 'connect' },
      { id: '1', type: 'azure.webpubsub.sys.connected', eventname: 'connected', data: {}, subprotocol },
      { id: '2', type: 'azure.webpubsub.user.Vote.cast', eventname: 'Vote.cast', data: { n: 3 }, subprotocol },
      { id: '3', type: 'azure.webpubsub.sys.disconnected', data: { reason: 'tab closed' }, subprotocol },
    ]);
    expect(byId.map(({ path }) => path)).toEqual([
      '/Chat/connect?code=k1',
      '/Chat/connected?code=k1',
      '/Chat/Vote.cast?code=k1',
      '/Chat/disconnected?code=k1',
    ]);
    for (const request of byId) {
      const headers = wireHeaders(request);
      expect(headers.get('ce-specversion')).toBe('1.0');
      expect(headers.get('ce-awpsversion')).toBe('1.0');
      expect(headers.get('ce-source')).toBe('/hubs/Chat/client/c1');
      expect(headers.get('ce-time')).toBe('2030-01-02T03:04:05Z');
      expect(headers.get('ce-hub')).toBe('Chat');
      expect(headers.get('ce-userId')).toBe('nora');
      expect(headers.get('ce-connectionId')).toBe('c1');
      expect(headers.get('ce-signature')).toBe(signer({ primary: 'k', secondary: 's' })('c1'));
      expect(headers.get('WebHook-Request-Origin')).toBe('pubsub.test');
      expect(headers.get('x-ms-client-request-id')).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      expect(headers.has('Authorization')).toBe(false);
    }
    expect(wireHeaders(byId[0]!).has('ce-subprotocol')).toBe(false);
    expect(new Set(byId.map(({ headers }) => headers['x-ms-client-request-id'])).size).toBe(4);
  });

  test('[UE-017…020] the connect body', async () => {
    const session = await open();
    await session.connect(client);
    const [connect] = app.posts;
    expect(connect?.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(JSON.parse(connect!.body.toString())).toEqual({
      claims: { sub: ['nora'] },
      query: { x: ['1', '2'] },
      headers: { 'User-Agent': ['demo/3'] },
      subprotocols: [subprotocol, 'other'],
      clientCertificates: [],
    });
  });

  test('[UE-021] [UE-022] the bodies of notifications, to the byte', async () => {
    const session = await open();
    session.connected();
    session.disconnected('bye "é"');
    await observer.until(({ events }) => events.length === 2);
    const bodies = app.posts.map(({ body }) => body.toString()).sort();
    expect(bodies).toEqual(['{"reason":"bye \\"é\\""}', '{}']);
  });

  test.each([
    ['[UE-002]', 'text', Buffer.from('hi é'), 'text/plain; charset=utf-8'],
    ['[UE-006]', 'json', Buffer.from('{"n": 3.0}'), 'application/json'],
    ['[UE-003] [UE-008]', 'binary', Buffer.from([0, 1, 255]), 'application/octet-stream'],
    ['[upstream-events D11]', 'protobuf', Buffer.from([10, 0]), 'application/x-protobuf'],
    ['[UE-023]', 'text', Buffer.alloc(0), 'text/plain; charset=utf-8'],
  ] as const)('%s %s is sent as it is', async (_, dataType, bytes, type) => {
    const session = await open();
    await session.event('message', payload(dataType, bytes));
    const [post] = app.posts;
    expect(post?.headers['content-type']).toBe(type);
    expect(post?.headers['content-length']).toBe(String(bytes.length));
    expect(post?.body).toEqual(bytes);
  });

  test('[upstream-events 2.2] message metadata goes out in headers', async () => {
    const session = await open();
    await session.event('message', payload('text', 'hi', new Map([['Trace-Id', 'T 1']])));
    expect(wireHeaders(app.posts[0]!).get('X-WebPubSub-Metadata-trace-id')).toBe('T 1');
  });

  test('[UE-010] without a connect handler connected still is 1, and unsubscribed events take ids too', async () => {
    const session = await open(chat(handler({ systemEvents: ['disconnected'], userEventPattern: undefined })));
    expect(await session.connect(client)).toBeUndefined();
    session.connected();
    await failureOf(session.event('message', hi));
    session.disconnected('');
    await observer.until(({ events }) => events.some(({ kind }) => kind === 'disconnected'));
    expect(app.posts.map(({ headers }) => headers['ce-id'])).toEqual(['3']);
  });

  test('[UE-013] [UE-016] an anonymous simple client', async () => {
    const session = await open();
    session.identify('', undefined);
    await session.event('message', hi);
    const headers = wireHeaders(app.posts[0]!);
    expect(headers.has('ce-userId')).toBe(false);
    expect(headers.has('ce-subprotocol')).toBe(false);
    expect(headers.has('ce-connectionState')).toBe(false);
  });

  test('[UE-014] the bytes of ce-userId are UTF-8', async () => {
    const session = await open();
    session.identify('é日', undefined);
    await session.event('message', hi);
    expect(Buffer.from(app.posts[0]!.headers['ce-userid'] as string, 'latin1').toString('utf8')).toBe('é日');
  });

  test('[UE-033] after connect renamed the user, events carry the new name', async () => {
    const session = await open();
    await session.connect(client);
    session.identify('bob', 'other');
    await session.event('message', hi);
    expect(app.posts.map(({ headers }) => headers['ce-userid'])).toEqual(['nora', 'bob']);
    expect(app.posts[1]?.headers['ce-subprotocol']).toBe('other');
  });

  test('[upstream-events 4.4] several origins are one list, on validation and on events', async () => {
    await upstream.close();
    upstream = newUpstream({ origins: ['a.test', 'b.test'] });
    app.onOptions = answer(200, { 'WebHook-Allowed-Origin': 'b.test' });
    const session = await open();
    await session.event('message', hi);
    expect(app.requests.map(({ headers }) => headers['webhook-request-origin'])).toEqual([
      'a.test,b.test',
      'a.test,b.test',
    ]);
  });
});

describe('connect answers', () => {
  test('[UE-033] [UE-040] a JSON body without Content-Type', async () => {
    app.onPost = answer(200, {}, '{"userId":"bob","groups":[],"roles":["r"],"subprotocol":"other"}');
    const session = await open();
    expect(await session.connect(client)).toEqual({
      userId: 'bob',
      groups: [],
      roles: ['r'],
      subprotocol: 'other',
    });
  });

  test.each([
    ['[UE-030] 204', answer(204)],
    ['[UE-031] 200 and no body', answer(200)],
  ])('%s', async (_, respond) => {
    app.onPost = respond;
    const session = await open();
    expect(await session.connect(client)).toEqual({});
    expect(observer.events).toMatchObject([{ kind: 'connect', outcome: 'success', attempts: 1, reason: undefined }]);
  });

  test('[UE-038] 401 refuses with its text', async () => {
    app.onPost = answer(401, { 'Content-Type': 'text/plain' }, 'who are you?');
    const session = await open();
    const error = await failureOf(session.connect(client));
    expect(error).toBeInstanceOf(ConnectRefused);
    expect(error).toMatchObject({ status: 401, body: Buffer.from('who are you?'), contentType: 'text/plain' });
    expect(observer.events).toMatchObject([{ outcome: 'refused', attempts: 1 }]);
  });

  test('[upstream-events D17] of a long refusal 4 KiB are kept, whatever its size', async () => {
    app.onPost = answer(403, { 'Content-Type': 'text/plain' }, 'x'.repeat(300_000));
    const session = await open(chat(), { maxResponseBytes: 1000 });
    const error = await failureOf(session.connect(client));
    expect(error).toMatchObject({ status: 403, body: Buffer.from('x'.repeat(4096)) });
  });

  test('[upstream-events 3.2] 503 after the retries refuses with 503', async () => {
    app.onPost = answer(503, {}, 'later');
    const session = await open();
    const failure = failureOf(session.connect(client));
    for (const delayMs of [1000, 3000, 5000]) {
      await clock.whenDueIn(delayMs);
      clock.advance(delayMs);
    }
    expect(await failure).toMatchObject({ status: 503, body: Buffer.from('later') });
    expect(observer.events).toMatchObject([{ outcome: 'failed', attempts: 4, durationMs: 9000 }]);
  });

  test.each([
    ['[UE-037] a subprotocol that was not offered', '{"subprotocol":"x"}'],
    ['[UE-039] malformed JSON', '{'],
  ])('%s fails', async (_, body) => {
    app.onPost = answer(200, {}, body);
    const session = await open();
    const error = await failureOf(session.connect(client));
    expect(error).not.toBeInstanceOf(ConnectRefused);
    expect(error).toMatchObject({ kind: 'eventFailed' });
    expect(observer.events).toMatchObject([{ outcome: 'failed', attempts: 1 }]);
  });

  test('[UE-041] a refused TCP connection fails after the retries', async () => {
    const session = await open();
    await app.close();
    const failure = failureOf(session.connect(client));
    for (const delayMs of [1000, 3000, 5000]) {
      await clock.whenDueIn(delayMs);
      clock.advance(delayMs);
    }
    expect(await failure).toMatchObject({ kind: 'eventFailed' });
    expect(observer.events).toMatchObject([{ outcome: 'failed', attempts: 4 }]);
    app = await AppServer.start();
  });
});

describe('user-event answers', () => {
  test.each([
    ['[UE-050]', 'text/plain', 'text', 'hello'],
    ['[UE-052] [UE-053]', 'application/json', 'json', '{"total": 9}'],
    ['[UE-051] [UE-054]', 'application/octet-stream', 'binary', Buffer.from([1, 2, 3])],
    ['[upstream-events 3.3]', 'application/x-protobuf', 'protobuf', Buffer.from([10])],
    ['[UE-056]', undefined, 'binary', 'x'],
  ])('%s %s is %s', async (_, type, dataType, body) => {
    app.onPost = answer(200, type ? { 'Content-Type': type } : {}, body);
    const session = await open();
    expect(await session.event('message', hi)).toEqual({ dataType, bytes: Buffer.from(body), metadata: undefined });
  });

  test('[UE-055] an empty octet-stream is no message', async () => {
    app.onPost = answer(200, { 'Content-Type': 'application/octet-stream' });
    const session = await open();
    expect(await session.event('message', hi)).toBeUndefined();
  });

  test('[UE-065] metadata: several lines and a comma list', async () => {
    app.onPost = answer(200, { 'Content-Type': 'text/plain', 'X-WebPubSub-Metadata-Foo': ['x', 'a, b'] }, 'hi');
    const session = await open();
    expect((await session.event('message', hi))?.metadata).toEqual(new Map([['foo', 'b']]));
  });

  test.each([
    ['[UE-057] image/png with a body', answer(200, { 'Content-Type': 'image/png' }, 'x'), 'Content-Type'],
    ['[UE-059] 400', answer(400, {}, 'hunter2'), 'answered 400'],
    ['[UE-115] 429', answer(429), 'answered 429'],
    ['[UE-116] 302', answer(302, { Location: '/elsewhere?code=hunter2' }), 'redirects are not followed'],
  ])('%s fails the event, once, and says so without secrets', async (_, respond, reason) => {
    app.onPost = respond;
    const session = await open();
    expect(await failureOf(session.event('message', hi))).toMatchObject({ kind: 'eventFailed' });
    expect(app.posts).toHaveLength(1);
    expect(observer.events).toMatchObject([{ kind: 'user', event: 'message', outcome: 'failed', attempts: 1 }]);
    expect(observer.events[0]?.reason).toContain(reason);
    expect(observer.events[0]?.reason).not.toContain('hunter2');
  });

  test('[UE-064] connections do not wait for each other', async () => {
    const held: (() => void)[] = [];
    app.onPost = response => void held.push(() => response.writeHead(204).end());
    await open();
    const events = ['c1', 'c2', 'c3'].map(id => upstream.open('chat', id).event('message', hi));
    await app.until(({ posts }) => posts.length === 3);
    for (const release of held) release();
    expect(await Promise.all(events)).toEqual([undefined, undefined, undefined]);
  });
});

describe('state and cookies', () => {
  test('[UE-070] [UE-071] [UE-074] connect and user events set the state, and later events carry it', async () => {
    app.onPost = answers(
      answer(204, { 'ce-connectionState': 's1==' }),
      answer(204, { 'ce-connectionState': ['x', 's2'] }),
      answer(204),
      answer(204, { 'ce-connectionState': '' }),
      answer(204),
    );
    const session = await open();
    await session.connect(client);
    for (let turn = 0; turn < 4; turn += 1) await session.event('message', hi);
    session.disconnected('');
    await observer.until(({ events }) => events.length === 6);
    const states = app.posts.map(({ headers }) => headers['ce-connectionstate']);
    expect(states).toEqual([undefined, 's1==', 's2', 's2', '', '']);
  });

  test('[UE-072] what connected answers is ignored', async () => {
    app.onPost = answer(204, { 'ce-connectionState': 's1' });
    const session = await open();
    session.connected();
    await observer.until(({ events }) => events.length === 1);
    await session.event('message', hi);
    expect(app.posts[1]?.headers).not.toHaveProperty('ce-connectionstate');
  });

  test('[UE-073] a failed answer sets no state and no cookie', async () => {
    app.onPost = answer(400, { 'ce-connectionState': 's1', 'Set-Cookie': 'a=1' });
    const session = await open();
    await failureOf(session.event('message', hi));
    await failureOf(session.event('message', hi));
    expect(app.posts[1]?.headers).not.toHaveProperty('ce-connectionstate');
    expect(app.posts[1]?.headers).not.toHaveProperty('cookie');
  });

  test('[F6] [upstream-events 2.2] a state that no header can carry fails its own event, and no later one', async () => {
    app.onPost = answers(answer(204, { 'ce-connectionState': 'é' }), answer(204));
    const session = await open();
    expect(await failureOf(session.event('message', hi))).toMatchObject({ kind: 'eventFailed' });
    await session.event('message', hi);
    expect(app.posts).toHaveLength(2);
    expect(app.posts[1]?.headers).not.toHaveProperty('ce-connectionstate');
    expect(observer.events).toMatchObject([{ outcome: 'failed' }, { outcome: 'success', attempts: 1 }]);
  });

  test('[UE-075] cookies belong to one connection, and are not for validation', async () => {
    app.onPost = answers(answer(204, { 'Set-Cookie': ['a=1; Path=/', 'b=2; Path=/Chat/vote'] }), answer(204));
    const session = await open();
    await session.connect(client);
    await session.event('vote', hi);
    await session.event('other', hi);
    await upstream.open('chat', 'c2').event('vote', hi);
    expect(app.posts.map(({ headers }) => headers.cookie)).toEqual([undefined, 'b=2; a=1', 'a=1', undefined]);
    clock.advance(60_000);
    await session.event('vote', hi);
    await app.until(({ validations }) => validations.length === 2);
    expect(app.validations.every(({ headers }) => headers.cookie === undefined)).toBe(true);
  });
});

describe('validation', () => {
  test('[UE-080] [UE-081] [UE-106] OPTIONS precedes the POST, with two headers of ours and no more', async () => {
    const session = await open();
    await session.event('message', hi);
    expect(app.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'OPTIONS /Chat/validate?code=k1',
      'POST /Chat/message?code=k1',
    ]);
    expect([...wireHeaders(app.requests[0]!)]).toEqual([
      ['WebHook-Request-Origin', 'pubsub.test'],
      ['ce-awpsversion', '1.0'],
    ]);
    expect(app.requests[0]?.body).toHaveLength(0);
  });

  test.each([
    ['[UE-082] *', '*'],
    ['[UE-083] the origin in other case', 'PubSub.TEST'],
    ['[UE-084] two lines, the second matches', ['x.test', 'pubsub.test']],
    ['[upstream-events 4.2] with our own port', 'pubsub.test:8080'],
  ])('%s is valid', async (_, allowed) => {
    app.onOptions = answer(200, { 'WebHook-Allowed-Origin': allowed });
    const session = await open();
    await session.event('message', hi);
    expect(app.posts).toHaveLength(1);
  });

  test('[UE-085] 200 without the header: no POST, connect and user events fail, notifications are dropped', async () => {
    app.onOptions = answer(200);
    const session = await open();
    expect(await failureOf(session.connect(client))).toMatchObject({ kind: 'eventFailed' });
    expect(await failureOf(session.event('message', hi))).toMatchObject({ kind: 'eventFailed' });
    session.connected();
    await observer.until(({ events }) => events.length === 3);
    expect(app.posts).toHaveLength(0);
    expect(observer.events.map(({ outcome, attempts }) => [outcome, attempts])).toEqual(Array(3).fill(['failed', 0]));
    expect(upstream.statuses()).toEqual([
      {
        hub: 'Chat',
        url: `${app.url}/{hub}/{event}?code=***`,
        events: 'connect, connected, disconnected, user events *',
        state: 'failed',
        answered: 'answered 200 without WebHook-Allowed-Origin',
        advice: 'answer OPTIONS with "WebHook-Allowed-Origin: pubsub.test" or "*"',
      },
    ]);
  });

  test('[UE-086] 404 on OPTIONS and a good GET is valid', async () => {
    app.onOptions = answer(404);
    app.onGet = answer(200, { 'WebHook-Allowed-Origin': '*' });
    const session = await open();
    await session.event('message', hi);
    expect(app.requests.map(({ method }) => method)).toEqual(['OPTIONS', 'GET', 'POST']);
    expect([...wireHeaders(app.requests[1]!)]).toEqual([...wireHeaders(app.requests[0]!)]);
  });

  test('[UE-087] 405 is invalid and there is no GET', async () => {
    app.onOptions = answer(405, { 'WebHook-Allowed-Origin': '*' });
    const session = await open();
    await failureOf(session.event('message', hi));
    expect(app.requests.map(({ method }) => method)).toEqual(['OPTIONS']);
  });

  test('[UE-088] ten connects at the very start wait for one OPTIONS', async () => {
    const configured = upstream.configure(chat(), defaultDelivery);
    const connects = Array.from({ length: 10 }, (_, i) => upstream.open('chat', `c${i}`).connect(client));
    expect(await Promise.all(connects)).toHaveLength(10);
    await configured;
    expect(app.validations).toHaveLength(1);
    expect(app.posts).toHaveLength(10);
  });

  test('[UE-089] no new OPTIONS within 60 s; after that one, in the background', async () => {
    const session = await open();
    clock.advance(59_999);
    await session.event('message', hi);
    expect(app.validations).toHaveLength(1);
    clock.advance(1);
    await Promise.all([session.event('message', hi), upstream.open('chat', 'c2').event('message', hi)]);
    await app.until(({ validations }) => validations.length === 2);
    expect(app.posts).toHaveLength(3);
  });

  test('[UE-090] the vendor’s express middleware with allowedEndpoints, which answers host:port', async () => {
    const seen: unknown[] = [];
    const vendor = new WebPubSubEventHandler('chat', {
      path: '/api',
      allowedEndpoints: ['http://other.test', 'http://PubSub.test:8080'],
      handleConnect: (request, response) => {
        seen.push(request.context, request.claims, request.queries, request.subprotocols);
        response.setState('step', { n: 1 });
        response.success({ userId: 'bob' });
      },
      handleUserEvent: (request, response) => {
        seen.push(request.context.eventName, request.context.states, request.data, request.dataType);
        response.success('thanks', 'text');
      },
    });
    const vendorApp = express();
    vendorApp.use(vendor.getMiddleware());
    const server = createServer(vendorApp).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const urlTemplate = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`;
    const session = await open(chat(handler({ urlTemplate })));
    expect(await session.connect(client)).toMatchObject({ userId: 'bob' });
    session.identify('bob', undefined);
    expect(await session.event('vote', payload('json', '{"n":3}'))).toMatchObject({
      dataType: 'text',
      bytes: Buffer.from('thanks'),
    });
    expect(seen).toMatchObject([
      { hub: 'Chat', connectionId: 'c1', userId: 'nora', origin: 'pubsub.test' },
      client.claims,
      client.query,
      client.subprotocols,
      'vote',
      { step: { n: 1 } },
      { n: 3 },
      'json',
    ]);
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  });

  test('[design 2] an app that starts late is found in the background, without events', async () => {
    const { url, port } = app;
    const target = handler();
    await app.close();
    await upstream.configure(chat(target), defaultDelivery);
    expect(upstream.statuses()).toMatchObject([
      { state: 'failed', answered: 'connection refused', advice: `is the app running at ${url}?` },
    ]);
    app = await AppServer.start(port);
    clock.advance(1000);
    await observer.until(({ handlers }) => handlers.length === 2);
    expect(observer.handlers.map(({ state }) => state)).toEqual(['failed', 'active']);
    expect(upstream.statuses()).toMatchObject([
      { state: 'active', answered: 'answered 200 with WebHook-Allowed-Origin: *' },
    ]);
  });

  test('[design 2] an event more than 1 s after a failed try has it tried at once, and goes out when that succeeds', async () => {
    app.onOptions = answer(503);
    const session = await open();
    await clock.advanceAsync(1000);
    await clock.whenDueIn(2000);
    clock.advance(1500);
    app.onOptions = answer(204, { 'WebHook-Allowed-Origin': '*' });
    expect(await session.event('message', hi)).toBeUndefined();
    expect(app.validations).toHaveLength(3);
    expect(observer.handlers.map(({ hub, state }) => [hub, state])).toEqual([
      ['Chat', 'failed'],
      ['Chat', 'active'],
    ]);
  });

  test('[design 2] an upstream that hangs is given up after 10 s', async () => {
    app.onOptions = () => {};
    const configured = upstream.configure(chat(), defaultDelivery);
    await app.until(({ validations }) => validations.length === 1);
    clock.advance(10_000);
    await configured;
    expect(upstream.statuses()).toMatchObject([{ state: 'failed', answered: 'no answer within 10 s' }]);
  });

  test('nothing that is reported or shown holds the ?code=', async () => {
    app.onOptions = answer(302, { Location: '/?code=k1' });
    const session = await open();
    const error = await failureOf(session.event('message', hi));
    expect(JSON.stringify([observer.events, observer.handlers, upstream.statuses(), error.message])).not.toContain(
      'k1',
    );
  });
});

describe('matching and URL', () => {
  test('[UE-100] the first handler that matches is the only one called', async () => {
    const first = handler({ urlTemplate: `${app.url}/first/{event}`, systemEvents: [], userEventPattern: 'vote' });
    const second = handler({ urlTemplate: `${app.url}/second/{event}` });
    const session = await open(chat(first, second));
    await session.event('vote', hi);
    await session.event('other', hi);
    await session.connect(client);
    expect(app.posts.map(({ path }) => path)).toEqual(['/first/vote', '/second/other', '/second/connect']);
  });

  test('[UE-101] [UE-103] the user pattern ignores case and is all that counts for user events', async () => {
    const session = await open(chat(handler({ userEventPattern: 'a, b' })));
    await session.event('B', hi);
    expect(await failureOf(session.event('c', hi))).toMatchObject({ kind: 'eventUnhandled' });
    expect(await failureOf(session.event('connected', hi))).toMatchObject({ kind: 'eventUnhandled' });
    expect(app.posts.map(({ headers }) => headers['ce-type'])).toEqual(['azure.webpubsub.user.B']);
    expect(observer.events.map(({ outcome }) => outcome)).toEqual(['success', 'unhandled', 'unhandled']);
  });

  test('[UE-102] no system events unless asked for', async () => {
    const session = await open(chat(handler({ systemEvents: [] })));
    expect(await session.connect(client)).toBeUndefined();
    session.connected();
    await session.event('message', hi);
    session.disconnected('');
    await upstream.close();
    expect(app.posts.map(({ path }) => path)).toEqual(['/Chat/message?code=k1']);
  });

  test('[UE-104] the event’s name stands in the path', async () => {
    const session = await open();
    await session.event('a.b', hi);
    expect(app.posts[0]?.path).toBe('/Chat/a.b?code=k1');
  });

  test('[upstream-events D43] a hub that is not configured has no handlers', async () => {
    await open();
    const session = upstream.open('other', 'c1');
    expect(await session.connect(client)).toBeUndefined();
    expect(await failureOf(session.event('message', hi))).toMatchObject({ kind: 'eventUnhandled' });
  });

  test('handlers with one validation URL are validated together, and each is reported', async () => {
    const urlTemplate = `${app.url}/hook`;
    const hubs = ['A', 'B'].map(hub => ({ hub, eventHandlers: [handler({ urlTemplate })] }));
    await upstream.configure(hubs, defaultDelivery);
    expect(app.validations).toHaveLength(1);
    expect(upstream.statuses().map(({ hub, state }) => [hub, state])).toEqual([
      ['A', 'active'],
      ['B', 'active'],
    ]);
    expect(observer.handlers.map(({ hub }) => hub)).toEqual(['A', 'B']);
  });
});

describe('delivery', () => {
  test('[UE-114] 503 then 200: one retry after 1 s, the same request to the byte', async () => {
    app.onPost = answers(answer(503), answer(200, { 'Content-Type': 'text/plain' }, 'ok'));
    const session = await open();
    const event = session.event('message', payload('text', 'hi', new Map([['k', 'v']])));
    await clock.whenDueIn(1000);
    clock.advance(1000);
    expect(await event).toMatchObject({ dataType: 'text' });
    expect(app.posts).toHaveLength(2);
    expect(app.posts[1]).toEqual(app.posts[0]);
    expect(observer.events).toMatchObject([{ outcome: 'success', attempts: 2, durationMs: 1000 }]);
  });

  test('a connection that closes before the headers is tried again', async () => {
    app.onPost = answers(response => response.socket?.destroy(), answer(204));
    const session = await open();
    const event = session.event('message', hi);
    await clock.whenDueIn(1000);
    clock.advance(1000);
    await event;
    expect(app.posts).toHaveLength(2);
  });

  test('an answer that closes in the middle of its body fails at once', async () => {
    app.onPost = response => {
      response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': '100' });
      response.write('half', () => response.socket?.destroy());
    };
    const session = await open();
    expect((await failureOf(session.event('message', hi))).message).toContain('in the middle of the answer');
    expect(app.posts).toHaveLength(1);
  });

  test('[upstream-events 7.1] an upstream that hangs fails after the whole time, once', async () => {
    app.onPost = () => {};
    const session = await open(chat(), { timeoutMs: 5000 });
    const failure = failureOf(session.event('message', hi));
    await app.until(({ posts }) => posts.length === 1);
    clock.advance(4999);
    expect(observer.events).toEqual([]);
    clock.advance(1);
    expect((await failure).message).toContain('within 5000 ms');
    expect(observer.events).toMatchObject([{ outcome: 'failed', attempts: 1, durationMs: 5000 }]);
  });

  test.each([
    ['declared', { 'Content-Length': String(20 * 1024 * 1024) }],
    ['chunked', {}],
  ])(
    '[upstream-events 7.2] a %s answer of 20 MiB fails the event and costs the socket, not more',
    async (_, headers) => {
      const chunk = Buffer.alloc(1024 * 1024);
      let written = 0;
      app.onPost = response => {
        response.writeHead(200, { 'Content-Type': 'application/octet-stream', ...headers });
        const more = () => {
          while (written < 20 && !response.destroyed) {
            written += 1;
            if (!response.write(chunk)) return void response.once('drain', more);
          }
          response.end();
        };
        more();
      };
      const session = await open();
      expect((await failureOf(session.event('message', hi))).message).toContain('larger than 16777216 bytes');
      app.onPost = answer(204);
      await session.event('message', hi);
      expect(app.posts).toHaveLength(2);
    },
  );

  test('an answer of exactly the limit is fine, one byte more is not', async () => {
    const session = await open(chat(), { maxResponseBytes: 1000 });
    app.onPost = answer(200, {}, Buffer.alloc(1000));
    expect((await session.event('message', hi))?.bytes).toHaveLength(1000);
    app.onPost = answer(200, {}, Buffer.alloc(1001));
    await failureOf(session.event('message', hi));
  });

  test('an interim answer is not the answer', async () => {
    app.onPost = response => {
      response.writeEarlyHints({ link: '</a>; rel=preload' });
      response.writeHead(200, { 'Content-Type': 'text/plain' }).end('final');
    };
    const session = await open();
    expect((await session.event('message', hi))?.bytes.toString()).toBe('final');
  });

  test('sockets are used again', async () => {
    const session = await open();
    for (let turn = 0; turn < 20; turn += 1) await session.event('message', hi);
    // The library lets a socket rest for one turn of the event loop, so two take turns.
    expect(app.accepted).toBeLessThanOrEqual(2);
  });

  test('[UE-118] failing notifications reach nobody but the observer', async () => {
    app.onPost = answer(400);
    const session = await open();
    session.connected();
    session.disconnected('');
    await observer.until(({ events }) => events.length === 2);
    expect(observer.events.map(({ kind, outcome }) => [kind, outcome]).sort()).toEqual([
      ['connected', 'failed'],
      ['disconnected', 'failed'],
    ]);
  });

  test('[upstream-events 1.3] connected does not hold up a user event', async () => {
    const held: (() => void)[] = [];
    app.onPost = (response, { path }) => {
      const end = () => void response.writeHead(204).end();
      if (path.includes('connected')) held.push(end);
      else end();
    };
    const session = await open();
    session.connected();
    await session.event('message', hi);
    expect(observer.events.map(({ kind }) => kind)).toEqual(['user']);
    await app.until(() => held.length === 1);
    held[0]?.();
    await observer.until(({ events }) => events.length === 2);
  });
});

describe('managed identity', () => {
  const auth = { type: 'ManagedIdentity', resource: 'api://chat' } as const;

  test('[UE-113] a bearer token on every POST, none on OPTIONS', async () => {
    const session = await open(chat(handler({ auth })));
    await session.event('message', hi);
    session.connected();
    await observer.until(({ events }) => events.length === 2);
    const seen = app.requests.map(({ method, headers }) => [method, headers.authorization]);
    expect(seen).toEqual([
      ['OPTIONS', undefined],
      ['POST', 'Bearer token-for-api://chat'],
      ['POST', 'Bearer token-for-api://chat'],
    ]);
  });

  test('[upstream-events 6.1] no token, no POST', async () => {
    await upstream.close();
    upstream = newUpstream({ tokens: { token: () => Promise.reject(new Error('no identity')) } });
    const session = await open(chat(handler({ auth })));
    await expect(session.event('message', hi)).rejects.toThrow();
    expect(app.posts).toHaveLength(0);
    // A token source that throws something else than it promises is a fault of ours.
    expect(observer.faults.splice(0)).toHaveLength(1);
  });

  test('a token that does not come counts against the event’s time', async () => {
    await upstream.close();
    upstream = newUpstream({ tokens: { token: () => new Promise(() => {}) } });
    const session = await open(chat(handler({ auth })), { timeoutMs: 5000 });
    const failure = failureOf(session.event('message', hi));
    await clock.whenDueIn(5000);
    clock.advance(5000);
    expect((await failure).message).toContain('Entra ID token');
    expect(observer.events).toMatchObject([{ outcome: 'failed', attempts: 0, durationMs: 5000 }]);
  });
});

describe('reload', () => {
  test('[upstream-events 5.3] new settings count for the next event of an open connection', async () => {
    const session = await open();
    await session.event('message', hi);
    await upstream.configure(
      [{ hub: 'chat', eventHandlers: [handler({ urlTemplate: `${app.url}/new` })] }],
      defaultDelivery,
    );
    await session.event('message', hi);
    expect(app.posts.map(({ path }) => path)).toEqual(['/Chat/message?code=k1', '/new']);
    expect(app.posts.map(({ headers }) => headers['ce-source'])).toEqual([
      '/hubs/Chat/client/c1',
      '/hubs/chat/client/c1',
    ]);
    expect(app.posts.map(({ headers }) => headers['ce-id'])).toEqual(['1', '2']);
  });

  test('[design 2] unchanged handlers keep their state; new ones are validated before the change', async () => {
    const session = await open();
    const held: (() => void)[] = [];
    app.onOptions = response => void held.push(() => response.writeHead(200).end());
    const configured = upstream.configure(chat(handler({ urlTemplate: `${app.url}/new` }), handler()), defaultDelivery);
    await app.until(() => held.length === 1);
    await session.event('message', hi);
    held[0]?.();
    await configured;
    await failureOf(session.event('message', hi));
    expect(app.validations.map(({ path }) => path)).toEqual(['/Chat/validate?code=k1', '/new']);
    expect(app.posts.map(({ path }) => path)).toEqual(['/Chat/message?code=k1']);
    expect(upstream.statuses().map(({ state }) => state)).toEqual(['failed', 'active']);
  });

  test('[design 2] a handler that joins a known upstream has its state at once; one that goes is told to be gone', async () => {
    const known = handler({ urlTemplate: `${app.url}/known` });
    await upstream.configure(chat(known), defaultDelivery);
    observer.handlers.length = 0;
    await upstream.configure([...chat(known), { hub: 'other', eventHandlers: [known] }], defaultDelivery);
    await upstream.configure([{ hub: 'other', eventHandlers: [known] }], defaultDelivery);
    const url = `${app.url}/known`;
    expect(observer.handlers.map(({ hub, state, url: shown }) => [hub.toLowerCase(), state, shown])).toEqual([
      ['other', 'active', url],
      ['chat', 'removed', url],
    ]);
  });

  test('a template that does not parse changes nothing', async () => {
    const session = await open();
    const broken = upstream.configure(chat(handler(), handler({ urlTemplate: 'ftp://x' })), defaultDelivery);
    await expect(broken).rejects.toMatchObject({ kind: 'invalid' });
    await session.event('message', hi);
    expect(app.posts).toHaveLength(1);
    expect(upstream.statuses()).toHaveLength(1);
  });

  test('of two overlapping reloads the later one counts', async () => {
    const session = await open();
    const held: (() => void)[] = [];
    app.onOptions = response => void held.push(() => response.writeHead(200, { 'WebHook-Allowed-Origin': '*' }).end());
    const slow = upstream.configure(chat(handler({ urlTemplate: `${app.url}/slow` })), defaultDelivery);
    const quick = upstream.configure(chat(handler({ urlTemplate: `${app.url}/quick` })), defaultDelivery);
    await app.until(() => held.length === 2);
    held[1]?.();
    await quick;
    held[0]?.();
    await slow;
    await session.event('message', hi);
    expect(app.posts.map(({ path }) => path)).toEqual(['/quick']);
  });

  test('[MG-004] an urgent reload takes effect at once, and events wait for its validation', async () => {
    const session = await open();
    const held: (() => void)[] = [];
    app.onOptions = response => void held.push(() => response.writeHead(200, { 'WebHook-Allowed-Origin': '*' }).end());
    let isSwapped = false;
    const swapped = () => {
      isSwapped = true;
    };
    const urgent = upstream.configure(chat(handler({ urlTemplate: `${app.url}/new` })), defaultDelivery, swapped, true);
    expect(isSwapped).toBe(true);
    const event = session.event('message', hi);
    await app.until(() => held.length === 1);
    expect(app.posts).toEqual([]);
    held[0]?.();
    await Promise.all([urgent, event]);
    expect(app.posts.map(({ path }) => path)).toEqual(['/new']);
  });

  test('a handler that is gone is not tried again, and its sockets close after their requests', async () => {
    const other = await AppServer.start();
    const held: (() => void)[] = [];
    app.onPost = response => void held.push(() => response.writeHead(204).end());
    const dead = handler({ urlTemplate: 'http://127.0.0.1:1/dead', systemEvents: [] });
    const session = await open(chat(handler(), dead));
    const event = session.event('message', hi);
    await app.until(({ posts }) => posts.length === 1);
    await upstream.configure(chat(handler({ urlTemplate: other.url })), defaultDelivery);
    expect(app.openSockets).toBeGreaterThan(0);
    held[0]?.();
    await event;
    await app.until(({ openSockets }) => openSockets === 0);
    expect(clock.pending).toBe(0);
    await session.event('message', hi);
    expect(other.posts).toHaveLength(1);
    await other.close();
  });
});

test('close waits for the events under way and leaves neither sockets nor timers', async () => {
  const held: (() => void)[] = [];
  app.onPost = response => void held.push(() => response.writeHead(204).end());
  const session = await open(chat(handler(), handler({ urlTemplate: 'http://127.0.0.1:1/dead' })));
  session.disconnected('');
  let isClosed = false;
  const closed = upstream.close().then(() => {
    isClosed = true;
  });
  await app.until(({ posts }) => posts.length === 1);
  expect(isClosed).toBe(false);
  held[0]?.();
  await closed;
  expect(observer.events).toMatchObject([{ kind: 'disconnected', outcome: 'success' }]);
  await app.until(({ openSockets }) => openSockets === 0);
  expect(clock.pending).toBe(0);
});

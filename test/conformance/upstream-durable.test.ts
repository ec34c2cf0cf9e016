import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { signer } from '../../src/auth/signature.js';
import { openStore } from '../../src/outbox/open-store.js';
import { Outbox } from '../../src/outbox/outbox.js';
import type { HandledEvents } from '../../src/upstream/connection-events.js';
import { EventHandlers } from '../../src/upstream/event-handlers.js';
import { defaultDelivery, type EventHandlerOptions } from '../../src/upstream/options.js';
import { AppServer, type Respond } from '../support/app-server.js';
import { eventually } from '../support/eventually.js';
import { ManualClock } from '../support/manual-clock.js';
import { RecordingObserver } from '../support/recording-observer.js';

let app: AppServer;
let clock: ManualClock;
let upstream: EventHandlers;
let outbox: Outbox;
let observer: RecordingObserver;

beforeEach(async () => {
  app = await AppServer.start();
  clock = new ManualClock();
  observer = new RecordingObserver();
  upstream = new EventHandlers({
    origins: ['pubsub.test'],
    originsWithPort: ['pubsub.test'],
    ports: [80],
    sign: signer({ primary: 'primary-key', secondary: undefined }),
    tokens: { token: async resource => `token-for-${resource}` },
    clock,
    observer,
  });
  const { durable } = upstream;
  outbox = new Outbox({
    store: await openStore({ driver: 'memory' }, clock),
    clock,
    deliverer: durable,
    endpoints: durable.endpoints,
    random: () => 0.5,
  });
  durable.attach(outbox);
  await outbox.start();
  onTestFinished(async () => {
    const closed = Promise.all([outbox.close(0), upstream.close()]);
    await clock.advanceAsync(20_000);
    await closed;
    await durable.close();
    await app.close();
  });
});

async function open(...more: Partial<EventHandlerOptions>[]): Promise<(connectionId: string) => HandledEvents> {
  const handler: EventHandlerOptions = {
    urlTemplate: `${app.url}/{hub}/{event}?code=hidden`,
    systemEvents: ['connect', 'connected', 'disconnected'],
    userEventPattern: '*',
    groupPresenceEvents: { eventNames: ['joined', 'left'], groupFilters: [] },
    auth: { type: 'None' },
    isDurable: true,
  };
  const eventHandlers = more.length > 0 ? more.map(one => ({ ...handler, ...one })) : [handler];
  await upstream.configure([{ hub: 'Chat', eventHandlers }], defaultDelivery);
  await outbox.refresh();
  return connectionId => upstream.open('chat', connectionId);
}

const answer =
  (status: number): Respond =>
  response =>
    response.writeHead(status).end();

/** `connection name id` of each request. */
function sent(): string[] {
  return app.posts.map(({ headers }) =>
    [headers['ce-connectionid'], headers['ce-eventname'], headers['ce-id']].join(' '),
  );
}

describe('notifications of a durable handler', () => {
  test('are CloudEvents like others, and leave in order per connection', async () => {
    const connect = await open();
    const events = connect('c1');
    events.identify('nora', 'json.webpubsub.azure.v1');
    events.connected();
    events.joined('news');
    events.left('news');
    events.disconnected('done');
    await app.until(({ posts }) => posts.length === 4);
    expect(sent()).toEqual(['c1 connected 1', 'c1 joined 2', 'c1 left 3', 'c1 disconnected 4']);
    const [{ headers, path, body }] = app.posts.slice(3) as [(typeof app.posts)[number]];
    expect(path).toBe('/Chat/disconnected?code=hidden');
    expect(headers).toMatchObject({
      'ce-type': 'azure.webpubsub.sys.disconnected',
      'ce-hub': 'Chat',
      'ce-userid': 'nora',
      'ce-subprotocol': 'json.webpubsub.azure.v1',
      'ce-signature': signer({ primary: 'primary-key', secondary: undefined })('c1'),
      'content-type': 'application/json; charset=utf-8',
      'webhook-request-origin': 'pubsub.test',
    });
    expect(JSON.parse(body.toString())).toEqual({ reason: 'done' });
    await eventually(() => expect(observer.events).toHaveLength(4));
    expect(observer.events.every(({ outcome }) => outcome === 'success')).toBe(true);
  });

  test('are repeated with the same id, and later ones of the connection wait; others do not', async () => {
    const connect = await open();
    app.onPost = (response, request) =>
      answer(request.headers['ce-connectionid'] === 'c1' ? 503 : 204)(response, request);
    const [first, second] = [connect('c1'), connect('c2')];
    first.connected();
    first.disconnected('');
    second.connected();
    second.disconnected('');
    await app.until(({ posts }) => posts.length === 3);
    expect(sent()).toEqual(['c1 connected 1', 'c2 connected 1', 'c2 disconnected 2']);
    app.onPost = answer(204);
    await eventually(async () => {
      await clock.advanceAsync(1_000);
      expect(app.posts).toHaveLength(5);
    });
    expect(sent().slice(3)).toEqual(['c1 connected 1', 'c1 disconnected 2']);
    const times = app.posts.map(({ headers }) => headers['ce-time']);
    expect(times[3]).toBe(times[0]);
  });

  test('contain no secret where they are kept', async () => {
    const connect = await open({ auth: { type: 'ManagedIdentity', resource: 'res' } });
    const accept = vi.spyOn(outbox, 'accept');
    connect('c1').connected();
    await app.until(({ posts }) => posts.length === 1);
    expect(app.posts[0]?.headers.authorization).toBe('Bearer token-for-res');
    const [[envelope]] = accept.mock.calls[0] as [Parameters<Outbox['accept']>[0]];
    const stored = JSON.stringify({ ...envelope, content: envelope?.content.toString() });
    for (const secret of ['hidden', 'token-for', 'sha256', 'primary-key']) expect(stored).not.toContain(secret);
  });

  test('do not concern the events that are answered', async () => {
    const connect = await open();
    app.onPost = answer(400);
    const failed = connect('c1').event('vote', { dataType: 'text', bytes: Buffer.from('x'), metadata: undefined });
    await expect(failed).rejects.toMatchObject({ kind: 'eventFailed' });
    expect(await outbox.status()).toMatchObject([{ depth: { ready: 0, delayed: 0, dead: 0 } }]);
  });

  test('are not those of a handler that is not durable', async () => {
    const connect = await open({ isDurable: false });
    const accept = vi.spyOn(outbox, 'accept');
    connect('c1').connected();
    await app.until(({ posts }) => posts.length === 1);
    expect(accept).not.toHaveBeenCalled();
    expect([...upstream.durable.endpoints.ids()]).toEqual([]);
  });

  test('wait until the upstream is valid', async () => {
    app.onOptions = answer(404);
    const connect = await open();
    connect('c1').connected();
    await clock.advanceAsync(2_000);
    expect(app.posts).toEqual([]);
    app.onOptions = response => response.writeHead(200, { 'WebHook-Allowed-Origin': '*' }).end();
    await eventually(async () => {
      await clock.advanceAsync(1_000);
      expect(sent()).toEqual(['c1 connected 1']);
    });
  });

  test('that wait outlive another secret in the URL', async () => {
    const urlOf = (code: string) => `${app.url}/{event}?code=${code}`;
    const connect = await open({ urlTemplate: urlOf('old') });
    app.onPost = answer(500);
    const events = connect('c1');
    events.connected();
    events.joined('news');
    await app.until(({ posts }) => posts.length === 1);
    await open({ urlTemplate: urlOf('new') });
    app.onPost = answer(204);
    await eventually(async () => {
      await clock.advanceAsync(60_000);
      expect(app.posts).toHaveLength(3);
    });
    events.disconnected('');
    await app.until(({ posts }) => posts.length === 4);
    expect(app.posts.map(({ path }) => path)).toEqual([
      '/connected?code=old',
      '/connected?code=new',
      '/joined?code=new',
      '/disconnected?code=new',
    ]);
    expect(sent().slice(1)).toEqual(['c1 connected 1', 'c1 joined 2', 'c1 disconnected 3']);
    expect(await outbox.status()).toMatchObject([{ depth: { ready: 0, delayed: 0, dead: 0 } }]);
  });

  test('of handlers whose URLs differ in the query only get to their own, in any order of these', async () => {
    const handlers = (first: string, second: string): Partial<EventHandlerOptions>[] => [
      { urlTemplate: `${app.url}/{event}?code=${first}`, systemEvents: ['connected'] },
      { urlTemplate: `${app.url}/{event}?code=${second}`, systemEvents: ['disconnected'] },
    ];
    const waiting = async (connectionId: string) => {
      app.onPost = answer(500);
      const [before, events] = [app.posts.length, (await open(...handlers('a', 'b')))(connectionId)];
      events.connected();
      events.disconnected('');
      await app.until(({ posts }) => posts.length === before + 1);
      app.onPost = answer(204);
      return app.posts.length;
    };
    const delivered = async (before: number) => {
      await eventually(async () => {
        await clock.advanceAsync(60_000);
        expect(app.posts).toHaveLength(before + 2);
      });
      return app.posts.slice(before).map(({ path }) => path);
    };
    const ofFirst = await waiting('c1');
    await open(...handlers('a', 'b').toReversed());
    expect(await delivered(ofFirst)).toEqual(['/connected?code=a', '/disconnected?code=b']);
    const ofSecond = await waiting('c2');
    await open(...handlers('c', 'd'));
    expect(await delivered(ofSecond)).toEqual(['/connected?code=c', '/disconnected?code=d']);
  });

  test('of a handler whose path or host has changed become dead letters', async () => {
    const connect = await open({ urlTemplate: `${app.url}/old/{event}` });
    app.onPost = answer(500);
    connect('c1').connected();
    await app.until(({ posts }) => posts.length === 1);
    await open({ urlTemplate: `${app.url}/new/{event}` });
    await eventually(async () => {
      await clock.advanceAsync(60_000);
      expect(await outbox.deadLetters()).toMatchObject([
        { reason: expect.stringMatching(/^endpoint_removed: event:chat:/) },
      ]);
    });
  });

  test('whose outbox is closed are reported as failed', async () => {
    const connect = await open();
    await outbox.close(0);
    connect('c1').connected();
    await eventually(() => expect(observer.events).toMatchObject([{ outcome: 'failed', attempts: 0 }]));
  });
});

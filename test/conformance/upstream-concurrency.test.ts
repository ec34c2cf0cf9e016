import { setImmediate, setTimeout } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { ConnectRequest } from '../../src/hub/ports.js';
import { Held } from '../support/answers.js';
import { startHandlers, textOf } from '../support/handlers.js';
import { ManualClock } from '../support/manual-clock.js';
import { startHub } from '../support/start-hub.js';
import type { TestClient } from '../support/test-client.js';
import { startUpstream } from '../support/upstream.js';

const anybody: ConnectRequest = {
  userId: undefined,
  claims: {},
  query: {},
  headers: {},
  subprotocols: [],
  clientCertificates: [],
};

/** An upstream that keeps all events until the test lets them go, and handlers of two hubs that lead to it. */
async function start(delivery: Parameters<typeof startHandlers>[1] = {}) {
  const upstream = await startUpstream();
  const held = new Held();
  upstream.on('*', held.answer);
  const urls = { chat: `${upstream.origin}/chat/{event}`, news: `${upstream.origin}/news/{event}` };
  const started = await startHandlers(urls, { retryDelaysMs: [], ...delivery });
  return { upstream, held, ...started };
}

/** What became of it: `undefined` while it is under way. */
function watched(event: Promise<unknown>) {
  const outcome: { error?: unknown; isDone?: boolean } = {};
  const done = event.then(
    () => {
      outcome.isDone = true;
    },
    error => {
      outcome.error = error;
    },
  );
  return { outcome, done };
}

describe('[F4] delivery.maxConcurrentPerUpstream', () => {
  test('bounds what is under way to one origin; what waits goes on as answers come', async () => {
    const { upstream, held, open } = await start({ maxConcurrentPerUpstream: 4 }); // one of which is for other kinds of events
    const events = Array.from({ length: 8 }, (_, index) => open(`c${index}`).event('e', textOf(`${index}`)));
    for (let count = 0; count < 3; count += 1) await upstream.next();
    expect(held.count).toBe(3);
    for (let count = 3; count < 8; count += 1) {
      held.release();
      await upstream.next();
      expect(held.count).toBe(3);
    }
    for (let count = 0; count < 3; count += 1) held.release();
    await Promise.all(events);
  });

  test('is read anew at a reload', async () => {
    const { upstream, held, open, configure } = await start({ maxConcurrentPerUpstream: 1 });
    const events = [1, 2, 3].map(index => open(`c${index}`).event('e', textOf('x')));
    await upstream.next();
    await configure({ maxConcurrentPerUpstream: 4 });
    await upstream.next();
    await upstream.next();
    for (let count = 0; count < 3; count += 1) held.release();
    await Promise.all(events);
  });

  test('the time in the queue is part of the event’s time', async () => {
    const { upstream, held, clock, open } = await start({ maxConcurrentPerUpstream: 1, timeoutMs: 5_000 });
    const first = open('a').event('e', textOf('x'));
    await upstream.next();
    await clock.advanceAsync(1_000);
    const second = watched(open('b').event('e', textOf('x')));
    await clock.advanceAsync(2_000);
    held.release();
    await first;
    await upstream.next();
    await clock.advanceAsync(2_999);
    expect(second.outcome).toEqual({});
    await clock.advanceAsync(1);
    await second.done;
    expect(second.outcome.error).toMatchObject({ message: expect.stringContaining('did not answer within 5000 ms') });
  });

  test('an event whose time is up in the queue is never sent, and the reason names the limit', async () => {
    const { upstream, held, clock, open, configure } = await start({ maxConcurrentPerUpstream: 1 });
    const first = open('a').event('e', textOf('x'));
    await upstream.next();
    await configure({ maxConcurrentPerUpstream: 1, timeoutMs: 5_000 });
    const second = watched(open('b').event('late', textOf('x')));
    await clock.advanceAsync(5_000);
    await second.done;
    expect(second.outcome.error).toMatchObject({
      kind: 'eventFailed',
      message: expect.stringMatching(/waited 5000 ms in the queue: .* 1 requests at a time \(delivery.maxConcurrent/),
    });
    held.release();
    await first;
    expect(upstream.requests.filter(({ event }) => event === 'late')).toEqual([]);
  });

  test('a retry that waits leaves its place to others', async () => {
    const { upstream, held, clock, open } = await start({ maxConcurrentPerUpstream: 1, retryDelaysMs: [1_000] });
    upstream.on('fails', (_request, response) => void response.writeHead(503).end());
    const failing = watched(open('a').event('fails', textOf('x')));
    await clock.whenDueIn(1_000);
    const other = watched(open('b').event('e', textOf('x')));
    await upstream.next('e');
    held.release();
    await other.done;
    expect(failing.outcome).toEqual({});
    await clock.advanceAsync(1_000);
    await failing.done;
    expect(failing.outcome.error).toBeDefined();
  });

  test('user events of one hub do not keep another hub’s connect and disconnected waiting', async () => {
    const { upstream, open, clock } = await start({ maxConcurrentPerUpstream: 8 });
    const events = Array.from({ length: 20 }, (_, index) => watched(open(`c${index}`).event('e', textOf('x'))));
    for (let count = 0; count < 7; count += 1) await upstream.next('e');
    open('n1', 'news').disconnected('bye');
    expect((await upstream.next('disconnected')).url).toBe('/news/disconnected');
    expect(upstream.requests.filter(({ event }) => event === 'e')).toHaveLength(7);
    await clock.advanceAsync(300_000);
    await Promise.all(events.map(({ done }) => done));
  });
});

describe('[CL-102] limits.connectsInFlight', () => {
  test('10,000 clients at once never exceed it, and all are admitted in order of arrival', async () => {
    const upstream = await startUpstream();
    const held = new Held();
    const rounds: number[] = [];
    upstream.on('connect', (request, response) => {
      void held.answer(request, response);
      // A few turns later, so that one too many would have come.
      if (held.count === 100) void Promise.all([setImmediate(), setTimeout(5)]).then(answerAll);
    });
    const answerAll = () => {
      rounds.push(held.count);
      while (held.count > 0) held.release();
    };
    const { open } = await startHandlers({ chat: `${upstream.origin}/{event}` }, { retryDelaysMs: [] });
    const connects = Array.from({ length: 10_000 }, (_, index) => open(`c${index}`).connect(anybody)!);
    await Promise.all(connects);
    expect(rounds).toEqual(Array.from({ length: 100 }, () => 100));
    const ids = upstream.requests.flatMap(({ headers }) => headers['ce-connectionid'] ?? []);
    // Those that are under way together go over sockets of their own: within so many places the order may differ.
    expect(Math.max(...ids.map((id, index) => Math.abs(index - Number(String(id).slice(1)))))).toBeLessThan(200);
  });

  test('is that of all hubs of one app server, and read anew at a reload; other events do not count', async () => {
    const { upstream, held, open, configure } = await start({ connectsInFlight: 2 });
    const connects = ['chat', 'news', 'chat', 'news'].map((hub, index) => open(`c${index}`, hub).connect(anybody)!);
    for (let count = 0; count < 2; count += 1) await upstream.next('connect');
    const events = open('e').event('vote', textOf('x'));
    await upstream.next('vote');
    expect(held.count).toBe(3);
    await configure({ connectsInFlight: 4 });
    for (let count = 0; count < 2; count += 1) await upstream.next('connect');
    for (let count = 0; count < 5; count += 1) held.release();
    await Promise.all([...connects, events]);
  });

  test('a client waits at most 10 s for its turn, and is then refused with 503 and when to come again', async () => {
    const clock = new ManualClock();
    const { dial, upstream, service } = await startHub({
      clock,
      handler: { systemEvents: ['connect'] },
      file: { limits: { connectsInFlight: 1 } },
    });
    const held = new Held();
    upstream.on('connect', held.answer);
    const first = dial();
    await upstream.next('connect');
    const waiting = dial.refused();
    await clock.whenDueIn(10_000);
    clock.advance(9_999);
    expect(service.hubs.size).toBe(0);
    clock.advance(1);
    const { status, headers, body } = await waiting;
    expect([status, body]).toEqual([503, 'The app server has too many events waiting. Try again later.']);
    expect(headers['retry-after']).toMatch(/^[1-5]$/);
    held.release();
    await (await first).next();
    expect(upstream.requests.filter(({ event }) => event === 'connect')).toHaveLength(1);
  });

  test('the reason names both limits', async () => {
    const { upstream, held, clock, open, observer } = await start({ connectsInFlight: 1 });
    const first = open('a').connect(anybody)!;
    await upstream.next('connect');
    const second = watched(open('b').connect(anybody)!);
    await clock.advanceAsync(10_000);
    await second.done;
    expect(second.outcome.error).toMatchObject({
      kind: 'waitedTooLong',
      message: expect.stringMatching(
        /waited 10000 ms in the queue: http.* receives at most 1 connect events \(limits\.connectsInFlight\) and 128 requests at a time \(delivery/,
      ),
    });
    expect(observer.events).toMatchObject([{ outcome: 'overloaded', connectionId: 'b' }]);
    held.release();
    await first;
  });
});

/** One body under way and 32 MiB of them waiting. */
const body = 'x'.repeat(1_048_000);
const roomFor = 33;

describe('[F4] a full queue', () => {
  test('refuses further events at once, unsent; connects still have theirs', async () => {
    const { upstream, observer, open, clock } = await start({ maxConcurrentPerUpstream: 1 });
    const events = Array.from({ length: roomFor }, (_, index) => watched(open(`c${index}`).event('e', textOf(body))));
    await upstream.next('e');
    await expect(open('late').event('e', textOf(body))).rejects.toMatchObject({
      kind: 'overloaded',
      message: expect.stringMatching(/^too many events wait for http:.*; make it faster, or raise the limit$/),
    });
    expect(observer.events).toMatchObject([{ outcome: 'overloaded', connectionId: 'late' }]);
    const stranger = { ...anybody, headers: { x: [body] } };
    const connects = Array.from({ length: roomFor - 1 }, (_, index) => watched(open(`n${index}`).connect(stranger)!));
    await expect(open('n').connect(stranger)).rejects.toMatchObject({ kind: 'overloaded' });
    await clock.advanceAsync(200_000);
    await Promise.all([...events, ...connects].map(({ done }) => done));
  });

  test('is told in the ack, and to nobody else', async () => {
    const { dial, upstream } = await startHub({
      oneProcess: 'limit',
      handler: { userEventPattern: '*' },
      file: { delivery: { maxConcurrentPerUpstream: 1 } },
    });
    const held = new Held();
    upstream.on('e', held.answer);
    const clients = await Promise.all(Array.from({ length: roomFor + 1 }, () => dial()));
    await Promise.all(clients.map(client => client.next()));
    const ask = (client: TestClient) =>
      client.ask({ type: 'event', event: 'e', dataType: 'text', data: body, ackId: 1 });
    const acks = clients.map(ask);
    expect(await Promise.race(acks)).toMatchObject({
      success: false,
      error: { name: 'InternalServerError', message: 'The app server has too many events waiting. Try again later.' },
    });
    for (let count = 0; count < roomFor; count += 1) {
      await upstream.next('e');
      held.release();
    }
    const outcomes = (await Promise.all(acks)).map(({ success }) => success);
    expect(outcomes.filter(success => !success)).toHaveLength(1);
  });
});

import { describe, expect, onTestFinished, test } from 'vitest';
import type { Attempted } from '../../../src/hub/facts.js';
import { Watches } from '../../../src/hub/watches.js';
import type { DeliveryOptions } from '../../../src/upstream/options.js';
import { AppServer } from '../../support/app-server.js';
import { startHandlers, textOf } from '../../support/handlers.js';

const client = { userId: 'ann', claims: {}, query: {}, headers: {}, subprotocols: [], clientCertificates: [] };

async function start(delivery: Partial<DeliveryOptions> = {}) {
  const app = await AppServer.start();
  onTestFinished(() => app.close());
  const watches = new Watches((_where, error) => {
    throw error;
  });
  const started = await startHandlers({ chat: `${app.url}/events?code=key1` }, delivery, { watches });
  const seen: Attempted[] = [];
  const watch = (target: { hub?: string; connectionId?: string }) =>
    watches.watch(target, { attempted: attempt => seen.push(attempt) });
  return { ...started, app, watches, watch, seen };
}

describe('attempts, for watchers', () => {
  test('each with its request, its answer and its time, before the event is over', async () => {
    const { app, clock, observer, open, watch, seen } = await start();
    watch({ hub: 'chat', connectionId: 'c1' });
    const retried = () => app.posts.length > 1;
    app.onPost = response => {
      if (!retried()) {
        clock.advance(20);
        response.writeHead(503).end('busy');
      } else response.writeHead(200, { 'Content-Type': 'text/plain', 'x-answer': 'yes' }).end('welcome');
    };
    const replied = open('c1').event('vote', textOf('yes'));
    await clock.whenDueIn(1_000);
    expect([seen.length, observer.events.length]).toEqual([1, 0]);
    clock.advance(1_000);
    await replied;
    const event = { kind: 'attempted', hub: 'chat', connectionId: 'c1', type: 'user', name: 'vote', id: 1 };
    expect(seen).toMatchObject([
      { ...event, attempt: 1, answer: { kind: 'response', status: 503 }, durationMs: 20 },
      {
        ...event,
        attempt: 2,
        answer: { kind: 'response', status: 200, headers: { 'x-answer': 'yes' }, body: Buffer.from('welcome') },
        startedMs: seen[0]!.startedMs + 1_020,
      },
    ]);
    const { request } = seen[1]!;
    expect(request).toMatchObject({
      method: 'POST',
      origin: app.url,
      path: '/events?code=key1',
      body: Buffer.from('yes'),
    });
    expect(request.headers).toEqual(expect.arrayContaining(['ce-eventName', 'vote', 'ce-connectionId', 'c1']));
    expect(observer.events).toMatchObject([{ outcome: 'success', attempts: 2 }]);
  });

  test('those without an answer, and those of `connect` and of notifications', async () => {
    const { app, observer, open, watch, seen } = await start({ retryDelaysMs: [] });
    watch({});
    app.onPost = response => response.socket?.destroy();
    const events = open('c1');
    await expect(events.connect(client)).rejects.toThrow();
    events.connected();
    await observer.until(({ events }) => events.length === 2);
    const answer = { kind: 'failure', failure: 'connection' };
    expect(seen).toMatchObject([
      { type: 'connect', id: 0, attempt: 1, answer },
      { type: 'connected', id: 1, attempt: 1, answer },
    ]);
  });

  test('not those of other connections and hubs, nor before and after the watch', async () => {
    const { app, open, watch, watches, seen } = await start();
    await open('c1').event('before', textOf(''));
    const end = watch({ hub: 'chat', connectionId: 'c1' });
    watch({ hub: 'news' });
    await open('c2').event('other', textOf(''));
    await open('c1').event('seen', textOf(''));
    end();
    await open('c1').event('after', textOf(''));
    expect(app.posts).toHaveLength(4);
    expect(seen.map(({ name }) => name)).toEqual(['seen']);
    expect(watches.seesAttempts('chat', 'c1')).toBe(false);
  });
});

import { afterAll, beforeAll, describe, expect, onTestFinished, type TestContext, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { openStore } from '../../src/outbox/open-store.js';
import { Outbox } from '../../src/outbox/outbox.js';
import type { DeliveryResult } from '../../src/outbox/ports.js';
import type { OutboxStore } from '../../src/outbox/store.js';
import { Mailbox } from '../support/mailbox.js';
import { ManualClock } from '../support/manual-clock.js';
import { hasProgram } from '../support/not-run.js';
import { describeOutboxStore, envelopeFor } from '../support/outbox-contract.js';
import { RedisServer, requireRedis } from '../support/redis-server.js';

let server: RedisServer;
let prefixes = 0;

beforeAll(async () => {
  if (hasProgram('redis-server')) server = await RedisServer.start();
});
afterAll(() => server?.stop());

function freshPrefix(): string {
  prefixes += 1;
  return `test${prefixes}:`;
}

const promises = { isDurable: true, keepsKeyOrder: true, keepsOrder: true, keepsEnds: false, delayMs: 1_000 };
const claimMs = 30_000;

describeOutboxStore('redis', promises, async context => {
  requireRedis(context);
  const clock = new ManualClock();
  const prefix = freshPrefix();
  return {
    open: () => openStore({ driver: 'redis', url: server.url, prefix, claimMs }, clock),
    crash: async store => {
      await store.close();
      clock.advance(claimMs);
    },
    nowMs: () => clock.now(),
    pass: async ms => clock.advance(ms),
  };
});

/** A store whose claims are those of one endpoint, ordered by key. */
async function openOrdered(context: TestContext) {
  requireRedis(context);
  const clock = new ManualClock();
  const prefix = freshPrefix();
  const open = async () => {
    const store = await openStore({ driver: 'redis', url: server.url, prefix, claimMs }, clock);
    context.onTestFinished(() => store.close());
    return store;
  };
  const claim = (store: OutboxStore) =>
    store.claim(
      () => ({ total: 1_000, endpoints: [{ endpoint: 'a', count: 1_000, isOrdered: true }] }),
      () => clock.now(),
    );
  return { clock, open, claim };
}

describe('claims of an ordered endpoint in redis', () => {
  test('one that has not looked at all that waits is followed by another one at once', async context => {
    const { clock, open, claim } = await openOrdered(context);
    const store = await open();
    await store.add([envelopeFor('a', { key: 'k' })], clock.now());
    await claim(store);
    const many = Array.from({ length: 2_500 }, () => envelopeFor('a', { key: 'k' }));
    await store.add(many, clock.now());
    expect(await claim(store)).toEqual({ claimed: [], nextDueAtMs: clock.now() });
    expect(await claim(store)).toEqual({ claimed: [], nextDueAtMs: clock.now() });
    expect(await claim(store)).toEqual({ claimed: [], nextDueAtMs: undefined });
  });

  test('all drafts of a node that is gone come before newer envelopes of their keys', async context => {
    const { clock, open, claim } = await openOrdered(context);
    const store = await open();
    const drafts = Array.from({ length: 600 }, (_, index) => envelopeFor('a', { key: `k${index}` }));
    await store.addDrafts(drafts, clock.now(), clock.now());
    await store.close();
    clock.advance(claimMs);
    const next = await open();
    await next.add([envelopeFor('a', { key: 'k599' })], clock.now());
    const ids: string[] = [];
    for (let tries = 0; tries < 3; tries += 1) {
      const { claimed } = await claim(next);
      ids.push(...claimed.map(({ envelope }) => envelope.id));
    }
    expect(ids).toEqual(drafts.map(({ id }) => id));
  });
});

interface Node {
  readonly outbox: Outbox;
  readonly faults: unknown[];
}

interface NodeOptions {
  readonly prefix: string;
  readonly redis?: RedisServer;
  readonly claimMs?: number;
  readonly answer: (id: string, attempt: number) => DeliveryResult | Promise<DeliveryResult>;
}

/** A node with an endpoint `a`, which retries after 20 ms, three times. */
async function startNode({ prefix, redis = server, claimMs, answer }: NodeOptions): Promise<Node> {
  const faults: unknown[] = [];
  const onFault = (error: unknown) => faults.push(error);
  const options = { profile: { delaysMs: [20, 20, 20] } };
  const outbox = new Outbox({
    store: await openStore({ driver: 'redis', url: redis.url, prefix, claimMs }, systemClock, { onFault }),
    clock: systemClock,
    deliverer: { deliver: async ({ id }, attempt) => answer(id, attempt) },
    endpoints: { ids: () => ['a'], options: () => options },
    observer: { storeFailed: onFault },
  });
  await outbox.start();
  onTestFinished(() => outbox.close(0));
  return { outbox, faults };
}

const failed: DeliveryResult = { outcome: 'failed', reason: 'HTTP 500' };
const delivered: DeliveryResult = { outcome: 'delivered' };

describe('with redis', () => {
  test('[PW-051] the documented redis-cli lines count, show and requeue dead letters', async context => {
    requireRedis(context);
    const prefix = freshPrefix();
    const attempts = new Mailbox<string>();
    let isUp = false;
    const { outbox } = await startNode({
      prefix,
      answer: (id, attempt) => {
        attempts.put(`${id} ${attempt}`);
        return isUp ? delivered : failed;
      },
    });
    expect(await server.cli('llen', `${prefix}failed`)).toBe('0');
    await outbox.accept([envelopeFor('a', { id: 'hook-1', content: Buffer.from('{"time_ms":1}') })]);
    await attempts.take(attempt => attempt === 'hook-1 4');
    await expect.poll(() => server.cli('llen', `${prefix}failed`)).toBe('1');
    const shown = JSON.parse(await server.cli('lrange', `${prefix}failed`, '0', '5')) as object;
    expect(shown).toMatchObject({ id: 'hook-1', content: '{"time_ms":1}', attempts: 4, reason: 'exhausted: HTTP 500' });
    isUp = true;
    await server.cli('rpoplpush', `${prefix}failed`, `${prefix}default`);
    await attempts.take(attempt => attempt === 'hook-1 1'); // the first of the first time
    await attempts.take(attempt => attempt === 'hook-1 1');
    expect(await server.cli('llen', `${prefix}failed`)).toBe('0');
    await expect.poll(async () => (await outbox.status())[0]!.depth).toMatchObject({ ready: 0, inFlight: 0, dead: 0 });
  });

  test('what is no envelope is put aside, and does not stop the queue', async context => {
    requireRedis(context);
    const prefix = freshPrefix();
    const ids = new Mailbox<string>();
    const { outbox } = await startNode({
      prefix,
      answer: id => {
        ids.put(id);
        return delivered;
      },
    });
    for (const junk of ['', '{', '[]', '"x"', '{"endpoint":"a"}', 'null']) {
      await server.cli('lpush', `${prefix}default`, junk);
    }
    await outbox.accept([envelopeFor('a', { id: 'after junk' })]);
    expect(await ids.take()).toBe('after junk');
    expect(await server.cli('llen', `${prefix}unreadable`)).toBe('6');
  });

  test('two nodes share the work: each envelope is delivered once, by one of them', async context => {
    requireRedis(context);
    const prefix = freshPrefix();
    const seen = new Map<string, string[]>();
    const done = new Mailbox<string>();
    const on = (node: string) => async (id: string) => {
      seen.set(id, [...(seen.get(id) ?? []), node]);
      done.put(id);
      return delivered;
    };
    const [one] = [await startNode({ prefix, answer: on('one') }), await startNode({ prefix, answer: on('two') })];
    const envelopes = Array.from({ length: 200 }, () => envelopeFor('a'));
    await one.outbox.accept(envelopes);
    for (const _ of envelopes) await done.take();
    expect([...seen.keys()].toSorted()).toEqual(envelopes.map(({ id }) => id).toSorted());
    expect([...seen.values()].every(nodes => nodes.length === 1)).toBe(true);
  });

  test('a redis that is killed and started again: accepted envelopes arrive, others are refused meanwhile', async context => {
    requireRedis(context);
    const own = await RedisServer.start();
    onTestFinished(() => own.stop());
    const hanging = await startNode({ prefix: 'x:', redis: own, answer: () => new Promise(() => {}) });
    const accepted = Array.from({ length: 20 }, () => envelopeFor('a'));
    await hanging.outbox.accept(accepted);
    await own.kill();
    await expect.poll(() => hanging.faults.length).toBeGreaterThan(0);
    await expect(hanging.outbox.accept([envelopeFor('a')])).rejects.toMatchObject({ reason: 'unreachable' });
    await own.start();
    const later = await acceptedAfter(hanging.outbox);
    await hanging.outbox.close(0);
    const got = new Set<string>();
    const answer = (id: string) => {
      got.add(id);
      return delivered;
    };
    await startNode({ prefix: 'x:', redis: own, claimMs: 100, answer });
    await expect.poll(() => [...accepted.map(({ id }) => id), later].filter(id => !got.has(id))).toEqual([]);
  });
});

/** Tries until redis is there again. @returns the id */
async function acceptedAfter(outbox: Outbox): Promise<string> {
  const envelope = envelopeFor('a');
  await expect
    .poll(
      () =>
        outbox.accept([envelope]).then(
          () => true,
          () => false,
        ),
      { timeout: 10_000 },
    )
    .toBe(true);
  return envelope.id;
}

test('a redis that cannot be reached stops the start with a sentence, without the password', async () => {
  const opened = openStore({ driver: 'redis', url: 'redis://u:s3@cret@127.0.0.1:1' }, systemClock);
  await expect(opened).rejects.toMatchObject({ name: 'StoreOpenError', fault: 'unreachable' });
  await expect(opened).rejects.toThrow(
    /redis:\/\/\*\*\*@127\.0\.0\.1:1, cannot be used \(.*ECONNREFUSED.*\)\. Start it/,
  );
});

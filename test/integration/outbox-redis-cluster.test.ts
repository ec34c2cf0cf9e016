import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { openStore } from '../../src/outbox/open-store.js';
import type { OutboxStore } from '../../src/outbox/store.js';
import { ManualClock } from '../support/manual-clock.js';
import { hasProgram } from '../support/not-run.js';
import { describeOutboxStore, envelopeFor } from '../support/outbox-contract.js';
import { RedisServer, requireRedis } from '../support/redis-server.js';

let node: RedisServer;
let prefixes = 0;

beforeAll(async () => {
  if (hasProgram('redis-server')) node = await RedisServer.startCluster();
});
afterAll(() => node?.stop());

function freshPrefix(): string {
  prefixes += 1;
  return `test${prefixes}:`;
}

const claimMs = 30_000;

describeOutboxStore(
  'redis cluster',
  { isDurable: true, keepsKeyOrder: true, keepsOrder: true, keepsEnds: false, delayMs: 1_000 },
  async context => {
    requireRedis(context);
    const clock = new ManualClock();
    const prefix = freshPrefix();
    return {
      open: () => openStore({ driver: 'redis', nodes: [node.url], prefix, claimMs }, clock),
      crash: async store => {
        await store.close();
        clock.advance(claimMs);
      },
      nowMs: () => clock.now(),
      pass: async ms => clock.advance(ms),
    };
  },
);

async function open(nodes: readonly string[], prefix: string): Promise<OutboxStore> {
  const store = await openStore({ driver: 'redis', nodes, prefix }, systemClock);
  onTestFinished(() => store.close());
  return store;
}

describe('with a redis cluster', () => {
  test.for([
    ['plain:', '{plain:}'],
    ['{own}:queue:', '{own}:queue:'],
    ['a{b:', '{a{b:}'],
    ['{}c:', '{{}c:}'],
  ])('the keys of prefix %s are in one slot: they begin with %s', async ([prefix, own], context) => {
    requireRedis(context);
    const store = await open([node.url], prefix!);
    await store.add([envelopeFor('a'), envelopeFor('b', { key: 'k' })], systemClock.now());
    expect(await node.cli('llen', `${own}default`)).toBe('2');
  });

  test('one node that answers is enough to find the others', async context => {
    requireRedis(context);
    const store = await open(['redis://127.0.0.1:1', node.url], freshPrefix());
    await store.add([envelopeFor('a')], systemClock.now());
    expect((await store.depths()).get('a')?.ready).toBe(1);
  });

  test('a password of the first node is used for those that are found', async context => {
    requireRedis(context);
    const own = await RedisServer.startCluster();
    onTestFinished(() => own.stop());
    await own.cli('config', 'set', 'requirepass', 'p@ss');
    const store = await open([own.url.replace('//', '//:p%40ss@')], 'x:');
    await store.add([envelopeFor('a')], 0);
    expect((await store.depths()).get('a')?.ready).toBe(1);
    await expect(openStore({ driver: 'redis', nodes: [own.url] }, systemClock)).rejects.toThrow(/NOAUTH/);
  });

  test('a node that is killed refuses envelopes, and takes them when it is back', async context => {
    requireRedis(context);
    const own = await RedisServer.startCluster();
    onTestFinished(() => own.stop());
    const store = await open([own.url], 'x:');
    await own.kill();
    await expect(store.add([envelopeFor('a')], 0)).rejects.toMatchObject({ reason: 'unreachable' });
    await own.start();
    const isKept = () =>
      store.add([envelopeFor('a')], 0).then(
        () => true,
        () => false,
      );
    await expect.poll(isKept, { timeout: 10_000 }).toBe(true);
  });

  test('a server that is a node is refused with what to write, and nodes that are no cluster', async context => {
    requireRedis(context);
    const single = openStore({ driver: 'redis', url: node.url }, systemClock);
    await expect(single).rejects.toMatchObject({ name: 'StoreOpenError', fault: 'unusable' });
    await expect(single).rejects.toThrow(/is a node of a cluster\. Write queue\.redis\.nodes/);
    const server = await RedisServer.start();
    onTestFinished(() => server.stop());
    const cluster = openStore({ driver: 'redis', nodes: [server.url] }, systemClock);
    await expect(cluster).rejects.toMatchObject({ name: 'StoreOpenError', fault: 'unreachable' });
    await expect(cluster).rejects.toThrow(/cluster of the outbox, with the nodes redis:.*cluster support disabled/);
  });
});

test('a cluster that cannot be reached stops the start with a sentence, without the passwords', async () => {
  const opened = openStore({ driver: 'redis', nodes: ['redis://u:s3@cret@127.0.0.1:1'] }, systemClock);
  await expect(opened).rejects.toThrow(
    /nodes redis:\/\/\*\*\*@127\.0\.0\.1:1, cannot be used \(.*ECONNREFUSED.*\)\. Start it/,
  );
  await expect(opened).rejects.not.toThrow(/secret/);
});

import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ensureFacts, NatsFacts } from '../../src/cluster/nats-facts.js';
import type { Link } from '../../src/nats/link.js';
import { eventually } from '../support/eventually.js';
import { ManualClock } from '../support/manual-clock.js';
import { NatsCluster } from '../support/nats-cluster.js';
import { newLink } from '../support/nats-link.js';
import { NatsServer, natsProgram, requireNats } from '../support/nats-server.js';

let single: NatsServer;
let cluster: NatsCluster;
beforeAll(async () => {
  if (natsProgram === undefined) return;
  [single, cluster] = await Promise.all([NatsServer.start(), NatsCluster.start()]);
});
afterAll(async () => void (await Promise.all([single?.stop(), cluster?.stop()])));
beforeEach(requireNats);

let clusters = 0;

/** The store as several nodes see it, each through a connection of its own. */
async function open(urls: readonly string[]) {
  clusters += 1;
  const clusterName = `c${clusters}`;
  const links: Link[] = [];
  const clock = new ManualClock(Date.now());
  for (const url of urls) {
    const { link, told } = newLink([url], { purpose: 'store', clusterName });
    await ensureFacts(await link.start(), clusterName, { replicas: 'auto', parts: told.parts });
    links.push(link);
  }
  const stores = links.map(link => new NatsFacts(link, clusterName, clock));
  const manager = await jetstreamManager(links[0]!.connection!);
  const messages = async () => (await manager.streams.info(`KV_${clusterName}_facts`)).state.messages;
  return { stores, store: stores[0]!, links, messages, manager, clock };
}

const text = (value: string) => Buffer.from(value, 'utf8');

async function valuesOf(store: NatsFacts): Promise<string[]> {
  const values: string[] = [];
  for await (const { value } of store.all()) values.push(value!.toString());
  return values.toSorted();
}

describe.each([
  ['one server', () => [single.url, single.url, single.url]],
  ['three servers', () => cluster.urls],
])('[cluster 6.4] facts on %s', (_name, urls) => {
  test('are changed by revision, whatever they are called, and leave nothing behind', async () => {
    const { store, clock, messages } = await open([urls()[0]!]);
    for (const key of ['', 'a.b', '*', '>', ' é\n', 'x'.repeat(5_000), '["app:42","news"]']) {
      expect(await store.get(key)).toBeUndefined();
      const first = await store.put(key, text('1'), 0);
      expect(await store.put(key, text('2'), 0)).toBeUndefined();
      const second = await store.put(key, text('2'), first!);
      expect(await store.put(key, text('3'), first!)).toBeUndefined();
      expect(await store.delete(key, first!)).toBeUndefined();
      expect(await store.get(key)).toEqual({ value: text('2'), revision: second });
      const third = await store.delete(key, second!);
      expect(await store.delete(key, second!)).toBeUndefined();
      expect(await store.get(key)).toEqual({ value: undefined, revision: third });
      expect(await store.put(key, text('4'), 0)).toBeUndefined();
      const fourth = await store.put(key, text('4'), third!);
      await store.delete(key, fourth!);
    }
    expect(await valuesOf(store)).toEqual([]);
    clock.advance(10_000);
    await eventually(async () => expect(await messages()).toBe(0));
  });

  test('are all read, also when there are none, and while they change', async () => {
    const { stores } = await open(urls());
    const [one, other] = stores as [NatsFacts, NatsFacts];
    expect(await valuesOf(one)).toEqual([]);
    const names = Array.from({ length: 500 }, (_, index) => `v${index + 1_000}`);
    const revisions = await Promise.all(names.map(name => one.put(name, text(name), 0)));
    expect(await valuesOf(other)).toEqual(names);
    const reading = valuesOf(other);
    await Promise.all(names.map((name, index) => one.put(name, text(name), revisions[index]!)));
    expect(await reading).toEqual(names);
  });

  test('that many change at the same moment have one history', async () => {
    const { stores } = await open(urls());
    const [first] = stores as [NatsFacts];
    const kept: string[] = [];
    const change = async (store: NatsFacts, writer: number, round: number) => {
      for (;;) {
        const known = await store.get('a');
        const value = `${known?.value ?? ''} ${writer}.${round}`;
        if ((await store.put('a', text(value), known?.revision ?? 0)) !== undefined) {
          kept.push(`${writer}.${round}`);
          return;
        }
      }
    };
    for (let round = 0; round < 25; round += 1) {
      const writers = [...stores, ...stores].map((store, writer) => change(store, writer, round));
      await Promise.all(writers);
    }
    const written = (await first.get('a'))?.value?.toString().trim().split(' ');
    expect(written?.toSorted()).toEqual(kept.toSorted());
    expect(written).toHaveLength(25 * 6);
  });

  test('of which nothing stays are cleared by whoever reads all', async () => {
    const { store, clock, messages } = await open(urls());
    await store.delete('a', (await store.put('a', text('1'), 0))!);
    expect(await valuesOf(store)).toEqual([]);
    expect(await messages()).toBe(2);
    clock.stepWall(Date.now() - clock.now() + 11_000);
    expect(await valuesOf(store)).toEqual([]);
    expect(await messages()).toBe(0);
  });
});

test('without a connection, or without a bucket, a call fails', async () => {
  const { store, links, manager } = await open([single.url]);
  await manager.streams.delete(`KV_c${clusters}_facts`);
  await expect(store.get('a')).rejects.toThrow();
  await expect(store.put('a', text('1'), 0)).rejects.toThrow();
  await expect(valuesOf(store)).rejects.toThrow();
  await links[0]!.close();
  await expect(store.get('a')).rejects.toThrow();
});

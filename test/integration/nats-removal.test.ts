import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { ensureFacts, NatsFacts } from '../../src/cluster/nats-facts.js';
import { NatsClusterStore } from '../../src/cluster/nats-store.js';
import { eventually } from '../support/eventually.js';
import { ManualClock } from '../support/manual-clock.js';
import { NatsCluster } from '../support/nats-cluster.js';
import { newLink } from '../support/nats-link.js';
import { delivered, failed, startOutboxNode } from '../support/nats-outbox.js';
import { natsProgram, requireNats } from '../support/nats-server.js';
import { envelopeFor } from '../support/outbox-contract.js';

let cluster: NatsCluster;
beforeAll(async () => {
  if (natsProgram !== undefined) cluster = await NatsCluster.start();
});
afterAll(async () => void (await cluster?.stop()));
beforeEach(requireNats);

const untilElectedMs = 40_000;

async function killAndStartAll(): Promise<void> {
  await Promise.all(cluster.servers.map(server => server.kill()));
  await Promise.all(cluster.servers.map(server => server.start()));
}

/** A server before 2.9.18 would remove all that was stored before the last purge. */
describe('what is removed takes nothing else with it when servers are killed afterwards', () => {
  test('[CL-050] of ledgers', { timeout: 120_000 }, async () => {
    const { link, told } = newLink(cluster.urls, { purpose: 'store' });
    const storing = { replicas: 3, parts: told.parts } as const;
    const store = new NatsClusterStore({ link, clusterName: 'hw', leaseMs: 20_000, storing, clock: systemClock });
    await store.open();
    const write = async (tag: string, count: number, before = 0) => {
      let after = before;
      for (let at = 0; at < count; at += 1) {
        const stored = await store.append(tag, Buffer.from(`${tag}${at}`), after);
        if (stored.kind === 'conflict') throw new Error('nobody else writes');
        after = stored.sequence;
      }
      return after;
    };
    const read = async (tag: string) => {
      const texts: string[] = [];
      await store.readLedger(tag, await store.lastSequence(tag), ({ bytes }) => {
        texts.push(Buffer.from(bytes).toString());
      });
      return texts;
    };
    const lives = await write('lives', 3);
    const ends = await write('ends', 20);
    await store.purge('ends', ends);
    await write('lives', 1, lives);
    await write('leaves', 3);
    await store.purge('leaves');
    await killAndStartAll();
    const found = () => Promise.all(['lives', 'ends', 'leaves'].map(read));
    const expected = [['lives0', 'lives1', 'lives2', 'lives0'], ['ends19'], []];
    expect(await eventually(found, untilElectedMs)).toEqual(expected);
  });

  test('[cluster 6.4] of facts', { timeout: 120_000 }, async () => {
    const { link, told } = newLink(cluster.urls, { purpose: 'store' });
    await ensureFacts(await link.start(), 'hw', { replicas: 3, parts: told.parts });
    const clock = new ManualClock(Date.now());
    const facts = new NatsFacts(link, 'hw', clock);
    const revision = await facts.put('stays', Buffer.from('1'), 0);
    await facts.put('stays', Buffer.from('2'), revision!);
    await facts.delete('goes', (await facts.put('goes', Buffer.from('1'), 0))!);
    await clock.advance(60_000);
    await eventually(async () => expect(await facts.put('goes', Buffer.from('3'), 0)).toBeDefined());
    await killAndStartAll();
    const found = () => Promise.all(['stays', 'goes'].map(async key => (await facts.get(key))?.value?.toString()));
    expect(await eventually(found, untilElectedMs)).toEqual(['2', '3']);
  });

  test('[PW-059] of the queue of webhooks', { timeout: 180_000 }, async () => {
    const { link } = newLink(cluster.urls, { purpose: 'outbox' });
    const { streams } = await jetstreamManager(await link.start());
    const endpoint = { profile: { delaysMs: [] }, maxConcurrency: 64, circuitBreaker: false } as const;
    const answer = (id: string) => (id.startsWith('bad') ? failed : delivered);
    const place = { urls: cluster.urls, claimMs: 500, endpoint: { ...endpoint, disableAfterHours: Infinity }, answer };
    const { outbox } = await startOutboxNode(place);
    const bad = Array.from({ length: 50 }, (_, index) => envelopeFor('a', { id: `bad ${index}` }));
    await outbox.accept(bad);
    const isShorter = async () => (await streams.info('hw_outbox')).state.first_seq > 1;
    while (!(await isShorter())) {
      await outbox.accept(Array.from({ length: 100 }, () => envelopeFor('a', { content: Buffer.alloc(8_000, 'x') })));
    }
    await killAndStartAll();
    const late = await eventually(() => startOutboxNode(place), untilElectedMs);
    const letters = async () => (await late.outbox.deadLetters()).map(({ id }) => id).toSorted();
    const expected = bad.map(({ id }) => id).toSorted();
    await eventually(async () => expect(await letters()).toEqual(expected), untilElectedMs);
  });
});

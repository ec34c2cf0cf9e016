import { setTimeout } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { ChainedLedgers } from '../../src/cluster/chain.js';
import { LedgerWriter } from '../../src/cluster/ledger-writer.js';
import { NatsClusterStore } from '../../src/cluster/nats-store.js';
import type { LeaseValue } from '../../src/cluster/store.js';
import { Link } from '../../src/nats/link.js';
import { natsOptions, ToldEvents } from '../support/nats-link.js';
import { NatsServer, natsProgram, requireNats } from '../support/nats-server.js';

let server: NatsServer;
let link: Link;
let store: NatsClusterStore;
const events = new ToldEvents();
const value: LeaseValue = { name: 'n', version: '1', formats: [1], startedMs: 1, digest: '', state: 'live' };
const bytes = (text: string) => Buffer.from(text);

beforeAll(async () => {
  if (natsProgram === undefined) return;
  server = await NatsServer.start();
  const { parts } = events;
  link = new Link(natsOptions([server.url]), 'store', parts);
  const storing = { replicas: 'auto', parts } as const;
  store = new NatsClusterStore({ link, clusterName: 'hw', leaseMs: 3_000, storing, clock: systemClock });
  expect(await store.open()).toBe(1);
});

beforeEach(requireNats);

afterAll(async () => {
  await link?.close();
  await server?.stop();
});

describe('leases in NATS', () => {
  test('are written on condition of their revision, and deleted so', async () => {
    const first = await store.writeLease('tag-_1', value, undefined);
    if (first.kind === 'conflict') throw new Error('there is none yet');
    expect(await store.writeLease('tag-_1', value, undefined)).toEqual({ kind: 'conflict' });
    expect(await store.writeLease('tag-_1', value, first.sequence + 7)).toEqual({ kind: 'conflict' });
    const second = await store.writeLease('tag-_1', { ...value, state: 'draining' }, first.sequence);
    if (second.kind === 'conflict') throw new Error('nobody has changed it');
    const stored = { tag: 'tag-_1', revision: second.sequence, value: { ...value, state: 'draining' } };
    expect(await store.readLease('tag-_1')).toEqual(stored);
    await store.writeLease('tag2', value, undefined);
    expect((await store.leases()).map(({ tag }) => tag).toSorted()).toEqual(['tag-_1', 'tag2']);
    expect(await store.deleteLease('tag-_1', first.sequence)).toEqual({ kind: 'conflict' });
    expect((await store.deleteLease('tag-_1', second.sequence)).kind).toBe('stored');
    expect(await store.readLease('tag-_1')).toBeUndefined();
    expect((await store.leases()).map(({ tag }) => tag)).toEqual(['tag2']);
    expect((await store.writeLease('tag-_1', value, undefined)).kind).toBe('stored'); // as by a late answer
  });
});

test('[CL-041] values that are no leases are passed over, and told once', async () => {
  const bucket = await new Kvm(link.connection!).open('hw_nodes');
  for (const [key, text] of [
    ['foreign1', 'hello'],
    ['foreign2', '{"state":"live"}'],
  ] as const)
    await bucket.put(key, text);
  await store.writeLease('real', value, undefined);
  for (let scan = 0; scan < 3; scan += 1) expect((await store.leases()).map(({ tag }) => tag)).toContain('real');
  expect((await store.leases()).filter(({ tag }) => tag.startsWith('foreign'))).toEqual([]);
  const dropped = events.all.filter(({ kind }) => kind === 'dropped');
  expect(dropped.map(event => 'subject' in event && event.subject).toSorted()).toEqual([
    '$KV.hw_nodes.foreign1',
    '$KV.hw_nodes.foreign2',
  ]);
});

/** Of the last record of all ledgers. */
async function lastSequence(): Promise<number> {
  const { streams } = await jetstreamManager(link.connection!);
  return (await streams.info('hw_ledger')).state.last_seq;
}

/** Calls `task` with the milliseconds since the beginning, about once a millisecond, for a second. */
async function forOneSecond(task: (passedMs: number) => void): Promise<void> {
  const sinceMs = performance.now();
  for (let passedMs = 0; passedMs < 1_000; passedMs = performance.now() - sinceMs) {
    task(passedMs);
    await setTimeout(1);
  }
  task(1_000);
}

test('[CL-061] 5,000 opens and closes a second are at most 1,000 appends a second to the store', async () => {
  const nothing = () => {};
  const ledgers = new ChainedLedgers(store);
  const writer = new LedgerWriter({ tag: 'busy', ledgers, clock: systemClock, onSealed: nothing, onAppended: nothing });
  await writer.begin();
  const [sinceMs, before] = [performance.now(), await lastSequence()];
  const writes: Promise<boolean>[] = [];
  let opened = 0;
  await forOneSecond(passedMs => {
    for (; opened < passedMs * 5; opened += 1) {
      const id = `connection-${opened}`;
      writes.push(writer.add({ kind: 'open', hub: 'chat', id, userId: 'ann', subprotocol: undefined }));
      writes.push(writer.add({ kind: 'intent', id, eventId: 1 }));
      writer.note({ kind: 'done', id });
    }
  });
  await writer.begin(); // behind all others
  const tookMs = performance.now() - sinceMs;
  const appends = (await lastSequence()) - before;
  expect(new Set(await Promise.all(writes))).toEqual(new Set([true]));
  expect([opened, writer.isEmpty]).toEqual([5_000, true]);
  expect(appends).toBeGreaterThan(10); // it does not wait for more
  expect(appends).toBeLessThanOrEqual(tookMs + 1);
  writer.close();
});

describe('ledgers in NATS', () => {
  test('are appended to on condition of their last record, each by itself', async () => {
    expect(await store.lastSequence('a')).toBe(0);
    expect(await store.nextRecord('a', 1)).toBeUndefined();
    const first = await store.append('a', bytes('one'), 0);
    await store.append('b', bytes('other'), 0);
    if (first.kind === 'conflict') throw new Error('there is none yet');
    expect(await store.append('a', bytes('two'), 0)).toEqual({ kind: 'conflict' });
    const second = await store.append('a', bytes('two'), first.sequence);
    if (second.kind === 'conflict') throw new Error('nobody has written');
    expect(await store.lastSequence('a')).toBe(second.sequence);
    const record = { sequence: second.sequence, bytes: new Uint8Array(bytes('two')) };
    expect(await store.nextRecord('a', first.sequence + 1)).toEqual(record);
    expect((await store.nextRecord('a', 1))?.sequence).toBe(first.sequence);
    expect(await store.nextRecord('a', second.sequence + 1)).toBeUndefined();
  });

  test('are read up to a record, in order, and purged up to one, which stays', async () => {
    let after = 0;
    for (let at = 0; at < 1_200; at += 1) {
      const write = await store.append('long', bytes(`${at}`), after);
      if (write.kind === 'conflict') throw new Error('nobody has written');
      after = write.sequence;
    }
    const read = async (upTo: number) => {
      const texts: string[] = [];
      await store.readLedger('long', upTo, record => void texts.push(Buffer.from(record.bytes).toString()));
      return texts;
    };
    expect(await read(after)).toEqual(Array.from({ length: 1_200 }, (_, at) => `${at}`));
    expect((await read(after - 1)).at(-1)).toBe('1198');
    await store.purge('long', after - 1);
    expect(await read(after)).toEqual(['1198', '1199']);
    await store.purge('long');
    expect(await store.lastSequence('long')).toBe(0);
    await expect(read(after + 1)).rejects.toThrow('ends before record');
  });

  test('without a connection every call ends', async () => {
    const { parts } = new ToldEvents();
    const away = new NatsClusterStore({
      link: new Link(natsOptions(['nats://127.0.0.1:1']), 'store', parts),
      ...{ clusterName: 'hw', leaseMs: 3_000, storing: { replicas: 'auto', parts }, clock: systemClock },
    });
    await expect(away.append('a', bytes('x'), 0)).rejects.toThrow('no connection');
    await expect(away.leases()).rejects.toThrow('no connection');
  });
});

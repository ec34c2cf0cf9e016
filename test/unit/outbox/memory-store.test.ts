import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { MemoryTables } from '../../../src/outbox/drivers/memory-tables.js';
import { RowStore } from '../../../src/outbox/drivers/row-store.js';
import type { RowKey } from '../../../src/outbox/drivers/tables.js';
import { openStore } from '../../../src/outbox/open-store.js';
import { ManualClock } from '../../support/manual-clock.js';
import { describeOutboxStore, envelopeFor } from '../../support/outbox-contract.js';

const promises = { isDurable: false, keepsKeyOrder: true, keepsOrder: true, delayMs: 1_000 };

describeOutboxStore('memory', promises, async () => {
  const clock = new ManualClock();
  return {
    open: () => openStore({ driver: 'memory' }, clock),
    crash: store => store.close(),
    nowMs: () => clock.now(),
    pass: async ms => clock.advance(ms),
  };
});

async function boundedStore(maxEnvelopes: number, maxDeadLetters: number, onDeadDropped = (_count: number) => {}) {
  const options = { driver: 'memory', maxEnvelopes, maxDeadLetters } as const;
  const store = await openStore(options, new ManualClock(), { onDeadDropped });
  onTestFinished(() => store.close());
  return store;
}

const claimOf = async (store: Awaited<ReturnType<typeof boundedStore>>) =>
  (
    await store.claim(
      () => ({ total: 1, endpoints: [{ endpoint: 'a', count: 1, isOrdered: false }] }),
      () => 0,
    )
  ).claimed[0]!;

test('a full store in memory keeps nothing more, and says so', async () => {
  const store = await boundedStore(2, 10);
  await store.add([envelopeFor('a'), envelopeFor('a')], 0);
  await expect(store.add([envelopeFor('a')], 0)).rejects.toMatchObject({ name: 'NotKept', reason: 'full' });
  await store.delivered(await claimOf(store));
  await store.add([envelopeFor('a')], 0);
});

test('dead letters in memory are bounded: the oldest go, and are counted', async () => {
  let dropped = 0;
  const store = await boundedStore(10, 2, count => {
    dropped += count;
  });
  const envelopes = [envelopeFor('a'), envelopeFor('a'), envelopeFor('a')];
  await store.add(envelopes, 0);
  for (const diedAtMs of [1, 2, 3]) await store.bury(await claimOf(store), 'refused', diedAtMs);
  expect(dropped).toBe(1);
  expect((await store.deadLetters({})).map(({ id }) => id)).toEqual([envelopes[2]!.id, envelopes[1]!.id]);
});

async function storeOfLetters(maxDead: number, onDeadDropped = (_count: number) => {}): Promise<RowStore> {
  const store = await RowStore.open(new MemoryTables(10), { maxDead, onDeadDropped });
  onTestFinished(() => store.close());
  return store;
}

const letterFor = (diedAtMs: number) => ({
  ...envelopeFor('a'),
  diedAtMs,
  reason: 'refused',
  attempts: 1,
  history: [],
});

/** What the call resolves to, and how many turns of the event loop were others' meanwhile. */
async function turnsOf<T>(call: Promise<T>): Promise<{ result: T; turns: number }> {
  let [turns, isOver] = [0, false];
  const done = call.finally(() => {
    isOver = true;
  });
  for (; !isOver; turns += 1) await nextTurn();
  return { result: await done, turns };
}

test('many dead letters: the newest are read from the end, one that is looked up in slices', async () => {
  const store = await storeOfLetters(10_000);
  const letters = Array.from({ length: 2_000 }, (_, index) => letterFor(index));
  for (const letter of letters) await store.addDead(letter);
  const reversed = vi.spyOn(MemoryTables.prototype, 'reversed');
  const newest = await store.deadLetters({ limit: 300 });
  expect(newest.map(({ id }) => id)).toEqual(
    letters
      .slice(-300)
      .toReversed()
      .map(({ id }) => id),
  );
  expect(reversed).toHaveBeenCalledTimes(2); // of 200 rows each
  const found = await turnsOf(store.deadLetters({ ids: [letters[0]!.id], limit: 1 }));
  expect(found.result.map(({ diedAtMs }) => diedAtMs)).toEqual([0]);
  expect(found.turns).toBeGreaterThanOrEqual(9);
  const dropped = await turnsOf(store.drop({ ids: [letters[1_999]!.id] }));
  expect([dropped.result, dropped.turns >= 9]).toEqual([[letters[1_999]!.id], true]);
  const between = await store.deadLetters({ sinceMs: 500, untilMs: 1_200 });
  expect(between.map(({ diedAtMs }) => diedAtMs)).toEqual(Array.from({ length: 700 }, (_, index) => 1_199 - index));
});

test('dead letters beyond the bound are dropped once, however many come at a time', async () => {
  let dropped = 0;
  const store = await storeOfLetters(5, count => {
    dropped += count;
  });
  await Promise.all(Array.from({ length: 20 }, (_, index) => store.addDead(letterFor(index))));
  expect([dropped, (await store.deadLetters({})).map(({ diedAtMs }) => diedAtMs)]).toEqual([15, [19, 18, 17, 16, 15]]);
});

test('a dead letter is taken by one of two calls', async () => {
  const store = await storeOfLetters(1_000);
  await Promise.all(Array.from({ length: 500 }, (_, index) => store.addDead(letterFor(index))));
  const [one, other] = await Promise.all([store.drop({}), store.drop({})]);
  expect(new Set([...one, ...other]).size).toBe(500);
  expect(one.length + other.length).toBe(500);
});

/** A store whose writes fail while a test says so. */
async function failingStore() {
  const tables = new MemoryTables(100);
  const write = tables.write.bind(tables);
  const faults: unknown[] = [];
  const disk = { isFull: false, faults };
  vi.spyOn(tables, 'write').mockImplementation(async changes => {
    if (disk.isFull) throw new Error('ENOSPC');
    await write(changes);
  });
  const store = await RowStore.open(tables, { onFault: error => void faults.push(error) });
  onTestFinished(() => store.close());
  const room = () => ({ total: 10, endpoints: [{ endpoint: 'a', count: 10, isOrdered: true }] });
  const claim = async () => (await store.claim(room, () => 0)).claimed;
  return { store, disk, claim };
}

test('what is claimed beside rows that a full disk cannot move is delivered, and the rows come in their turn', async () => {
  const { store, disk, claim } = await failingStore();
  const [first, second, other] = ['A', 'A', 'B'].map(key => ({ ...envelopeFor('a'), key }));
  await store.add([first!, second!, other!], 0);
  disk.isFull = true;
  const claimed = await claim();
  expect(claimed.map(({ envelope }) => envelope.id)).toEqual([first!.id, other!.id]);
  expect(disk.faults).toHaveLength(1);
  await expect(claim()).rejects.toThrow('ENOSPC'); // nothing but what waits for its key
  disk.isFull = false;
  for (const each of claimed) await store.delivered(each);
  const [last] = await claim();
  expect(last?.envelope.id).toBe(second!.id);
  await store.delivered(last!);
  expect((await store.depths()).size).toBe(0);
});

test('a burial that fails is made up for by the next one', async () => {
  const { store, disk, claim } = await failingStore();
  await store.add([envelopeFor('a'), envelopeFor('a')], 0);
  disk.isFull = true;
  await expect(store.buryAll('a', 'gone', 0)).rejects.toThrow('ENOSPC');
  disk.isFull = false;
  expect(await claim()).toHaveLength(2);
  expect((await store.depths()).get('a')).toMatchObject({ ready: 0, inFlight: 2, dead: 0 });
});

test('one of several that wait for their key and cannot be read does not let newer ones overtake the others', async () => {
  const tables = new MemoryTables(100);
  const faults: unknown[] = [];
  const store = await RowStore.open(tables, { onFault: error => void faults.push(error) });
  onTestFinished(() => store.close());
  const room = () => ({ total: 10, endpoints: [{ endpoint: 'a', count: 10, isOrdered: true }] });
  const claimAll = async () => (await store.claim(room, () => 0)).claimed;
  const of = () => envelopeFor('a', { key: 'k' });
  const [third, newest] = [of(), of()];
  await store.add([of(), of(), third], 0);
  const [first] = await claimAll();
  const [[second]] = [...tables.range('held', ['a'], ['a', '\u{10ffff}'])] as [[RowKey, Buffer]];
  await tables.write([['held', second, Buffer.from('garbage')]]);
  await store.delivered(first!);
  await store.add([newest], 0);
  const claimed = await claimAll();
  expect(claimed.map(({ envelope }) => envelope.id)).toEqual([third.id]);
  expect(faults).toHaveLength(1);
  await store.delivered(claimed[0]!);
  expect((await claimAll()).map(({ envelope }) => envelope.id)).toEqual([newest.id]);
});

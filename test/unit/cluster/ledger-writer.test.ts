import { describe, expect, test, vi } from 'vitest';
import { ChainedLedgers } from '../../../src/cluster/chain.js';
import { LedgerWriter } from '../../../src/cluster/ledger-writer.js';
import { LedgerReader } from '../../../src/cluster/records.js';
import type { Write } from '../../../src/cluster/store.js';
import { settled } from '../../support/fake-ports.js';
import { ManualClock } from '../../support/manual-clock.js';
import { MemoryLedger } from '../../support/memory-ledger.js';

/** A ledger in memory that answers at once, or when a test says so. */
class Store extends MemoryLedger {
  readonly isShared = false;
  readonly maxRecordBytes: number;
  isStalled = false;
  readonly #stalled: (() => void)[] = [];

  constructor(maxRecordBytes = 60_000) {
    super();
    this.maxRecordBytes = maxRecordBytes;
  }

  async append(_: string, bytes: Uint8Array, after: number): Promise<Write> {
    if (this.isStalled) await new Promise<void>(resolve => void this.#stalled.push(resolve));
    if ((await this.lastSequence()) !== after) return { kind: 'conflict' };
    this.records.push({ sequence: after + 1, bytes });
    return { kind: 'stored', sequence: after + 1 };
  }

  goOn(): void {
    this.isStalled = false;
    for (const resolve of this.#stalled.splice(0)) resolve();
  }
}

function setup(store = new Store()) {
  const clock = new ManualClock();
  const ledgers = new ChainedLedgers(store);
  let isSealed = false;
  const writer = new LedgerWriter({
    ...{ tag: 'me', ledgers, clock },
    onSealed: () => {
      isSealed = true;
    },
    onAppended: () => {},
  });
  /** What another node would read. */
  const read = async () => {
    const reader = new LedgerReader();
    await ledgers.read('me', Number.MAX_SAFE_INTEGER, record => reader.read(record));
    return reader.connections;
  };
  const pass = async (ms: number) => {
    for (let at = 0; at < ms; at += 1) await clock.advanceAsync(1);
  };
  return { store, writer, clock, read, pass, isSealed: () => isSealed };
}

const open = (id: string) => ({ kind: 'open', hub: 'h', id, userId: undefined, subprotocol: undefined }) as const;

describe('the ledger of a node', () => {
  test('waits for its next append with one timer, however much comes meanwhile', async () => {
    const { writer, clock, store } = setup();
    await writer.add(open('a'));
    const after = vi.spyOn(clock, 'after');
    for (let count = 0; count < 100; count += 1) void writer.add({ kind: 'done', id: 'a' });
    expect(after).toHaveBeenCalledTimes(1);
    await clock.advanceAsync(1);
    expect(store.records).toHaveLength(2);
  });

  test('[CL-061] what nobody waits for makes no append of its own, unless nothing else comes within 20 ms', async () => {
    const { writer, clock, store } = setup();
    writer.note(open('a'));
    await clock.advanceAsync(10);
    expect(store.records).toHaveLength(0);
    await writer.add(open('b'));
    expect(store.records).toHaveLength(1);
    writer.note({ kind: 'done', id: 'a' });
    writer.note({ kind: 'done', id: 'b' });
    await clock.advanceAsync(19);
    expect(store.records).toHaveLength(1);
    await clock.advanceAsync(1);
    expect(store.records).toHaveLength(2);
    expect(writer.isEmpty).toBe(true);
  });

  test('[CL-061] what somebody waits for is not held up by what came before it', async () => {
    const { writer, clock, store } = setup();
    await writer.add(open('a'));
    writer.note({ kind: 'done', id: 'a' });
    const opened = writer.add(open('b'));
    await clock.advanceAsync(1);
    expect(await opened).toBe(true);
    expect(store.records).toHaveLength(2);
  });

  test('is empty once nothing is left to be told of anybody', async () => {
    const { writer, pass } = setup();
    expect(writer.isEmpty).toBe(true);
    const opened = writer.add(open('a'));
    expect(writer.isEmpty).toBe(false);
    await pass(3);
    expect(await opened).toBe(true);
    writer.note({ kind: 'done', id: 'a' });
    expect(writer.isEmpty).toBe(false);
    await pass(20);
    expect(writer.isEmpty).toBe(true);
  });

  test('is cut by snapshots in parts, before which nothing stays, and says the same', async () => {
    const { store, writer, read, pass } = setup();
    for (let at = 0; at < 4_000; at += 1) {
      writer.note(open(`c${at}`));
      writer.note({ kind: 'fact', id: `c${at}`, state: 'x'.repeat(400) });
      if (at % 3 === 0) writer.note({ kind: 'done', id: `c${at}` });
      if (at % 100 === 0) await pass(2);
    }
    await pass(200);
    const texts = store.records.map(({ bytes }) => Buffer.from(bytes).toString().slice(0, 100));
    expect(texts[0]).toContain('"snap":{"first":true,"last":false}');
    expect(texts.some(text => text.includes('"last":true'))).toBe(true);
    expect(store.records.length).toBeLessThan(60);
    const connections = await read();
    expect(connections.size).toBe(4_000 - Math.ceil(4_000 / 3));
    expect(connections.get('c1')).toMatchObject({ id: 'c1', state: 'x'.repeat(400) });
    expect(connections.has('c3')).toBe(false);
  });

  test('[CL-060] waits for a store that stalls, in order, and says when too much waits', async () => {
    const { store, writer, read, pass } = setup();
    store.isStalled = true;
    const settledInOrder: number[] = [];
    for (let at = 0; at < 100_000; at += 1) {
      void writer.add(open(`c${at}`)).then(isStored => isStored && settledInOrder.push(at));
    }
    expect(writer.isFull).toBe(false); // the first one is under way
    void writer.add(open('last'));
    expect(writer.isFull).toBe(true);
    await pass(10);
    expect(settledInOrder).toEqual([]);
    store.goOn();
    await pass(2_000);
    expect(writer.isFull).toBe(false);
    expect(settledInOrder).toHaveLength(100_000);
    expect(settledInOrder.every((at, index) => at === index)).toBe(true);
    expect((await read()).size).toBe(100_001);
  });

  test('[CL-058] is told that nothing is stored any more once somebody has sealed it', async () => {
    const { store, writer, pass, isSealed } = setup();
    await writer.add(open('a'));
    const bytes = Buffer.from('{"by":"heir","n":1,"a":1,"seal":true}');
    await store.append('me', bytes, 1);
    const late = writer.add(open('b'));
    await pass(5);
    expect([await late, isSealed()]).toEqual([false, true]);
    expect(await writer.add(open('c'))).toBe(false);
    await settled();
  });

  test('[CL-058] is told so as well when the seal is removed already', async () => {
    const { store, writer, pass, isSealed } = setup();
    await writer.add(open('a'));
    await store.append('me', Buffer.from('{"by":"heir","n":1,"a":1,"seal":true}'), 1);
    await store.append('me', Buffer.from('{"by":"heir","n":2,"a":2,"e":[{"kind":"done","id":"a"}]}'), 2);
    await store.purge('me', 3);
    const late = writer.add(open('b'));
    await pass(5);
    expect([await late, isSealed()]).toEqual([false, true]);
  });
});

import { JetStreamApiError } from '@nats-io/jetstream';
import { describe, expect, test } from 'vitest';
import { ChainedLedgers } from '../../../src/cluster/chain.js';
import { LedgerWriter } from '../../../src/cluster/ledger-writer.js';
import type { Write } from '../../../src/cluster/store.js';
import { ManualClock } from '../../support/manual-clock.js';
import { MemoryLedger } from '../../support/memory-ledger.js';

const maxPayload = 64 * 1024;
const slack = 2_048; // as of NatsClusterStore

/** A ledger in NATS, as far as its writer sees: a message above `max_payload` is refused, and the stream may be lost. */
class Store extends MemoryLedger {
  readonly isShared = false;
  readonly maxRecordBytes = maxPayload - slack;
  #sequence = 0;
  appends = 0;
  most = Number.POSITIVE_INFINITY;
  refused = 0;

  async append(_: string, bytes: Uint8Array, after: number): Promise<Write> {
    this.appends += 1;
    if (this.appends > this.most) return new Promise(() => {}); // else a test that fails never ends
    if (bytes.length > maxPayload) {
      this.refused += 1;
      throw new Error("'payload' max_payload size exceeded");
    }
    if ((await this.lastSequence()) !== after) return { kind: 'conflict' };
    this.#sequence += 1;
    this.records.push({ sequence: this.#sequence, bytes });
    return { kind: 'stored', sequence: this.#sequence };
  }

  /** The server has lost what it stored: the stream is there again, empty. */
  lose(): void {
    this.records = [];
    this.#sequence = 0;
  }
}

function setup() {
  const store = new Store();
  const clock = new ManualClock();
  let isSealed = false;
  const onSealed = () => {
    isSealed = true;
  };
  const writer = new LedgerWriter({
    tag: 'me',
    ledgers: new ChainedLedgers(store),
    clock,
    onSealed,
    onAppended: () => {},
  });
  const pass = async (ms: number) => {
    for (let at = 0; at < ms; at += 1) await clock.advanceAsync(1);
  };
  return { store, writer, pass, isSealed: () => isSealed };
}

const open = (id: string) => ({ kind: 'open', hub: 'h', id, userId: undefined, subprotocol: undefined }) as const;

test('[cluster 6.1] a snapshot fits into the messages of the server, also with a connection that is in many groups', async () => {
  const { store, writer, pass } = setup();
  for (let at = 0; at < 50; at += 1) writer.note(open(`some ${at}`));
  writer.note(open('bot'));
  for (let at = 0; at < 2_000; at += 1) writer.note({ kind: 'joined', id: 'bot', group: `group ${at}` });
  for (let at = 0; at < 4_000; at += 1) writer.note({ kind: 'fact', id: 'bot', state: 'x'.repeat(300) }); // until one is made
  await pass(200);
  const stored = writer.add(open('later'));
  let isStored = false;
  void stored.then(() => {
    isStored = true;
  });
  await pass(3_000);
  expect(store.refused).toBe(0);
  expect(isStored).toBe(true);
});

test('[cluster 6.1] of a ledger that the store has lost nothing is stored any more, after some seconds without haste', async () => {
  const { store, writer, pass, isSealed } = setup();
  void writer.add(open('a'));
  await pass(5);
  store.lose();
  const before = store.appends;
  store.most = before + 1_000;
  void writer.add(open('b'));
  await pass(1_000);
  expect(store.appends - before).toBe(1);
  expect(isSealed()).toBe(false); // a new leader of the stream may not have all records yet
  await pass(10_000);
  expect(store.appends - before).toBe(1);
  expect(isSealed()).toBe(true);
});

test('[cluster 6.1] a ledger whose last record is not there for some seconds goes on', async () => {
  const { store, writer, pass, isSealed } = setup();
  void writer.add(open('a'));
  await pass(5);
  const { records } = store;
  store.records = [];
  const added = writer.add(open('b'));
  await pass(5_000);
  store.records = records;
  await pass(200);
  expect(await added).toBe(true);
  expect(isSealed()).toBe(false);
});

describe('[CL-062] a node that is about to stop and whose ledger the store does not have', () => {
  const noStream = () => {
    throw new JetStreamApiError({ code: 404, err_code: 10_059, description: 'stream not found' });
  };

  /** A ledger with one record, and an entry for whose end somebody waits. */
  async function missing() {
    const world = setup();
    void world.writer.add(open('a'));
    await world.pass(5);
    const { append, nextRecord } = world.store;
    Object.assign(world.store, { append: noStream, nextRecord: noStream });
    const found = () => Object.assign(world.store, { append, nextRecord });
    let isStored: boolean | undefined;
    void world.writer.add(open('b')).then(stored => {
      isStored = stored;
    });
    await world.pass(50);
    return { ...world, found, isStored: () => isStored };
  }

  test('waits for two seconds, and says then that nothing was stored', async () => {
    const { writer, pass, isStored, isSealed } = await missing();
    writer.drain();
    await pass(1_500);
    expect(isStored()).toBeUndefined();
    await pass(700);
    expect(isStored()).toBe(false);
    expect(await writer.add(open('c'))).toBe(false);
    expect([writer.isEmpty, isSealed()]).toEqual([false, false]); // so its lease stays for another node
  });

  test('waits no more when it was missing before', async () => {
    const { writer, pass, isStored } = await missing();
    await pass(3_000);
    expect(isStored()).toBeUndefined();
    writer.drain();
    await pass(1);
    expect(isStored()).toBe(false);
  });

  test('stores what there is when the ledger is there again in time', async () => {
    const { writer, pass, isStored, found } = await missing();
    writer.drain();
    await pass(1_000);
    found();
    await pass(3_000);
    expect(isStored()).toBe(true);
  });

  test('waits as before while it goes on', async () => {
    const { pass, isStored, found } = await missing();
    await pass(30_000);
    expect(isStored()).toBeUndefined();
    found();
    await pass(500);
    expect(isStored()).toBe(true);
  });
});

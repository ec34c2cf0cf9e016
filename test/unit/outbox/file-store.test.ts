import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../../src/outbox/open-store.js';
import { ManualClock } from '../../support/manual-clock.js';
import { describeOutboxStore, envelopeFor } from '../../support/outbox-contract.js';

async function freshDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'hubwire-outbox-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

const promises = { isDurable: true, keepsKeyOrder: true, keepsOrder: true, delayMs: 1_000 };

test('the directory may have a dot in its name', async () => {
  const directory = join(await freshDirectory(), 'data.d');
  for (const _start of ['the first', 'one that checks the file']) {
    const store = await openStore({ driver: 'file', directory }, new ManualClock());
    await store.close();
  }
  expect((await readdir(directory)).toSorted()).toEqual(['data.mdb', 'lock.mdb']);
});

describe('rows that were written a moment ago', () => {
  const claimOf = (endpoint: string, count: number, isOrdered = false) =>
    [() => ({ total: count, endpoints: [{ endpoint, count, isOrdered }] }), () => 1] as const;

  async function opened() {
    const store = await openStore({ driver: 'file', directory: await freshDirectory() }, new ManualClock());
    onTestFinished(() => store.close());
    return store;
  }

  test('are not claimed once they are dead letters, even if a claim has found their numbers before', async () => {
    const store = await opened();
    const envelopes = [1, 2, 3].map(() => envelopeFor('a'));
    await store.add(envelopes, 1);
    const first = await store.claim(...claimOf('a', 1)); // reads the numbers of all
    expect(first.claimed.map(({ envelope }) => envelope)).toEqual([envelopes[0]]);
    expect(await store.buryAll('a', 'gone', 2)).toBe(2);
    expect((await store.claim(...claimOf('a', 8))).claimed).toEqual([]);
    expect((await store.deadLetters({})).map(({ id }) => id).toSorted()).toEqual([envelopes[1]!.id, envelopes[2]!.id]);
  });

  test('are claimed as they are read from the file: a row whose claim was taken back, and one that is new', async () => {
    const store = await opened();
    await store.add([envelopeFor('a', { key: 'k', content: Buffer.from('one') })], 7);
    const [fromMemory] = (await store.claim(...claimOf('a', 1))).claimed;
    await store.release(fromMemory!);
    const [fromFile] = (await store.claim(...claimOf('a', 1))).claimed;
    const { place: _, ...read } = fromFile!;
    expect(fromMemory).toMatchObject(read);
    expect(read).toMatchObject({ acceptedAtMs: 7, attempts: 0, history: [], isReplay: false });
  });

  test('that are held back by one of their key are claimed after it', async () => {
    const store = await opened();
    await store.add(
      ['one', 'two'].map(text => envelopeFor('a', { key: 'k', content: Buffer.from(text) })),
      1,
    );
    const [first, ...others] = (await store.claim(...claimOf('a', 8, true))).claimed;
    expect([first!.envelope.content.toString(), others]).toEqual(['one', []]);
    await store.delivered(first!);
    const [second] = (await store.claim(...claimOf('a', 8, true))).claimed;
    expect(second!.envelope.content.toString()).toBe('two');
  });
});

describeOutboxStore('file', promises, async () => {
  const clock = new ManualClock();
  const directory = await freshDirectory();
  return {
    open: () => openStore({ driver: 'file', directory }, clock),
    crash: store => store.close(), // what is in delivery is in the process only; test/integration kills real ones
    nowMs: () => clock.now(),
    pass: async ms => clock.advance(ms),
  };
});

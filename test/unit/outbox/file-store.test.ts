import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../../src/outbox/open-store.js';
import { ManualClock } from '../../support/manual-clock.js';
import { describeOutboxStore } from '../../support/outbox-contract.js';

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

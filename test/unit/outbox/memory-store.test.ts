import { expect, onTestFinished, test } from 'vitest';
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

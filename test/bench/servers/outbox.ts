/** Hubwire's outbox with the driver `file`, which accepts batches one after the other. The argument is its directory. */
import { randomUUID } from 'node:crypto';
import { batchSize, contentBytes } from './outbox-batch.js';
import { serveOwnWork } from './own-work.js';
import { shipped } from './shipped.js';

const { systemClock } = await shipped<typeof import('../../../src/clock.js')>('clock.js');
const { openStore } = await shipped<typeof import('../../../src/outbox/open-store.js')>('outbox/open-store.js');
const { Outbox } = await shipped<typeof import('../../../src/outbox/outbox.js')>('outbox/outbox.js');

const [directory = ''] = process.argv.slice(2);
const outbox = new Outbox({
  store: await openStore({ driver: 'file', directory }, systemClock),
  clock: systemClock,
  deliverer: { deliver: async () => ({ outcome: 'delivered' }) },
  endpoints: { ids: () => ['hook'], options: () => ({ enabled: false }) }, // what is accepted waits
});
await outbox.start();
const content = Buffer.alloc(contentBytes, 'x');

serveOwnWork(async () => {
  const createdAtMs = systemClock.now();
  const envelopes = Array.from({ length: batchSize }, () => ({
    id: randomUUID(),
    endpoint: 'hook',
    createdAtMs,
    content,
  }));
  await outbox.accept(envelopes);
  return batchSize;
});

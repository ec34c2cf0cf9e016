/**
 * A process that a test kills, on the built program: it accepts about 2,000 envelopes a second into the outbox of its
 * directory, puts events into batches, and delivers meanwhile. Each line that it prints is a fact at that moment: `a` and the
 * ids that were accepted, `d` and the id that the deliverer was given, `b` and the ids of a batch that it was given.
 * Arguments: the directory, the number of the start, `accept` or `drain`.
 */
import { writeSync } from 'node:fs';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { systemClock } from '../../build/clock.js';
import { openStore } from '../../build/outbox/open-store.js';
import { Outbox } from '../../build/outbox/outbox.js';
import { drain } from './outbox-drain.mjs';

const [, , directory, start, mode] = process.argv;
const perSecond = 2_000;
const keys = 20;
const print = line => writeSync(1, `${line}\n`); // at once, so that a kill loses none
const options = { ordering: 'key', circuitBreaker: false, profile: { delaysMs: [5], budgetMs: 3_600_000 } };

const outbox = new Outbox({
  store: await openStore({ driver: 'file', directory }, systemClock),
  clock: systemClock,
  deliverer: { deliver },
  endpoints: { ids: () => ['a', 'batches'], options: () => options },
});
await outbox.start();
print('started');
await (mode === 'drain' ? drain(outbox) : Promise.all([acceptForever(), batchForever()]));

async function deliver({ id, endpoint, content }, attempt) {
  print(endpoint === 'batches' ? `b ${content}` : `d ${id}`);
  await setImmediate();
  const isFailing = attempt === 1 && Number(id.split('-')[2]) % 50 === 0;
  return isFailing ? { outcome: 'failed', reason: 'now and then' } : { outcome: 'delivered' };
}

async function acceptForever() {
  const startMs = performance.now();
  for (let number = 0; ; ) {
    const due = Math.floor(((performance.now() - startMs) / 1_000) * perSecond);
    const envelopes = [];
    for (; number < due; number += 1) envelopes.push(envelopeOf(number));
    await outbox.accept(envelopes);
    if (envelopes.length > 0) print(`a ${envelopes.map(({ id }) => id).join(' ')}`);
    await setTimeout(1);
  }
}

/** A batch of about 20 events every 20 ms, each of which is kept before it leaves. */
async function batchForever() {
  for (let number = 0; ; ) {
    const [drafts, events] = [[], []];
    for (const untilMs = performance.now() + 20; performance.now() < untilMs; ) {
      const ids = [0, 1].map(() => ['batched', start, number++].join('-'));
      const draft = batchOf(ids);
      drafts.push(draft.id);
      events.push(...ids);
      await outbox.draft([draft], 20);
      print(`a ${ids.join(' ')}`);
    }
    await outbox.replace(drafts, batchOf(events));
  }
}

function batchOf(ids) {
  const id = `${ids.length}-of-${ids[0]}`;
  return { id, endpoint: 'batches', createdAtMs: systemClock.now(), content: Buffer.from(ids.join(' ')) };
}

/** An id says key, start and number: within a key, they are accepted in this order. */
function envelopeOf(number) {
  const key = `k${number % keys}`;
  const id = [key, start, number].join('-');
  return { id, endpoint: 'a', key, createdAtMs: systemClock.now(), content: Buffer.alloc(200, id) };
}

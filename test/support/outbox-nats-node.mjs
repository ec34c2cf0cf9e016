/**
 * A node that a test kills, on the built program, with its queue in NATS: it accepts envelopes of keys of its own, and delivers
 * what any node has accepted. Each line that it prints is a fact at that moment, with the nanoseconds of the machine's
 * monotonic clock: `a` and the ids that were accepted, `d` and the id that the deliverer was given, `e` when that attempt ends.
 * Arguments: URLs of the servers, the name of the node, `accept` or `drain`.
 */
import { writeSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { systemClock } from '../../build/clock.js';
import { NatsParts } from '../../build/nats/events.js';
import { parseNatsUrls } from '../../build/nats/options.js';
import { openStore } from '../../build/outbox/open-store.js';
import { Outbox } from '../../build/outbox/outbox.js';
import { drain } from './outbox-drain.mjs';

const [, , urls, name, mode] = process.argv;
const perSecond = 200;
const keys = 10;
const alive = setInterval(() => {}, 1_000); // as the listeners of a service: its timers alone would not keep it running
const print = line => writeSync(1, `${line}\n`); // at once, so that a kill loses none
const now = () => process.hrtime.bigint();
const options = {
  ordering: 'key',
  maxConcurrency: 32,
  circuitBreaker: false,
  profile: { delaysMs: [5], budgetMs: 3_600_000 },
};

const store = await openStore(
  {
    driver: 'nats',
    nats: { servers: parseNatsUrls(urls), clusterName: 'hw', nodeName: name },
    parts: new NatsParts(systemClock, () => {}),
    claimMs: 2_000,
  },
  systemClock,
);
const outbox = new Outbox({
  store,
  clock: systemClock,
  deliverer: { deliver },
  endpoints: { ids: () => ['a'], options: () => options },
});
await outbox.start();
print('started');
await (mode === 'drain' ? drain(outbox) : acceptForever());
clearInterval(alive);

async function deliver({ id }, attempt) {
  print(`d ${now()} ${id}`);
  await setTimeout(1);
  print(`e ${now()} ${id}`);
  const isFailing = attempt === 1 && Number(id.split('.')[2]) % 50 === 0;
  return isFailing ? { outcome: 'failed', reason: 'now and then' } : { outcome: 'delivered' };
}

async function acceptForever() {
  const startMs = performance.now();
  for (let number = 0; ; ) {
    const due = Math.floor(((performance.now() - startMs) / 1_000) * perSecond);
    const envelopes = [];
    for (; number < due; number += 1) envelopes.push(envelopeOf(number));
    try {
      await outbox.accept(envelopes);
      if (envelopes.length > 0) print(`a ${now()} ${envelopes.map(({ id }) => id).join(' ')}`);
    } catch (error) {
      print(`x ${now()} ${error.reason}`);
    }
    await setTimeout(5);
  }
}

/** An id says key, node and number: within a key, they are accepted in this order. */
function envelopeOf(number) {
  const key = `${name}k${number % keys}`;
  const id = [key, name, number].join('.');
  return { id, endpoint: 'a', key, createdAtMs: systemClock.now(), content: Buffer.alloc(200, id) };
}

/** The ledger of a node of Hubwire, in which connections open and close. The argument is the URL of NATS. */
import { connectionIdOf, paced, perStep } from './ledger-entries.js';
import { serveOwnWork } from './own-work.js';
import { shipped } from './shipped.js';

const { systemClock: clock } = await shipped<typeof import('../../../src/clock.js')>('clock.js');
const { ChainedLedgers } = await shipped<typeof import('../../../src/cluster/chain.js')>('cluster/chain.js');
const { LedgerWriter } =
  await shipped<typeof import('../../../src/cluster/ledger-writer.js')>('cluster/ledger-writer.js');
const { NatsClusterStore } =
  await shipped<typeof import('../../../src/cluster/nats-store.js')>('cluster/nats-store.js');
const { NatsParts } = await shipped<typeof import('../../../src/nats/events.js')>('nats/events.js');
const { Link } = await shipped<typeof import('../../../src/nats/link.js')>('nats/link.js');
const { parseNatsUrls } = await shipped<typeof import('../../../src/nats/options.js')>('nats/options.js');

const [url = ''] = process.argv.slice(2);
const clusterName = 'bench';
const parts = new NatsParts(clock, () => {});
const link = new Link({ servers: parseNatsUrls(url), clusterName, nodeName: 'bench' }, 'store', parts);
const store = new NatsClusterStore({ link, clusterName, leaseMs: 20_000, storing: { replicas: 1, parts }, clock });
const untilListening = setInterval(() => {}, 1_000); // timers of the clock keep no process alive
await store.open();
const ledger = new LedgerWriter({
  ...{ tag: 'bench-', ledgers: new ChainedLedgers(store), clock },
  onSealed: () => process.exit(1),
  onAppended: () => {},
});
await ledger.begin();
clearInterval(untilListening);
let opened = 0;

function open(): Promise<boolean> {
  opened += 1;
  return ledger.add({
    ...{ kind: 'open', hub: 'chat', id: connectionIdOf(opened) },
    ...{ userId: 'client', subprotocol: 'json.webpubsub.azure.v1' },
  });
}

async function close(id: string): Promise<void> {
  await ledger.add({ kind: 'intent', id, eventId: 3 });
  ledger.note({ kind: 'done', id });
}

serveOwnWork(() =>
  paced(() => {
    const ids = Array.from({ length: perStep }, (_, index) => connectionIdOf(opened - index));
    return Promise.all([...ids.map(close), ...ids.map(open)]);
  }),
);

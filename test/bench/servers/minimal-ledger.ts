/** The least that keeping what others need can cost: a conditional append of as many entries for each step. The argument is the URL of NATS. */
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { connectionIdOf, paced, perStep } from './ledger-entries.js';
import { serveOwnWork } from './own-work.js';

const [url = ''] = process.argv.slice(2);
const connection = await connect({ servers: url });
const { streams } = await jetstreamManager(connection);
await streams.add({ name: 'minimal', subjects: ['minimal'] });
const stream = jetstream(connection);
const id = connectionIdOf(0);
const entries = [
  { kind: 'intent', id, eventId: 3 },
  { kind: 'open', hub: 'chat', id, userId: 'client', subprotocol: 'json.webpubsub.azure.v1' },
  { kind: 'done', id },
];
let last = 0;

serveOwnWork(() =>
  paced(async () => {
    const all = Array.from({ length: perStep }, () => entries).flat();
    const { seq } = await stream.publish('minimal', JSON.stringify(all), { expect: { lastSubjectSequence: last } });
    last = seq;
  }),
);

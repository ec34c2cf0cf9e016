import { DiscardPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { beforeEach, describe, expect, type TestContext, test } from 'vitest';
import { NotKept } from '../../src/outbox/outbox-error.js';
import { eventually } from '../support/eventually.js';
import { startNatsCluster } from '../support/nats-cluster.js';
import { newLink } from '../support/nats-link.js';
import { delivered, failed, startOutboxNode } from '../support/nats-outbox.js';
import { type NatsServer, requireNats, startNats } from '../support/nats-server.js';
import { envelopeFor } from '../support/outbox-contract.js';

beforeEach(requireNats);

const content = Buffer.alloc(20_000, 'x');
const MB = 1024 * 1024;
/** Until the queue has been written over several times. */
const patienceMs = 60_000;

/** Account `a` may store so much; who gives no login has no limit. */
function accounts(bytes: number): string {
  const limited = `A { jetstream { max_file: ${bytes}, max_mem: ${MB} }, users: [{ user: a, password: b }] }`;
  const others =
    'G { jetstream: enabled, users: [{ user: g, password: g }] }, SYS { users: [{ user: s, password: s }] }';
  return `accounts { ${limited}, ${others} }\nsystem_account: SYS\nno_auth_user: g`;
}

function urlOf({ url }: NatsServer): string {
  return url.replace('//', '//a:b@');
}

/** Nodes at these servers, with an endpoint that fails, again after 10 ms, until it is `up`, and a stream of somebody else. */
async function startNodes(urls: readonly string[], streamBytes?: number) {
  const { link } = newLink(urls, { purpose: 'store' });
  const connection = await link.start();
  const { streams } = await jetstreamManager(connection);
  await streams.add({ name: 'leases', subjects: ['leases'], max_msgs: 1 });
  if (streamBytes !== undefined) {
    const queue = { name: 'hw_outbox', subjects: ['hw.1.out.>'], discard: DiscardPolicy.New };
    await streams.add({ ...queue, max_bytes: streamBytes });
  }
  const app = { isUp: false, delivered: new Set<string>(), twice: 0 };
  const answer = (id: string) => {
    if (!app.isUp) return failed;
    if (app.delivered.has(id)) app.twice += 1;
    app.delivered.add(id);
    return delivered;
  };
  const profile = { delaysMs: Array.from({ length: 10_000 }, () => 10) };
  const endpoint = { profile, maxConcurrency: 64, circuitBreaker: false, disableAfterHours: Number.POSITIVE_INFINITY };
  const nodes = await Promise.all(urls.map(url => startOutboxNode({ urls: [url], endpoint, answer })));
  return { connection, nodes, app, state: async () => (await streams.info('hw_outbox')).state };
}

type Started = Awaited<ReturnType<typeof startNodes>>;

/** Accepts one envelope after another until one is refused. */
async function fill({ outbox }: Started['nodes'][number], name: string) {
  const accepted: string[] = [];
  for (let number = 0; number < 5_000; number += 1) {
    const envelope = envelopeFor('a', { id: `${name} ${number}`, content });
    try {
      await outbox.accept([envelope]);
      accepted.push(envelope.id);
    } catch (error) {
      return { accepted, error };
    }
  }
  throw new Error('nothing was refused');
}

async function startLimited(context: TestContext, of: string): Promise<Started> {
  if (of === 'of its stream') return startNodes([(await startNats(context)).url], 16 * MB);
  if (of === 'of its account') {
    return startNodes([urlOf(await startNats(context, { settings: accounts(16 * MB) }))]);
  }
  const cluster = await startNatsCluster(context, { settings: accounts(60 * MB) });
  return startNodes(cluster.servers.slice(0, 2).map(urlOf));
}

describe('a queue in NATS that may have so many bytes refuses what is new before it cannot deliver what waits', () => {
  test.for(['of its account', 'of its stream', 'of its account on three servers'])(
    '%s',
    { timeout: 180_000 },
    async (of, context) => {
      const { connection, nodes, app, state } = await startLimited(context, of);
      const faults = () => nodes.flatMap(node => node.faults);
      const filled = await Promise.all(nodes.map((node, index) => fill(node, `node ${index}`)));
      const accepted = filled.flatMap(each => each.accepted);
      for (const { error } of filled) {
        expect(error).toBeInstanceOf(NotKept);
        const message = expect.stringContaining('raise the storage of the account, or max_bytes of stream hw_outbox');
        expect(error).toMatchObject({ reason: 'full', message });
      }
      expect(accepted.length * content.length).toBeGreaterThan(2 * MB);
      // Each failure is a record: the stream is written over again and again, and is never full.
      await eventually(async () => expect((await state()).first_seq).toBeGreaterThan(10 * accepted.length), patienceMs);
      expect(faults()).toEqual([]);
      expect(await jetstream(connection).publish('leases', 'x')).toMatchObject({ duplicate: false });
      app.isUp = true;
      await eventually(() => expect([...app.delivered].toSorted()).toEqual(accepted.toSorted()), patienceMs);
      await eventually(() => nodes[0]!.outbox.accept([envelopeFor('a', { id: 'new', content })]), patienceMs);
      await eventually(() => expect(app.delivered).toContain('new'));
      expect([app.twice, faults()]).toEqual([0, []]);
    },
  );
});

import { jetstream, jetstreamManager, type StreamInfo } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { beforeEach, describe, expect, type TestContext, test } from 'vitest';
import { ReplicaRaise, serversOf } from '../../src/nats/replicas.js';
import { ensureStream } from '../../src/nats/streams.js';
import { lines, readinessOf, startAudited } from '../support/cluster-processes.js';
import { eventually } from '../support/eventually.js';
import { startService } from '../support/hubwire-process.js';
import { ManualClock } from '../support/manual-clock.js';
import { type NatsCluster, startNatsCluster } from '../support/nats-cluster.js';
import { newLink, ToldEvents } from '../support/nats-link.js';
import { delivered, startOutboxNode } from '../support/nats-outbox.js';
import { requireNats, startNats } from '../support/nats-server.js';
import { envelopeFor } from '../support/outbox-contract.js';

beforeEach(requireNats);

const untilElectedMs = 40_000;
const minuteMs = 60_000;

function connectTo(url: string): Promise<NatsConnection> {
  return newLink([url], { purpose: 'store' }).link.start();
}

/** All streams that there are, by name. */
async function streamsOn(connection: NatsConnection): Promise<Readonly<Record<string, StreamInfo>>> {
  const { streams } = await jetstreamManager(connection);
  const found: Record<string, StreamInfo> = {};
  for await (const stream of streams.list()) found[stream.config.name] = stream;
  return found;
}

async function replicasOn(connection: NatsConnection): Promise<Readonly<Record<string, number>>> {
  const found = Object.entries(await streamsOn(connection));
  return Object.fromEntries(found.map(([name, { config }]) => [name, config.num_replicas]));
}

/** Every server has what is in the stream: before that, its leader cannot be missed. */
async function isCopied(connection: NatsConnection, name: string): Promise<void> {
  await eventually(async () => {
    const { cluster } = await (await jetstreamManager(connection)).streams.info(name);
    const current = { current: true };
    expect(cluster?.replicas).toEqual([expect.objectContaining(current), expect.objectContaining(current)]);
  }, untilElectedMs);
}

/** A node's looks after replicas, with a clock of its own, and what it told. */
async function raiseOn(url: string) {
  const clock = new ManualClock();
  const told = new ToldEvents(clock);
  const raise = new ReplicaRaise('hw', told.parts);
  const connection = await connectTo(url);
  return { connection, told, raise, clock, look: () => raise.look(connection) };
}

const ledger = { name: 'hw_ledger', subjects: ['hw.1.led.*'] };
const nodes = { name: 'KV_hw_nodes', subjects: ['$KV.hw_nodes.>'], max_msgs_per_subject: 1 };
const other = { name: 'orders', subjects: ['orders'] };

/** A cluster whose third server is late, with streams of a single replica. */
async function startTwo(context: TestContext): Promise<NatsCluster> {
  const cluster = await startNatsCluster(context, { late: 1, isAdvertised: true });
  const connection = await connectTo(cluster.urls[0]!);
  const storing = { replicas: 1, parts: new ToldEvents().parts } as const;
  for (const stream of [ledger, nodes, other]) await ensureStream(connection, stream, storing);
  return cluster;
}

describe('[CL-006] streams of a cluster whose third server comes late', () => {
  test('are raised by the next look of several nodes, with all that is in them', { timeout: 90_000 }, async context => {
    const cluster = await startTwo(context);
    const early = await raiseOn(cluster.urls[0]!);
    for (let seq = 1; seq <= 20; seq += 1) await jetstream(early.connection).publish('hw.1.led.a', String(seq));
    const before = await streamsOn(early.connection);
    await early.look();
    expect(early.told.lines).toEqual([expect.stringMatching(/^warned: What nodes share is kept by one NATS server/)]);
    await cluster.startLate();
    await early.look(); // within the minute: nothing is tried
    expect(await replicasOn(early.connection)).toEqual({ hw_ledger: 1, KV_hw_nodes: 1, orders: 1 });

    const all = [early, await raiseOn(cluster.urls[1]!), await raiseOn(cluster.urls[2]!)];
    await eventually(async () => {
      for (const { raise } of all) raise.hurry();
      await Promise.all(all.map(({ look }) => look()));
      expect(await replicasOn(early.connection)).toEqual({ hw_ledger: 3, KV_hw_nodes: 3, orders: 1 });
    }, untilElectedMs);
    expect(all.flatMap(({ told }) => told.lines)).toContain('raised hw_ledger to 3');
    expect(all.flatMap(({ told }) => told.lines).filter(line => line.includes('not permitted'))).toEqual([]);

    await isCopied(early.connection, 'hw_ledger');
    const leader = await cluster.leaderOf('hw_ledger');
    await leader.kill();
    const connection = await connectTo(cluster.servers.find(server => server !== leader)!.url);
    const { streams } = await jetstreamManager(connection, { checkAPI: false });
    expect(await eventually(() => streams.info('hw_ledger'), untilElectedMs)).toMatchObject({
      created: before.hw_ledger?.created,
      state: { messages: 20, last_seq: 20 },
    });
    expect(await jetstream(connection).publish('hw.1.led.a', '21')).toMatchObject({ seq: 21 });
  });

  test('are tried again a minute after it was in vain', { timeout: 60_000 }, async context => {
    const cluster = await startTwo(context);
    const { look, clock, connection } = await raiseOn(cluster.urls[0]!);
    await look();
    await cluster.startLate();
    await eventually(async () => {
      await clock.advance(minuteMs);
      await look();
      expect(await replicasOn(connection)).toEqual({ hw_ledger: 3, KV_hw_nodes: 3, orders: 1 });
    }, untilElectedMs);
  });

  test('are raised while the queue of webhooks is in use: each envelope is delivered once', {
    timeout: 90_000,
  }, async context => {
    const cluster = await startTwo(context);
    const ids: string[] = [];
    const answer = (id: string) => {
      ids.push(id);
      return delivered;
    };
    const { outbox, faults } = await startOutboxNode({ urls: cluster.urls, replicas: 1, answer });
    const accepted: string[] = [];
    const accept = async () => {
      const envelope = envelopeFor('a', { id: String(accepted.length) });
      accepted.push(envelope.id);
      await outbox.accept([envelope]);
    };
    const { raise, look, connection } = await raiseOn(cluster.urls[0]!);
    await accept();
    expect(await replicasOn(connection)).toMatchObject({ hw_outbox: 1 });
    await cluster.startLate();
    await eventually(async () => {
      raise.hurry();
      const looked = look();
      await accept();
      await looked;
      expect(await replicasOn(connection)).toMatchObject({ hw_outbox: 3 });
    }, untilElectedMs);
    await accept();
    await eventually(() => expect(ids.toSorted()).toEqual(accepted.toSorted()), untilElectedMs);
    expect(faults).toEqual([]);
  });

  test('are not raised by a user who may not: one warning says what to permit', { timeout: 60_000 }, async context => {
    const permissions = '{ publish: { deny: "$JS.API.STREAM.UPDATE.*" } }';
    const users = `{ user: a, password: b }, { user: c, password: d, permissions: ${permissions} }`;
    const cluster = await startNatsCluster(context, {
      settings: `authorization { users: [${users}] }\nno_auth_user: a`,
    });
    const connection = await connectTo(cluster.urls[0]!);
    await ensureStream(connection, ledger, { replicas: 1, parts: new ToldEvents().parts });
    const { told, look } = await raiseOn(cluster.urls[0]!.replace('//', '//c:d@'));
    await look();
    expect(told.lines).toEqual([
      expect.stringMatching(
        /^warned: Stream hw_ledger is kept by one NATS server, and 3 are not permitted \(.*\$JS\.API\.STREAM\.UPDATE\.hw_ledger.*\)/,
      ),
    ]);
    expect(await replicasOn(connection)).toEqual({ hw_ledger: 1 });
  });
});

describe('[CL-006] what a server answers', () => {
  /** A server in place of whose JetStream a test answers: what it says that `hw_ledger` has, and who keeps it. */
  async function saying(context: TestContext, replicas: number, others: readonly string[]) {
    const settings = 'cluster { name: c, listen: "127.0.0.1:-1" }';
    const { url } = await startNats(context, { jetStream: false, settings });
    const updates: number[] = [];
    const stream = { config: { name: 'hw_ledger', num_replicas: replicas }, state: {} };
    const cluster = { name: 'c', leader: 'n1', replicas: others.map(name => ({ name, current: true })) };
    const server = await connectTo(url);
    server.subscribe('$JS.API.STREAM.*.*', {
      callback: (_error, request) => {
        const { 3: what, 4: name } = request.subject.split('.');
        if (what === 'UPDATE') updates.push((JSON.parse(request.string()) as { num_replicas: number }).num_replicas);
        const answer = name === 'hw_ledger' ? { ...stream, cluster } : failureOf(10_059, 'stream not found');
        request.respond(JSON.stringify(answer));
      },
    });
    await server.flush();
    return { updates, ...(await raiseOn(url)) };
  }

  test('three replicas of a stream that is on one server only are requested again', async context => {
    const { updates, look } = await saying(context, 3, []);
    await look();
    expect(updates).toEqual([1, 3]);
  });

  test('a stream that would have to leave a server before is told, and left as it is', async context => {
    const { updates, look, told } = await saying(context, 3, ['n2']);
    await look();
    expect(updates).toEqual([]);
    expect(told.lines).toEqual([
      expect.stringMatching(
        /^warned: Stream hw_ledger of NATS says that it has 3 replicas, and is kept by 2 servers\. /,
      ),
    ]);
  });

  test('a stream that three servers keep is left as it is', async context => {
    const { updates, look, told } = await saying(context, 3, ['n2', 'n3']);
    await look();
    expect([updates, told.lines]).toEqual([[], []]);
  });

  /** A server of a cluster, in place of whose JetStream a test answers: which replicas streams have, and what is refused. */
  async function answering(context: TestContext, replicas: Record<string, number>, refused: readonly string[] = []) {
    const settings = 'cluster { name: c, listen: "127.0.0.1:-1" }';
    const { url } = await startNats(context, { jetStream: false, settings });
    const updates: string[] = [];
    const answerTo = (what: string, name: string) => {
      if (replicas[name] === undefined) return failureOf(10_059, 'stream not found');
      if (what === 'UPDATE') updates.push(name);
      if (what === 'UPDATE' && refused.includes(name)) return failureOf(10_023, 'insufficient resources');
      if (what === 'UPDATE') replicas[name] = 3;
      return { config: { name, num_replicas: replicas[name] }, state: {} };
    };
    const server = await connectTo(url);
    server.subscribe('$JS.API.STREAM.*.*', {
      callback: (_error, request) => {
        const [, , , what, name] = request.subject.split('.');
        request.respond(JSON.stringify(answerTo(what!, name!)));
      },
    });
    await server.flush();
    return { updates, ...(await raiseOn(url)) };
  }

  const failureOf = (errorCode: number, description: string) => ({
    error: { code: 400, err_code: errorCode, description },
  });

  test('more replicas than three are never lowered', async context => {
    const { updates, look, told } = await answering(context, { hw_ledger: 5, KV_hw_nodes: 3, hw_outbox: 2 });
    await look();
    expect([updates, told.lines]).toEqual([['hw_outbox'], ['raised hw_outbox to 3']]);
  });

  test('one stream that is refused is told with the reason, and the others are raised', async context => {
    const { updates, look, told } = await answering(context, { hw_ledger: 1, KV_hw_nodes: 1 }, ['hw_ledger']);
    await look();
    expect(updates).toEqual(['hw_ledger', 'KV_hw_nodes']);
    expect(told.lines).toEqual([
      expect.stringMatching(/^warned: Stream hw_ledger .* 3 are not permitted \(insufficient resources\)\. /),
      'raised KV_hw_nodes to 3',
    ]);
  });
});

test('[CL-006] a single server is requested nothing', async context => {
  const { url } = await startNats(context);
  const { told, look, connection } = await raiseOn(url);
  await ensureStream(connection, ledger, { replicas: 1, parts: told.parts });
  const before = connection.stats().outMsgs;
  await look();
  expect([connection.stats().outMsgs - before, told.lines]).toEqual([0, []]);
});

describe('[CL-006] nodes of which the third server comes late', () => {
  async function startNodes(context: TestContext, clusterYaml: string) {
    const cluster = await startNatsCluster(context, { late: 1, isAdvertised: true });
    const { audit, yaml } = await startAudited(clusterYaml);
    const start = (url: string) => startService(yaml, { HUBWIRE_NATS: url });
    return { cluster, audit, nodes: await Promise.all(cluster.urls.map(start)) };
  }

  test('raise what they share while they run, and their clients stay', { timeout: 120_000 }, async context => {
    const { cluster, audit, nodes } = await startNodes(context, 'queue: { driver: nats }');
    const clients = await Promise.all(nodes.map(node => node.dial()));
    for (const client of clients) await client.next();
    const connection = await connectTo(cluster.urls[0]!);
    const servers = async () => new Set(Object.values(await streamsOn(connection)).map(serversOf));
    await eventually(async () => expect(await servers()).toEqual(new Set([1]))); // of one, a server may say that it has three
    await cluster.startLate();
    await eventually(async () => {
      expect(new Set(Object.values(await replicasOn(connection)))).toEqual(new Set([3]));
    }, untilElectedMs);
    for (const name of ['KV_hw_nodes', 'hw_ledger']) await isCopied(connection, name);
    await (await cluster.leaderOf('KV_hw_nodes')).kill();
    const again = await Promise.all(nodes.map(node => node.dial()));
    for (const client of again) await client.next();
    await eventually(() => expect(audit.opened).toBe(4), untilElectedMs);
    expect(audit.ended).toBe(0);
    for (const node of nodes) {
      expect(node.process.stderr).not.toContain(lines.fenced);
      await eventually(async () => expect(await readinessOf(node)).toBe(200), untilElectedMs);
    }
  });

  test('leave a number that is fixed as it is', { timeout: 60_000 }, async context => {
    const { cluster } = await startNodes(context, 'cluster: { replicas: 1 }');
    await cluster.startLate();
    const connection = await connectTo(cluster.urls[0]!);
    const { streams } = await jetstreamManager(connection);
    const probe = { name: 'probe', subjects: ['probe'], num_replicas: 3 };
    await eventually(() => streams.add(probe), untilElectedMs); // three are permitted by now
    await streams.delete(probe.name);
    const requests: string[] = [];
    connection.subscribe('$JS.API.STREAM.*.KV_hw_checks', {
      callback: (_error, { subject }) => void requests.push(subject.split('.')[3]!),
    });
    await eventually(() => expect(requests.length).toBeGreaterThanOrEqual(6)); // three looks of two nodes
    expect(new Set(requests)).toEqual(new Set(['INFO']));
    expect(new Set(Object.values(await replicasOn(connection)))).toEqual(new Set([1]));
  });
});

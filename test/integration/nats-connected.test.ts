import { setTimeout } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { beforeEach, describe, expect, type TestContext, test } from 'vitest';
import { claimersId, dialAll, lines, readinessOf, startAudited } from '../support/cluster-processes.js';
import { eventually } from '../support/eventually.js';
import { type RunningService, startService } from '../support/hubwire-process.js';
import { type NatsServer, requireNats, startNats } from '../support/nats-server.js';
import { type Stall, startProxy } from '../support/tcp-proxy.js';
import type { TestClient } from '../support/test-client.js';

beforeEach(requireNats);

/** Clients are let in for 0.8 of it after NATS was last heard. */
const leaseMs = 5_000;

/** Two nodes; what one of them and NATS say to each other passes a proxy. A client is connected to it. */
async function setup(context: TestContext) {
  const clusterYaml = `cluster: { leaseSeconds: ${leaseMs / 1_000} }`;
  const [server, audited] = await Promise.all([startNats(context), startAudited(clusterYaml)]);
  const way = await startProxy(server.port);
  const start = (port: number) => startService(audited.yaml, { HUBWIRE_NATS: `nats://127.0.0.1:${port}` });
  const [node, heir] = await Promise.all([start(way.port), start(server.port)]);
  const [first] = await dialAll(node, 1);
  await audited.app.until(() => audited.audit.opened === 1);
  return { ...audited, server, way, node, heir, first: first as TestClient };
}

/** A client that has got its `connected`. @returns its id */
async function accepted({ dial }: RunningService): Promise<{ readonly id: string; readonly client: TestClient }> {
  const client = await dial();
  return { id: (await client.next()).connectionId, client };
}

/** The last record of the ledger of the node that has this connection. */
async function lastRecord(server: NatsServer, connectionId: string): Promise<string> {
  const connection = await connect({ servers: server.url });
  try {
    const { streams } = await jetstreamManager(connection);
    const subject = `hw.1.led.${connectionId.slice(0, 6)}`;
    return Buffer.from((await streams.getMessage('hw_ledger', { last_by_subj: subject }))?.data ?? []).toString();
  } finally {
    await connection.close();
  }
}

describe('a client that was let in, before `connected` is posted', () => {
  test('[CL-058] its node dies once it is in the ledger: the app server is told of its end only', async context => {
    const { server, app, audit, way, node } = await setup(context);
    way.stopReading('fromService'); // NATS gets what the node writes, and its answers do not come
    const kept = await accepted(node);
    await eventually(async () => expect(await lastRecord(server, kept.id)).toContain(kept.id));
    const unwritten = await accepted(node); // waits until the first is known to be stored
    node.process.signal('SIGKILL');
    await app.until(() => audit.ended === 2);
    await setTimeout(leaseMs); // in which nothing else is told
    expect(audit.connections.get(kept.id)).toMatchObject({
      ...{ connected: 0, disconnected: 1 },
      endIds: new Set([claimersId]),
    });
    expect(audit.connections.has(unwritten.id)).toBe(false);
  }, 60_000);

  test('[CL-058] another node seals the ledger while it is there or on its way there: `connected` is never posted', async context => {
    const { server, app, audit, way, node, heir, first } = await setup(context);
    const sealedWhile = async (stall: Stall, others: readonly TestClient[], ends: number): Promise<string> => {
      const endedBefore = audit.ended;
      way.stopReading(stall);
      const { id, client } = await accepted(node);
      await app.until(() => audit.ended === endedBefore + ends);
      const posts = app.posts.length;
      way.resume();
      await Promise.all([...others, client].map(({ closed }) => closed));
      await eventually(async () => expect(await readinessOf(node)).toBe(200), 30_000);
      expect(app.posts).toHaveLength(posts);
      return id;
    };
    const there = await sealedWhile('fromService', [first], 2);
    expect(audit.connections.get(there)).toMatchObject({ connected: 0, disconnected: 1 });
    const second = await dialAll(node, 1);
    await app.until(() => audit.opened === 2);
    const onItsWay = await sealedWhile('fromClient', second, 1);
    expect(audit.connections.has(onItsWay)).toBe(false);
    expect(await lastRecord(server, onItsWay)).not.toContain(onItsWay);
    expect(heir.process.stderr.split(lines.claims)).toHaveLength(3);
  }, 60_000);
});

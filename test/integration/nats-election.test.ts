import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  claimersId,
  dialAll,
  lines,
  loggedAtMs,
  metricOf,
  readinessOf,
  startAudited,
} from '../support/cluster-processes.js';
import type { EventAudit } from '../support/event-audit.js';
import { eventually } from '../support/eventually.js';
import { type RunningService, startService } from '../support/hubwire-process.js';
import { NatsCluster } from '../support/nats-cluster.js';
import { type NatsServer, natsProgram, requireNats } from '../support/nats-server.js';

const defaultLeaseSeconds = 20;
const renewalSeconds = defaultLeaseSeconds / 5;
const pauseSeconds = 0.8 * defaultLeaseSeconds;

let cluster: NatsCluster;
beforeAll(async () => {
  if (natsProgram !== undefined) cluster = await NatsCluster.start();
});
afterAll(() => cluster?.stop());
beforeEach(requireNats);

/** A node that begins with the server of this number, and knows all. */
function startNode(yaml: string, at: number, clusterName: string): Promise<RunningService> {
  const { urls } = cluster;
  const env = { HUBWIRE_NATS: [...urls.slice(at), ...urls.slice(0, at)].join(','), HUBWIRE_CLUSTER_NAME: clusterName };
  return startService(yaml, env);
}

function leaseAgeSeconds(node: RunningService): Promise<number> {
  return metricOf(node, 'hubwire_lease_age_seconds');
}

/** Kills the server that leads the leases of these nodes. */
async function killLeader(clusterName: string): Promise<NatsServer> {
  const stream = `KV_${clusterName}_nodes`;
  const killed = await cluster.leaderOf(stream);
  await killed.kill();
  return killed;
}

/** Watches nodes until a time: how they answered for their readiness, and how old their leases were at most. */
async function watch(nodes: readonly RunningService[], untilMs: number) {
  const statuses = new Set<number>();
  let oldestSeconds = 0;
  while (Date.now() < untilMs) {
    const ages = await Promise.all(nodes.map(leaseAgeSeconds));
    oldestSeconds = Math.max(oldestSeconds, ...ages);
    for (const status of await Promise.all(nodes.map(readinessOf))) statuses.add(status);
    await setTimeout(100);
  }
  return { statuses: [...statuses], oldestSeconds };
}

function expectNobodyClaimed(nodes: readonly RunningService[], audit: EventAudit): void {
  for (const { endIds } of audit.connections.values()) expect(endIds).not.toContain(claimersId);
  for (const { process } of nodes) {
    for (const text of [lines.claims, lines.fenced]) expect(process.stderr).not.toContain(text);
  }
}

describe('three servers of NATS, of which the one that leads the leases is killed', () => {
  test('[CL-057] with the default lease nobody is paused or claimed, and what happens meanwhile is told', async () => {
    const { app, audit, yaml } = await startAudited();
    const nodes = await Promise.all([0, 1, 2].map(at => startNode(yaml, at, 'long')));
    await Promise.all(nodes.map(node => dialAll(node, 5)));
    await app.until(() => audit.opened === 15);
    const killed = await killLeader('long');
    const killedMs = Date.now();
    const leaving = (await Promise.all(nodes.map(node => dialAll(node, 2)))).flat();
    for (const client of leaving.slice(0, 3)) await client.close();
    const seen = await watch(nodes, killedMs + (defaultLeaseSeconds + renewalSeconds) * 1_000);
    expect(seen.statuses).toEqual([200]);
    expect(seen.oldestSeconds).toBeLessThan(pauseSeconds);
    expect(await leaseAgeSeconds(nodes[0]!)).toBeLessThan(renewalSeconds + 2);
    expect([audit.opened, audit.ended, audit.odd.length]).toEqual([21, 3, 18]); // those that are open have no end yet
    for (const { process } of nodes) expect(process.stderr).not.toContain(lines.paused);
    expectNobodyClaimed(nodes, audit);
    await killed.start();
  }, 90_000);

  test('[CL-057] with a lease of 4 s nodes pause meanwhile, and nobody is claimed', async () => {
    const { app, audit, yaml } = await startAudited('cluster: { leaseSeconds: 4 }');
    const nodes = await Promise.all([0, 1].map(at => startNode(yaml, at, 'short')));
    await Promise.all(nodes.map(node => dialAll(node, 5)));
    await app.until(() => audit.opened === 10);
    const killed = await killLeader('short');
    await Promise.all(nodes.map(node => loggedAtMs(node, lines.paused)));
    await eventually(async () => expect(await Promise.all(nodes.map(readinessOf))).toEqual([200, 200]), 30_000);
    await setTimeout(2 * 4_000);
    // An election of 11 s, which a busy machine may need, is as the next test has it.
    const isolated = nodes.filter(({ process }) => process.stderr.includes(lines.isolated));
    expect(audit.ended).toBe(5 * isolated.length);
    expectNobodyClaimed(nodes, audit);
    await killed.start();
  }, 90_000);

  test('[CL-057] without a leader for longer, each node closes its clients, and tells of them itself when there is one', async () => {
    const { app, audit, yaml } = await startAudited('cluster: { leaseSeconds: 3 }');
    const nodes = await Promise.all([0, 1].map(at => startNode(yaml, at, 'none')));
    const clients = (await Promise.all(nodes.map(node => dialAll(node, 5)))).flat();
    await app.until(() => audit.opened === 10);
    const killed = [await killLeader('none')];
    const other = cluster.servers.find(server => !killed.includes(server))!;
    await other.kill();
    killed.push(other);
    await Promise.all(nodes.map(node => loggedAtMs(node, lines.isolated)));
    for (const client of clients) expect(await client.closed).toMatchObject({ code: 1001 });
    expect(audit.ended).toBe(0);
    await Promise.all(killed.map(server => server.start()));
    await eventually(async () => expect(await Promise.all(nodes.map(readinessOf))).toEqual([200, 200]), 30_000);
    await app.until(() => audit.ended === 10);
    expect(audit.odd).toEqual([]);
    expectNobodyClaimed(nodes, audit);
  }, 90_000);
});

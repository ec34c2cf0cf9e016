import { setTimeout } from 'node:timers/promises';
import type { Dice } from '../soak/dice.js';
import type { NatsServer } from '../support/nats-server.js';
import type { Stall } from '../support/tcp-proxy.js';
import { type Cluster, leaseSeconds } from './cluster.js';

/** Something that goes wrong, and is put right before it settles. @returns what it was, for people */
type Fault = (cluster: Cluster, dice: Dice) => Promise<string>;

/** Below and above the lease: a short pause is to go unnoticed, a long one makes others speak for the node. */
const shortMs = { least: 500, most: leaseSeconds * 500 };
const longMs = { least: leaseSeconds * 1_500, most: leaseSeconds * 2_500 };

/** What a stop may take, with the drain of the nodes: [CL-101]. */
const mostStopMs = 13_000;

const faults = {
  async killNode(cluster, dice) {
    const node = dice.pick(cluster.nodes);
    await node.kill();
    await setTimeout(dice.between(500, 4_000));
    await node.start();
    return `${node.name} was killed`;
  },
  async pauseNode(cluster, dice) {
    const node = dice.pick(cluster.nodes);
    const ms = dice.chance(50) ? dice.between(shortMs.least, shortMs.most) : dice.between(longMs.least, longMs.most);
    node.pause();
    await setTimeout(ms);
    node.resume();
    return `${node.name} stood still for ${ms} ms`;
  },
  async restartNode(cluster, dice) {
    const node = dice.pick(cluster.nodes);
    const { standstill, slowStops } = cluster;
    const beforeMs = standstill.totalMs;
    const { tookMs, code } = await node.stop();
    const lostMs = standstill.totalMs - beforeMs;
    if (code !== 0) throw new Error(`${node.name} ended with ${code} after SIGTERM`);
    if (tookMs - lostMs > mostStopMs) slowStops.push(`${node.name}: ${Math.round(tookMs)} ms`);
    await node.start();
    return `${node.name} was restarted`;
  },
  async killServer({ nats }, dice) {
    const server = dice.pick(nats.servers);
    await server.kill();
    await setTimeout(dice.between(1_000, 6_000));
    await server.start();
    return `nats-server ${nats.servers.indexOf(server) + 1} was killed`;
  },
  async killAllServers({ nats }, dice) {
    await Promise.all(nats.servers.map(server => server.kill()));
    await setTimeout(dice.between(1_000, 4_000));
    await Promise.all(nats.servers.map(server => server.start()));
    return 'all nats-servers were killed';
  },
  async cutOffNode(cluster, dice) {
    const at = dice.between(0, cluster.nodes.length - 1);
    const way = dice.pick<Stall>(['both', 'fromClient', 'fromService']);
    const ms = dice.chance(50) ? dice.between(shortMs.least, shortMs.most) : dice.between(longMs.least, longMs.most);
    cluster.partitions.cut(at, way);
    await setTimeout(ms);
    cluster.partitions.heal(at);
    return `${cluster.nodes[at]?.name} was cut off from NATS (${way}) for ${ms} ms`;
  },
  async lameDuck({ nats }, dice) {
    const server = dice.pick(nats.servers);
    await retire(server);
    await server.start();
    return `nats-server ${nats.servers.indexOf(server) + 1} was a lame duck`;
  },
} as const satisfies Record<string, Fault>;

/** After its grace period of 10 s it closes its clients; what is left then is ended. */
async function retire(server: NatsServer): Promise<void> {
  server.lameDuck();
  await setTimeout(12_000);
  await server.end();
}

export type FaultName = keyof typeof faults;

export const faultNames = Object.keys(faults) as readonly FaultName[];

const shares: Readonly<Record<FaultName, number>> = {
  ...{ killNode: 20, pauseNode: 20, restartNode: 15, killServer: 15 },
  ...{ cutOffNode: 20, lameDuck: 5, killAllServers: 5 },
};

/** Each once at first, then by chance. */
export function* faultsOf(dice: Dice): Generator<FaultName> {
  const left = [...faultNames];
  while (left.length > 0) yield left.splice(dice.between(0, left.length - 1), 1)[0] as FaultName;
  for (;;) yield dice.weighted(shares);
}

export function perform(name: FaultName, cluster: Cluster, dice: Dice): Promise<string> {
  return faults[name](cluster, dice);
}

import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { cpuSeconds, residentBytes } from './cores.js';
import { natsUrl, startNats } from './nats.js';
import type { Measured, ServerProcess } from './server-process.js';
import type { Stage } from './stage.js';
import { plainHub } from './urls.js';

/** How long nodes may take until each knows the others, and between two looks. */
const meetingTimeoutMs = 60_000;
const lookMs = 50;

/** Nodes that serve one hub, and the nats-server through which they do. */
export interface Nodes {
  readonly nodes: readonly ServerProcess[];
  readonly nats: ServerProcess;
}

/** What is special about nodes. */
export interface NodeSettings {
  /** The text of hubs.yaml without `cluster:`. */
  readonly hubs?: string;
  readonly leaseSeconds?: number;
}

/** So many nodes, each of which knows all others. */
export async function startNodes(stage: Stage, count: number, settings: NodeSettings = {}): Promise<Nodes> {
  const nats = await startNats(stage);
  const nodes: ServerProcess[] = [];
  while (nodes.length < count) nodes.push(await startNode(stage, nats, settings));
  await Promise.all(nodes.map(node => untilKnown(node, count - 1)));
  return { nodes, nats };
}

export function startNode(stage: Stage, nats: ServerProcess, settings: NodeSettings): Promise<ServerProcess> {
  return stage.hubwire(yamlOf(settings), '--nats', natsUrl(nats), '--data-dir', stage.folder());
}

/** One node of each of so many workers behind one port, each of which knows all others. */
export async function startWorkers(
  stage: Stage,
  count: number,
): Promise<{ server: ServerProcess } & Pick<Nodes, 'nats'>> {
  const nats = await startNats(stage);
  const flags = ['--workers', String(count), '--nats', natsUrl(nats), '--data-dir', stage.folder()];
  const server = await stage.hubwire(yamlOf({}), ...flags);
  await untilKnown(server, count - 1);
  return { server, nats };
}

/** There is one server, so that nothing has replicas. */
function yamlOf({ hubs = plainHub, leaseSeconds = 20 }: NodeSettings): string {
  return `cluster:\n  replicas: 1\n  leaseSeconds: ${leaseSeconds}\n${hubs}`;
}

/** A process and those that it has started. */
export function familyOf({ pid }: ServerProcess): Measured {
  const children = execFileSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map(Number);
  const total = (figureOf: (pid: number) => number) =>
    [pid, ...children].reduce((sum, each) => sum + figureOf(each), 0);
  return { cpuSeconds: () => total(cpuSeconds), residentBytes: () => total(residentBytes) };
}

/** Resolves once the node has so many others, as its metrics have it. */
async function untilKnown({ listening }: ServerProcess, others: number): Promise<void> {
  const signal = AbortSignal.timeout(meetingTimeoutMs);
  while ((await knownTo(listening.admin ?? '')) < others) {
    if (signal.aborted) throw new Error(`a node does not know ${others} others after ${meetingTimeoutMs} ms`);
    await delay(lookMs);
  }
}

async function knownTo(admin: string): Promise<number> {
  const metrics = await (await fetch(`${admin}/metrics`)).text();
  return Number(/^hubwire_cluster_nodes\{state="present"\} (\d+)/m.exec(metrics)?.[1] ?? 0);
}

import { Guard } from '../../load/guard.js';
import { json } from '../../load/protocols.js';
import { dialMany, RawClient } from '../../load/raw-client.js';
import { TakeoverLoad, type Victim } from '../../load/takeover-load.js';
import { type BenchUpstream, startBenchUpstream } from '../../load/upstream.js';
import { natsMissing } from '../../servers/nats.js';
import { startNode, startNodes } from '../../servers/nodes.js';
import type { ServerProcess } from '../../servers/server-process.js';
import type { Stage } from '../../servers/stage.js';
import { clientUrl } from '../../servers/urls.js';
import { handledHub } from '../event.js';
import type { Contest, Scenario } from '../scenario.js';

const connections = 1_000;
const leaseSeconds = 3;

/** From the kill on, in milliseconds. */
const allToldMs = leaseSeconds * 1_000 + 10_000;

/** What is told about a node that is gone is told by another one. [cluster 6.3] */
export const takeover: Scenario = {
  name: 'cluster-takeover',
  title: `one of two nodes is killed: ${connections.toLocaleString('en')} disconnected events of its clients, with leases of ${leaseSeconds} s`,
  unit: 'events',
  missing: natsMissing,
  series: [
    {
      name: 'until the last one is told',
      goals: [{ metric: 'p50Ms', against: 'alone', most: allToldMs }],
      isLong: true,
      open,
    },
  ],
};

async function open(stage: Stage): Promise<Contest> {
  const upstream = await startBenchUpstream();
  stage.onEnd(() => upstream.close());
  const settings = { hubs: handledHub(upstream, 'systemEvents: [connected, disconnected]'), leaseSeconds };
  const { nodes, nats } = await startNodes(stage, 1, settings);
  let killed = 0;
  const load = new TakeoverLoad(upstream, 5 * allToldMs, async () => {
    const victim = await victimOf(await startNode(stage, nats, settings), upstream);
    killed += 1;
    return victim;
  });
  const check = () => checkTold(upstream.events(), 2 * connections * killed);
  return { subject: { name: 'the other node', server: nodes[0]!, nats, load }, check };
}

/** A node all of whose clients were told of. */
async function victimOf(node: ServerProcess, upstream: BenchUpstream): Promise<Victim> {
  const guard = new Guard();
  const before = upstream.events();
  const url = clientUrl(node, { sub: 'client' });
  await dialMany(connections, () => RawClient.dial(url, json.subprotocol, guard));
  await guard.during(upstream.reached(before + connections), 60_000);
  return { connections, kill: () => node.kill() };
}

/** One `connected` and one `disconnected` event for each client. */
async function checkTold(events: number, expected: number): Promise<void> {
  if (events !== expected) throw new Error(`${events} events were told in place of ${expected}`);
}

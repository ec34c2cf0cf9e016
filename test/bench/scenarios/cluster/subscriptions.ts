import { Guard } from '../../load/guard.js';
import { NewGroupsLoad } from '../../load/new-groups-load.js';
import { json } from '../../load/protocols.js';
import { hangUp, RawClient } from '../../load/raw-client.js';
import { natsMissing } from '../../servers/nats.js';
import { startNodes } from '../../servers/nodes.js';
import type { ServerProcess } from '../../servers/server-process.js';
import type { Stage } from '../../servers/stage.js';
import { clientUrl, plainHub } from '../../servers/urls.js';
import type { Contender, Goal, Scenario } from '../scenario.js';

/** Groups before the first slice: memory grows by pieces, so few would say little. */
const before = 50_000;

/** Groups that a slice adds, and that a client is put into by its token, which has to fit into the request's head. */
const shape = { groups: 10_000, perClient: 500 };

const goals: readonly Goal[] = [
  { metric: 'cpuMicroseconds', against: 'limit', isDifference: true, most: 20 },
  { metric: 'bytesPerConnection', against: 'limit', isDifference: true, most: 2_048 },
];

/** What each group that has a member costs a node more because it listens to it on NATS. [cluster 12.1] */
export const subscriptions: Scenario = {
  name: 'cluster-subscriptions',
  title: `${shape.groups.toLocaleString('en')} groups more on one node, of NATS and without`,
  unit: 'groups',
  missing: natsMissing,
  series: [
    {
      name: `beside ${before.toLocaleString('en')} and more`,
      goals,
      open: async stage => ({ subject: await onNats(stage), limit: await alone(stage) }),
    },
  ],
};

async function onNats(stage: Stage): Promise<Contender> {
  const { nodes, nats } = await startNodes(stage, 1);
  return { ...(await growing(stage, nodes[0]!)), name: 'one node on NATS', nats };
}

async function alone(stage: Stage): Promise<Contender> {
  return { ...(await growing(stage, await stage.hubwire(plainHub))), name: 'one node, no NATS' };
}

async function growing(stage: Stage, server: ServerProcess): Promise<Omit<Contender, 'name'>> {
  const dial = (groups: readonly string[], guard: Guard) =>
    RawClient.dial(clientUrl(server, { 'webpubsub.group': groups }), json.subprotocol, guard);
  const load = new NewGroupsLoad(dial, shape, new Guard());
  stage.onEnd(() => hangUp(load.clients));
  const bytesBefore = server.residentBytes();
  while (load.joined < before) await load.run();
  const idle = {
    bytesBefore,
    get connections() {
      return load.joined;
    },
  };
  return { server, load, idle };
}

import { Guard } from '../../load/guard.js';
import { PacedJoins } from '../../load/paced-joins.js';
import { json } from '../../load/protocols.js';
import { dialMany, hangUp, RawClient } from '../../load/raw-client.js';
import { natsMissing } from '../../servers/nats.js';
import { startNodes } from '../../servers/nodes.js';
import type { Stage } from '../../servers/stage.js';
import { clientUrl } from '../../servers/urls.js';
import { checkAck } from '../event.js';
import type { Contest, Scenario } from '../scenario.js';
import { contenderOf } from './rooms.js';

const count = 4;
const clients = 100;
const perSecond = 500;

/** A join is acked once all nodes know that this one listens. [cluster 4] */
export const joins: Scenario = {
  name: 'cluster-joins',
  title: `${clients} clients of ${count} nodes join groups that nobody is in, ${perSecond} a second`,
  unit: 'joins',
  missing: natsMissing,
  series: [
    {
      name: `${perSecond} joins a second`,
      goals: [
        { metric: 'p50Ms', against: 'alone', most: 3 },
        { metric: 'p99Ms', against: 'alone', most: 20 },
      ],
      sliceMs: 2_000,
      isLong: true, // on a busy machine latencies say nothing
      open,
    },
  ],
};

async function open(stage: Stage): Promise<Contest> {
  const cluster = await startNodes(stage, count);
  const guard = new Guard();
  const claims = { sub: 'client', role: ['webpubsub.joinLeaveGroup'] };
  const urls = cluster.nodes.map(node => clientUrl(node, claims));
  const dialled = await dialMany(clients, index => RawClient.dial(urls[index % count]!, json.subprotocol, guard));
  stage.onEnd(() => hangUp(dialled));
  const load = new PacedJoins(dialled, perSecond, guard);
  await load.prime(checkAck);
  return { subject: contenderOf(`${count} nodes`, cluster, load) };
}

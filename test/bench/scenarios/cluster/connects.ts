import { natsMissing } from '../../servers/nats.js';
import { startNodes } from '../../servers/nodes.js';
import type { Stage } from '../../servers/stage.js';
import { plainHub } from '../../servers/urls.js';
import { hubwireComers } from '../connect.js';
import { fleetOf } from '../fleet.js';
import { type Contender, ofLimit, type Scenario } from '../scenario.js';
import { contenderOf } from './rooms.js';

const count = 2;

/** Of each process: what a cluster adds is many small steps, and takes half as long once all of them are compiled. */
const warmUpMs = 15_000;

/** Each user is announced to the other node before the client is let in. [cluster 12.1] */
export const connects: Scenario = {
  name: 'cluster-connect',
  title: 'connect with a token of a user of its own, hear the greeting, leave',
  unit: 'connects',
  missing: natsMissing,
  series: [
    {
      name: `${count} nodes`,
      goals: [ofLimit(0.8)],
      sliceMs: 1_400,
      warmUpMs,
      open: async stage => ({
        subject: await fleetOf(() => onNats(stage)),
        limit: await fleetOf(() => alone(stage)),
      }),
    },
  ],
};

async function onNats(stage: Stage): Promise<Contender> {
  const { nodes, nats } = await startNodes(stage, count);
  return contenderOf(`${count} nodes`, { nodes, nats }, hubwireComers(nodes));
}

async function alone(stage: Stage): Promise<Contender> {
  const server = await stage.hubwire(plainHub);
  return { name: 'one node, no NATS', server, load: hubwireComers([server]) };
}

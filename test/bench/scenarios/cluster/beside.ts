import { natsMissing } from '../../servers/nats.js';
import { startNodes } from '../../servers/nodes.js';
import type { Stage } from '../../servers/stage.js';
import { fleetOf } from '../fleet.js';
import { holdGroups } from '../growth.js';
import { inTurn } from '../rooms.js';
import { type Contender, ofLimit, type Scenario, type Series } from '../scenario.js';
import { contenderOf, type Rooms, spreadRooms } from './rooms.js';

/** Publishing is most of the work where a group has one member. */
const shape: Rooms = { rooms: 16, members: 1, inFlight: 1 };

const others = 3;

/** What other nodes listen to must cost a node nothing. [cluster 12.1] */
export const beside: Scenario = {
  name: 'cluster-beside',
  title: `${shape.rooms} publishers, each to a group of one member, on one of ${others + 1} nodes`,
  unit: 'messages',
  missing: natsMissing,
  series: [seriesOf(50_000)],
};

function seriesOf(groups: number): Series {
  return {
    name: `${others} × ${groups.toLocaleString('en')} groups on other nodes`,
    goals: [ofLimit(0.9)],
    sliceMs: 2_000,
    isLong: true,
    open: async stage => ({
      subject: await fleetOf(() => open(stage, groups)),
      limit: await fleetOf(() => open(stage, 0)),
    }),
  };
}

async function open(stage: Stage, groups: number): Promise<Contender> {
  const { nodes, nats } = await startNodes(stage, others + 1);
  const [own, ...rest] = nodes;
  await inTurn(rest, node => holdGroups(stage, node, groups));
  const load = await spreadRooms(stage, [own!], shape);
  return contenderOf(groups === 0 ? 'none on other nodes' : 'groups on other nodes', { nodes, nats }, load);
}

import { natsMissing } from '../../servers/nats.js';
import { familyOf, startWorkers } from '../../servers/nodes.js';
import type { Stage } from '../../servers/stage.js';
import { fleetOf } from '../fleet.js';
import { type Contender, ofLimit, type Scenario, type Series } from '../scenario.js';
import { type Rooms, roomsAlone, spreadRooms, warmUpMs } from './rooms.js';

const count = 2;

/** All of them share a core here, so only their processor time says something. [cluster 12.1] */
export const workers: Scenario = {
  name: 'cluster-workers',
  title: `1 publisher → 1,000 clients of --workers ${count}, and of one process`,
  unit: 'deliveries',
  missing: natsMissing,
  series: [seriesOf(1), seriesOf(16)],
};

function seriesOf(inFlight: number): Series {
  const shape: Rooms = { rooms: 1, members: 1_000, inFlight };
  return {
    name: `${inFlight} in flight`,
    goals: [ofLimit(0.85)],
    sliceMs: 1_400,
    warmUpMs,
    isLong: inFlight === 1,
    open: async stage => ({
      subject: await fleetOf(() => open(stage, shape)),
      limit: await fleetOf(() => roomsAlone(stage, shape)),
    }),
  };
}

/** The parent of the workers is part of what they cost. */
async function open(stage: Stage, shape: Rooms): Promise<Contender> {
  const { server, nats } = await startWorkers(stage, count);
  const load = await spreadRooms(stage, [server], shape);
  return { name: `--workers ${count}`, processes: count, server: familyOf(server), nats, load };
}

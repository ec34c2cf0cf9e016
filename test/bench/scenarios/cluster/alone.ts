import { natsMissing } from '../../servers/nats.js';
import { fleetOf } from '../fleet.js';
import { ofLimit, type Scenario, type Series } from '../scenario.js';
import { type Rooms, roomsAlone, roomsOn } from './rooms.js';

/** What NATS costs a node that has no other. [cluster 12.1] */
export const alone: Scenario = {
  name: 'cluster-alone',
  title: '1 publisher → 1,000 clients of one node on NATS, and of one without',
  unit: 'deliveries',
  missing: natsMissing,
  series: [seriesOf(1), seriesOf(16)],
};

function seriesOf(inFlight: number): Series {
  const shape: Rooms = { rooms: 1, members: 1_000, inFlight };
  return {
    name: `${inFlight} in flight`,
    goals: [ofLimit(0.97)],
    sliceMs: 1_400,
    isLong: inFlight === 1,
    open: async stage => ({
      subject: await fleetOf(() => roomsOn(stage, 1, shape)),
      limit: await fleetOf(() => roomsAlone(stage, shape)),
    }),
  };
}

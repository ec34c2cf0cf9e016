import { natsMissing } from '../../servers/nats.js';
import type { Stage } from '../../servers/stage.js';
import { fleetOf } from '../fleet.js';
import type { Contest, Scenario, Series } from '../scenario.js';
import { ofLimit } from '../scenario.js';
import { type Rooms, roomsAlone, roomsOn, warmUpMs } from './rooms.js';

const clients = 1_000;

/** Processor times are read in hundredths of a second, of each node. */
const sliceMs = 2_000;

/** Members of a group, and what share of one node's deliveries per CPU-second nodes reach; none: it is told. [cluster 12.1] */
const sizes: readonly { readonly members: number; readonly least?: Readonly<Record<number, number>> }[] = [
  { members: 1_000, least: { 2: 0.95, 4: 0.92 } },
  { members: 100, least: { 2: 0.85, 4: 0.8 } },
  { members: 10 },
];

/** Deliveries of several nodes, of all their processor time, against those of one node without NATS. */
export const spread: Scenario = {
  name: 'cluster-spread',
  title: `${clients.toLocaleString('en')} clients in groups that are spread evenly over nodes, a publisher for each group`,
  unit: 'deliveries',
  missing: natsMissing,
  series: sizes.flatMap(({ members, least }) =>
    [2, 4].flatMap(nodes => [1, 16].map(inFlight => seriesOf(nodes, members, inFlight, least?.[nodes]))),
  ),
};

function seriesOf(nodes: number, members: number, inFlight: number, least: number | undefined): Series {
  const shape: Rooms = { rooms: clients / members, members, inFlight };
  return {
    name: `groups of ${members.toLocaleString('en')} on ${nodes} nodes, ${inFlight} in flight`,
    goals: least === undefined ? [] : [ofLimit(least)],
    sliceMs,
    warmUpMs,
    isLong: true, // many processes on one core: a busy machine costs them more than a single one
    open: stage => open(stage, nodes, shape, least !== undefined),
  };
}

async function open(stage: Stage, nodes: number, shape: Rooms, isJudged: boolean): Promise<Contest> {
  const many = () => roomsOn(stage, nodes, shape);
  const subject = await (nodes < 4 ? fleetOf(many) : many()); // four processes differ from four others by little
  const one = await fleetOf(() => roomsAlone(stage, shape));
  return isJudged ? { subject, limit: one } : { subject, peers: [one] };
}

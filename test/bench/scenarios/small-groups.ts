import { GroupsLoad } from '../load/groups-load.js';
import { Guard } from '../load/guard.js';
import { type BenchProtocol, json } from '../load/protocols.js';
import { dialMany, hangUp, RawClient } from '../load/raw-client.js';
import { talkingPeers } from '../peers/index.js';
import { clientsThatFit } from '../servers/open-files.js';
import type { ServerProcess } from '../servers/server-process.js';
import type { Stage } from '../servers/stage.js';
import { clientUrl, plainHub } from '../servers/urls.js';
import { inTurn } from './rooms.js';
import { type Contender, ofLimit, type Scenario, type Series } from './scenario.js';

/** Groups of the same size, some of which have a message under way. */
export interface SmallGroups {
  readonly groups: number;
  readonly members: number;
  readonly text: string;
  readonly inFlight: number;
}

const members = 10;
const text = 'x'.repeat(128);
const inFlight = 250;

/** A thousand, or as many as the load side can open sockets for, with so many servers. */
function shapeFor(servers: number): SmallGroups {
  const groups = Math.floor(clientsThatFit(1_000 * members * servers) / servers / members);
  return { groups, members, text, inFlight };
}

export const smallGroups: Scenario = {
  name: 'groups',
  title: `groups of ${members}, ${inFlight} with a message in flight, each member publishes in turn, ${text.length}-byte messages`,
  unit: 'deliveries',
  series: [besideLimit(shapeFor(2)), besidePeers(shapeFor(1 + talkingPeers.length))],
};

function besideLimit(shape: SmallGroups): Series {
  return {
    name: `${shape.groups} groups`,
    goals: [ofLimit(0.7)],
    isInSmoke: true,
    open: async stage => {
      const subject = await hubwire(stage, shape);
      const server = await stage.minimal('minimal-groups.ts');
      const dial = (name: string, guard: Guard) =>
        RawClient.dial(`${server.listening.public}/${name}`, json.subprotocol, guard);
      return { subject, limit: { name: 'minimal loop', server, load: await connect(stage, json, dial, shape) } };
    },
  };
}

function besidePeers(shape: SmallGroups): Series {
  return {
    name: `${shape.groups} groups, beside other products`,
    goals: [],
    open: async stage => ({
      subject: await hubwire(stage, shape),
      peers: await inTurn(talkingPeers, async peer => {
        const server = await peer.start(stage);
        const dial = (name: string, guard: Guard) => peer.dial(server, name, 'subscriber', guard);
        return { name: peer.name, server, load: await connect(stage, peer, dial, shape) };
      }),
    }),
  };
}

async function hubwire(stage: Stage, shape: SmallGroups): Promise<Contender> {
  const server = await stage.hubwire(plainHub);
  return { name: 'hubwire', server, load: await groupsOn(stage, server, shape) };
}

/** The groups on a Hubwire. */
export function groupsOn(stage: Stage, server: ServerProcess, shape: SmallGroups): Promise<GroupsLoad> {
  const urls = new Map<string, string>();
  const urlOf = (name: string) => {
    const claims = { sub: 'publisher', 'webpubsub.group': [name], role: [`webpubsub.sendToGroup.${name}`] };
    const url = urls.get(name) ?? clientUrl(server, claims);
    urls.set(name, url);
    return url;
  };
  return connect(stage, json, (name, guard) => RawClient.dial(urlOf(name), json.subprotocol, guard), shape);
}

type Speech = Pick<BenchProtocol, 'publish' | 'textOf'>;

async function connect(
  stage: Stage,
  { publish, textOf }: Speech,
  dial: (group: string, guard: Guard) => Promise<RawClient>,
  shape: SmallGroups,
): Promise<GroupsLoad> {
  const guard = new Guard();
  const names = Array.from({ length: shape.groups }, (_, index) => `g${String(index).padStart(5, '0')}`);
  const nameOf = (index: number) => names[Math.floor(index / shape.members)]!;
  const dialled = await dialMany(names.length * shape.members, index => dial(nameOf(index), guard));
  stage.onEnd(() => hangUp(dialled));
  const rooms = names.map((_, index) => dialled.slice(index * shape.members, (index + 1) * shape.members));
  const frames = names.map(name => publish(name, shape.text));
  const send = (index: number, member: RawClient) => member.write(frames[index]!);
  const load = new GroupsLoad(rooms, send, 'others', shape.inFlight, guard);
  await load.prime(message => {
    if (textOf(message) !== shape.text) throw new Error(`a member received something else: ${message}`);
  });
  return load;
}

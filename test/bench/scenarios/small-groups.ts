import { GroupsLoad } from '../load/groups-load.js';
import { Guard } from '../load/guard.js';
import { json } from '../load/protocols.js';
import { dialMany, hangUp, RawClient } from '../load/raw-client.js';
import { clientsThatFit } from '../servers/open-files.js';
import type { ServerProcess } from '../servers/server-process.js';
import type { Stage } from '../servers/stage.js';
import { clientUrl, plainHub } from '../servers/urls.js';
import { ofLimit, type Scenario } from './scenario.js';

/** Groups of the same size, some of which have a message under way. */
export interface SmallGroups {
  readonly groups: number;
  readonly members: number;
  readonly text: string;
  readonly inFlight: number;
}

const members = 10;
/** As many as are wanted, or as the load side can open sockets for two servers. */
const groups = Math.floor(clientsThatFit(20_000) / 2 / members);
const shape: SmallGroups = { groups, members, text: 'x'.repeat(128), inFlight: 250 };

export const smallGroups: Scenario = {
  name: 'groups',
  title: `${groups} groups of ${members}, each member publishes in turn, ${shape.text.length}-byte messages`,
  unit: 'deliveries',
  series: [
    {
      name: `${shape.inFlight} groups with a message in flight`,
      goals: [ofLimit(0.7)],
      isInSmoke: true,
      open: async stage => {
        const server = await stage.hubwire(plainHub);
        const subject = { name: 'hubwire', server, load: await groupsOn(stage, server, shape) };
        const minimal = await stage.minimal('minimal-groups.ts');
        const urlOf = (name: string) => `${minimal.listening.public}/${name}`;
        return { subject, limit: { name: 'minimal loop', server: minimal, load: await connect(stage, urlOf, shape) } };
      },
    },
  ],
};

/** The groups on a Hubwire. */
export function groupsOn(stage: Stage, server: ServerProcess, shape: SmallGroups): Promise<GroupsLoad> {
  const urlOf = (name: string) =>
    clientUrl(server, { sub: 'publisher', 'webpubsub.group': [name], role: [`webpubsub.sendToGroup.${name}`] });
  return connect(stage, urlOf, shape);
}

async function connect(stage: Stage, urlOf: (group: string) => string, shape: SmallGroups): Promise<GroupsLoad> {
  const guard = new Guard();
  const names = Array.from({ length: shape.groups }, (_, index) => `g${String(index).padStart(5, '0')}`);
  const urls = names.map(urlOf);
  const dialled = await dialMany(names.length * shape.members, index =>
    RawClient.dial(urls[Math.floor(index / shape.members)]!, json.subprotocol, guard),
  );
  stage.onEnd(() => hangUp(dialled));
  const rooms = names.map((_, index) => dialled.slice(index * shape.members, (index + 1) * shape.members));
  const frames = names.map(name => json.publishEchoed(name, shape.text));
  const send = (index: number, member: RawClient) => member.write(frames[index]!);
  const load = new GroupsLoad(rooms, send, shape.inFlight, guard);
  await load.prime(message => {
    if (json.textOf(message) !== shape.text) throw new Error(`a member received something else: ${message}`);
  });
  return load;
}

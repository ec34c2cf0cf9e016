import { Guard } from '../load/guard.js';
import { json } from '../load/protocols.js';
import { dialMany, hangUp, RawClient } from '../load/raw-client.js';
import { RequestLoad } from '../load/request-load.js';
import type { ServerProcess } from '../servers/server-process.js';
import type { Stage } from '../servers/stage.js';
import { clientUrl, plainHub, restSend } from '../servers/urls.js';
import { checkAck } from './event.js';
import { fleetOf } from './fleet.js';
import { presenceOn } from './presence.js';
import { restLoad } from './rest.js';
import { group, type Room, roomOn, subscriberUrl } from './rooms.js';
import { type Contender, type Goal, ofLimit, type Scenario, type Series } from './scenario.js';

const text = 'x'.repeat(128);
const members = 1_000;
const room: Room = { publisher: json, readers: [json], subscribers: members, text, inFlight: 16 };

/** Work per CPU-second beside what is little of; that much may be lost. */
const flat: readonly Goal[] = [ofLimit(0.9)];

/** Groups that one client is put into by its token, which has to fit into the request's head. */
const groupsPerClient = 500;

const few = 10;

/** What must not cost more as other things grow: Hubwire against itself. */
export const growth: Scenario = {
  name: 'growth',
  title: 'the same work as the hub grows',
  unit: 'operations',
  series: [
    fanOutBeside(1_000),
    fanOutBeside(50_000),
    joinAndLeaveBeside(50_000),
    userOf(members),
    presenceOf(members, 100),
  ],
};

function fanOutBeside(groups: number): Series {
  const open = async (stage: Stage, others: number) => {
    const server = await hubwireWith(stage, others);
    return { name: groupsText(others), server, load: await roomOn(stage, server, room) };
  };
  return {
    name: `fan-out to ${members} beside ${groupsText(groups)}`,
    goals: flat,
    open: async stage => ({
      subject: await fleetOf(() => open(stage, groups)),
      limit: await fleetOf(() => open(stage, few)),
    }),
  };
}

function joinAndLeaveBeside(groups: number): Series {
  return {
    name: `join and leave beside ${groupsText(groups)}`,
    goals: flat,
    open: async stage => ({
      subject: await fleetOf(() => comings(stage, groups)),
      limit: await fleetOf(() => comings(stage, few)),
    }),
  };
}

async function comings(stage: Stage, others: number): Promise<Contender> {
  const server = await hubwireWith(stage, others);
  const guard = new Guard();
  const url = clientUrl(server, { sub: 'client', role: ['webpubsub.joinLeaveGroup'] });
  const clients = await dialMany(100, () => RawClient.dial(url, json.subprotocol, guard));
  stage.onEnd(() => hangUp(clients));
  const load = new RequestLoad(clients, joinOrLeave, guard);
  await load.prime(checkAck);
  return { name: groupsText(others), server, load };
}

/** Each group is joined, then left. */
function joinOrLeave(ackId: number): string {
  const name = `room-${Math.floor(ackId / 2)}`;
  return JSON.stringify({ type: ackId % 2 === 0 ? 'joinGroup' : 'leaveGroup', group: name, ackId });
}

/** A user's connections are found as fast as a group's. */
function userOf(connections: number): Series {
  return {
    name: `REST send to a user of ${connections} connections, beside a group of as many`,
    goals: flat,
    open: async stage => {
      const server = await stage.hubwire(plainHub);
      const url = subscriberUrl(server);
      const load = (target: string, to: string) =>
        restLoad(stage, server, restSend(server, target, text), to, connections, text);
      const userUrl = clientUrl(server, { sub: 'many' });
      return {
        subject: { name: 'user', server, load: await load('/users/many', userUrl) },
        limit: { name: 'group', server, load: await load(`/groups/${group}`, url) },
      };
    },
  };
}

/** What one who comes or goes costs for each member that is told: as much in a large presence channel as in a small one. */
function presenceOf(large: number, small: number): Series {
  return {
    name: `join and leave a presence channel of ${large.toLocaleString('en')} members, beside one of ${small}`,
    goals: flat,
    open: async stage => ({
      subject: await fleetOf(() => presenceOn(stage, large)),
      limit: await fleetOf(() => presenceOn(stage, small)),
    }),
  };
}

/** A Hubwire on which this many groups have a member. */
async function hubwireWith(stage: Stage, groups: number): Promise<ServerProcess> {
  const server = await stage.hubwire(plainHub);
  await holdGroups(stage, server, groups);
  return server;
}

/** Clients of which each joins many groups, so that there are this many. */
export async function holdGroups(stage: Stage, server: ServerProcess, groups: number): Promise<void> {
  const guard = new Guard();
  const names = Array.from({ length: groups }, (_, index) => `other-${index}`);
  const clients = await dialMany(Math.ceil(groups / groupsPerClient), index => {
    const joined = names.slice(index * groupsPerClient, (index + 1) * groupsPerClient);
    return RawClient.dial(clientUrl(server, { 'webpubsub.group': joined }), json.subprotocol, guard);
  });
  stage.onEnd(() => hangUp(clients));
}

function groupsText(groups: number): string {
  return `${groups.toLocaleString('en')} other groups`;
}

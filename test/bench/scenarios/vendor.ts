import { GroupsLoad } from '../load/groups-load.js';
import { Guard } from '../load/guard.js';
import { HttpPublisher } from '../load/http-publisher.js';
import { json } from '../load/protocols.js';
import { dialMany, hangUp, RawClient } from '../load/raw-client.js';
import { RequestLoad } from '../load/request-load.js';
import type { Load } from '../load/slice.js';
import { startBenchUpstream } from '../load/upstream.js';
import type { ServerProcess } from '../servers/server-process.js';
import type { Stage } from '../servers/stage.js';
import { clientUrl, plainHub, restSend } from '../servers/urls.js';
import { handledHub } from './event.js';
import { restLoad } from './rest.js';
import type { Goal, Scenario, Series } from './scenario.js';
import { groupsOn } from './small-groups.js';

/** The workloads by which the vendor's performance guide describes a unit of its service: 2 KB, 1,000 connections. */
const text = 'x'.repeat(2_048);
const connections = 1_000;

/** The guide counts as long as 99 % of the messages take less than a second. */
const withinASecond: readonly Goal[] = [{ metric: 'p99Ms', against: 'alone', most: 1_000 }];

/** @param perSecond what the guide says one unit does */
function workload(name: string, perSecond: number, open: (stage: Stage) => Promise<[ServerProcess, Load]>): Series {
  return {
    name,
    goals: withinASecond,
    vendorUnit: { perSecond },
    open: async stage => {
      const [server, load] = await open(stage);
      return { subject: { name: 'hubwire', server, load } };
    },
  };
}

export const vendor: Scenario = {
  name: 'vendor',
  title: `the vendor's published workloads: ${connections} connections, ${text.length}-byte messages`,
  unit: 'messages',
  series: [
    workload('big groups, 10 of 100', 3_000, stage => groups(stage, 100)),
    workload('small groups, 100 of 10', 4_000, stage => groups(stage, 10)),
    workload('echo through an upstream', 500, echo),
    workload('REST to a user', 180, toUsers),
    // The guide counts broadcasts, 3 a second; the bench counts what they come to.
    workload('REST broadcast', 3 * connections, broadcast),
  ],
};

async function groups(stage: Stage, members: number): Promise<[ServerProcess, Load]> {
  const server = await stage.hubwire(plainHub);
  const count = connections / members;
  return [server, await groupsOn(stage, server, { groups: count, members, text, inFlight: Math.min(count, 50) })];
}

async function echo(stage: Stage): Promise<[ServerProcess, Load]> {
  const upstream = await startBenchUpstream('echo');
  stage.onEnd(() => upstream.close());
  const server = await stage.hubwire(handledHub(upstream, 'userEventPattern: "*"'));
  const guard = new Guard();
  const url = clientUrl(server, { sub: 'client' });
  const clients = await dialMany(connections, () => RawClient.dial(url, json.subprotocol, guard));
  stage.onEnd(() => hangUp(clients));
  const event = JSON.stringify({ type: 'event', event: 'echo', dataType: 'text', data: text });
  const load = new RequestLoad(clients, () => event, guard);
  await load.prime(checkText);
  return [server, load];
}

async function toUsers(stage: Stage): Promise<[ServerProcess, Load]> {
  const server = await stage.hubwire(plainHub);
  const guard = new Guard();
  const dial = (user: number) => RawClient.dial(clientUrl(server, { sub: `u${user}` }), json.subprotocol, guard);
  const clients = await dialMany(connections, dial);
  const requests = clients.map((_, user) => restSend(server, `/users/u${user}`, text));
  const publisher = new HttpPublisher(server.listening.public, 202, 32, guard);
  stage.onEnd(() => {
    publisher.close();
    hangUp(clients);
  });
  const load = new GroupsLoad(
    clients.map(client => [client]),
    user => publisher.send(requests[user]!),
    'all',
    32,
    guard,
  );
  await load.prime(checkText);
  return [server, load];
}

async function broadcast(stage: Stage): Promise<[ServerProcess, Load]> {
  const server = await stage.hubwire(plainHub);
  const url = clientUrl(server, { sub: 'client' });
  return [server, await restLoad(stage, server, restSend(server, '', text), url, connections, text)];
}

function checkText(message: Buffer): void {
  if (json.textOf(message) !== text) throw new Error(`a client received something else: ${message}`);
}

import { FanOutLoad, publishing } from '../../load/fan-out-load.js';
import { Guard } from '../../load/guard.js';
import { json } from '../../load/protocols.js';
import { RawClient } from '../../load/raw-client.js';
import type { Load } from '../../load/slice.js';
import { type Nodes, startNodes } from '../../servers/nodes.js';
import type { ServerProcess } from '../../servers/server-process.js';
import type { Stage } from '../../servers/stage.js';
import { clientUrl, plainHub } from '../../servers/urls.js';
import { atOnce, sumOf } from '../fleet.js';
import { checking, dialReaders, inTurn } from '../rooms.js';
import type { Contender } from '../scenario.js';

export const text = 'x'.repeat(128);

/** Of each process: one of several has a part of each message only, so that its compiler is done later. */
export const warmUpMs = 6_000;

/** Groups, each with a publisher of its own and the same number of members. */
export interface Rooms {
  readonly rooms: number;
  readonly members: number;
  /** Of each publisher. */
  readonly inFlight: number;
}

/** The rooms on one node that has no other. */
export async function roomsAlone(stage: Stage, shape: Rooms): Promise<Contender> {
  const server = await stage.hubwire(plainHub);
  return { name: 'one node, no NATS', server, load: await spreadRooms(stage, [server], shape) };
}

/** The rooms on so many nodes of a cluster, which are one contender. */
export async function roomsOn(stage: Stage, count: number, shape: Rooms): Promise<Contender> {
  const { nodes, nats } = await startNodes(stage, count);
  return contenderOf(
    count === 1 ? 'one node on NATS' : `${count} nodes`,
    { nodes, nats },
    await spreadRooms(stage, nodes, shape),
  );
}

export function contenderOf(name: string, { nodes, nats }: Nodes, load: Load): Contender {
  return { name, processes: nodes.length, server: sumOf(nodes), nats, load };
}

/** Rooms whose members are spread evenly over the nodes, as their publishers are. */
export async function spreadRooms(stage: Stage, nodes: readonly ServerProcess[], shape: Rooms): Promise<Load> {
  const places = Array.from({ length: shape.rooms }, (_, place) => place);
  return atOnce(await inTurn(places, place => spreadRoom(stage, turned(nodes, place), `room-${place}`, shape)));
}

/** @param nodes the first one has the publisher */
async function spreadRoom(
  stage: Stage,
  nodes: readonly ServerProcess[],
  name: string,
  { members, inFlight }: Rooms,
): Promise<Load> {
  const guard = new Guard();
  const publisherUrl = clientUrl(nodes[0]!, { sub: 'publisher', role: [`webpubsub.sendToGroup.${name}`] });
  const publisher = await RawClient.dial(publisherUrl, json.subprotocol, guard);
  stage.onEnd(() => publisher.destroy());
  const urls = nodes.map(node => clientUrl(node, { sub: 'subscriber', 'webpubsub.group': [name] }));
  const readers = await dialReaders(stage, index => urls[index % urls.length]!, [json], members, guard);
  const load = new FanOutLoad(publishing(publisher, json.publish(name, text), inFlight), readers, inFlight, guard);
  await load.prime(checking({ readers: [json], text }));
  return load;
}

function turned<T>(items: readonly T[], by: number): readonly T[] {
  const start = by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}

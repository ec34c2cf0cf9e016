import { FanOutLoad, publishing, type Subscriber } from '../load/fan-out-load.js';
import { Guard } from '../load/guard.js';
import { type BenchProtocol, json } from '../load/protocols.js';
import { dialMany, hangUp, RawClient } from '../load/raw-client.js';
import type { Peer } from '../peers/peer.js';
import type { ServerProcess } from '../servers/server-process.js';
import type { Stage } from '../servers/stage.js';
import { clientUrl, plainHub } from '../servers/urls.js';
import type { Contender, OneServer } from './scenario.js';

/** Group that all rooms use. */
export const group = 'bench';

/** One publisher and those who hear it. */
export interface Room {
  readonly publisher: BenchProtocol;
  /** Taken in turn by the subscribers. */
  readonly readers: readonly BenchProtocol[];
  readonly subscribers: number;
  readonly text: string;
  readonly inFlight: number;
}

/** Reliable subscribers have so many different pasts, so that they number messages differently, as those do who come and go. */
const pasts = 100;

/** What subscribers must hear, and how it is read. */
interface Heard {
  readonly readers: readonly Pick<BenchProtocol, 'textOf'>[];
  readonly text: string;
}

export async function hubwireRoom(stage: Stage, room: Room): Promise<OneServer> {
  const server = await stage.hubwire(plainHub);
  return { name: 'hubwire', server, load: await roomOn(stage, server, room) };
}

/** A room on a Hubwire that runs already. */
export async function roomOn(stage: Stage, server: ServerProcess, room: Room): Promise<FanOutLoad> {
  const guard = new Guard();
  const publisherUrl = clientUrl(server, { sub: 'publisher', role: ['webpubsub.sendToGroup'] });
  const publisher = await RawClient.dial(publisherUrl, room.publisher.subprotocol, guard);
  stage.onEnd(() => publisher.destroy());
  const urls = Array.from({ length: pasts }, (_, past) => subscriberUrl(server, past));
  const urlOf = (index: number) => urls[pastOf(room, index)]!;
  const readers = await dialReaders(stage, urlOf, room.readers, room.subscribers, guard);
  const subscribers = readers.map((reader, index) => ({ ...reader, heardBefore: pastOf(room, index) }));
  if (subscribers.some(({ heardBefore }) => heardBefore > 0)) await givePasts(publisher, room, subscribers);
  const frame = room.publisher.publish(group, room.text);
  const load = new FanOutLoad(publishing(publisher, frame, room.inFlight), subscribers, room.inFlight, guard);
  await load.prime(checking(room));
  return load;
}

/** @param past messages that it is to get before it is measured */
export function subscriberUrl(server: ServerProcess, past = 0): string {
  return clientUrl(server, { sub: 'subscriber', 'webpubsub.group': [group, ...pastGroups.slice(0, past)] });
}

const pastGroups = Array.from({ length: pasts - 1 }, (_, past) => `past-${past}`);

function pastOf({ readers }: Room, index: number): number {
  return readers[index % readers.length]!.acknowledge === undefined ? 0 : index % pasts;
}

/** One message to each group of the past; whoever is in more of them gets more. */
async function givePasts(publisher: RawClient, room: Room, subscribers: readonly Subscriber[]): Promise<void> {
  for (const past of pastGroups) publisher.write(room.publisher.publish(past, room.text));
  await Promise.all(
    subscribers.map(async ({ client, heardBefore = 0 }) => {
      for (let count = 0; count < heardBefore; count += 1) await client.next();
    }),
  );
}

/** Clients that speak the protocols in turn. */
export async function dialReaders(
  stage: Stage,
  urlOf: (index: number) => string,
  readers: readonly BenchProtocol[],
  count: number,
  guard: Guard,
): Promise<readonly Subscriber[]> {
  const protocolOf = (index: number) => readers[index % readers.length]!;
  const clients = await dialMany(count, index => RawClient.dial(urlOf(index), protocolOf(index).subprotocol, guard));
  stage.onEnd(() => hangUp(clients));
  return clients.map((client, index) => ({ client, ...protocolOf(index) }));
}

/** @param readers what the subscribers speak, in turn */
export function checking({ readers, text }: Heard): (message: Buffer, index: number) => void {
  return (message, index) => {
    const heard = readers[index % readers.length]!.textOf(message);
    if (heard !== text) throw new Error(`a subscriber received something else: ${message.toString('utf8')}`);
  };
}

/** The least code; it speaks the plain JSON protocol, whatever the room does. */
export async function minimalRoom(stage: Stage, { subscribers, text, inFlight }: Room): Promise<Contender> {
  const server = await stage.minimal('minimal-fan-out.ts', ...(inFlight > 1 ? ['--joined'] : []));
  const { public: url } = server.listening;
  const guard = new Guard();
  const publisher = await RawClient.dial(`${url}/publish`, json.subprotocol, guard);
  stage.onEnd(() => publisher.destroy());
  const readers = await dialReaders(stage, () => `${url}/subscribe`, [json], subscribers, guard);
  const load = new FanOutLoad(publishing(publisher, json.publish(group, text), inFlight), readers, inFlight, guard);
  await load.prime(checking({ readers: [json], text }));
  return { name: 'minimal loop', server, load };
}

export async function peerRoom(stage: Stage, peer: Peer, { subscribers, text, inFlight }: Room): Promise<Contender> {
  const server = await peer.start(stage);
  const guard = new Guard();
  const publisher = await peer.dial(server, group, 'publisher', guard);
  stage.onEnd(() => publisher.destroy());
  const readers = await dialPeerReaders(stage, peer, server, subscribers, guard);
  const load = new FanOutLoad(publishing(publisher, peer.publish(group, text), inFlight), readers, inFlight, guard);
  await load.prime(checking({ readers: [peer], text }));
  return { name: peer.name, server, load };
}

/** Subscribers of the group on another product. */
export async function dialPeerReaders(
  stage: Stage,
  peer: Peer,
  server: ServerProcess,
  count: number,
  guard: Guard,
): Promise<readonly Subscriber[]> {
  const clients = await dialMany(count, () => peer.dial(server, group, 'subscriber', guard));
  stage.onEnd(() => hangUp(clients));
  const { lengthsOf, signOfLife } = peer;
  return clients.map(client => ({ client, lengthsOf, ...(signOfLife && { signOfLife }) }));
}

/** Starts one after another, which is how a small machine does it best. */
export async function inTurn<T, R>(items: readonly T[], open: (item: T) => Promise<R>): Promise<R[]> {
  const opened: R[] = [];
  for (const item of items) opened.push(await open(item));
  return opened;
}

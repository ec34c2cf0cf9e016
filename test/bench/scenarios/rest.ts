import { FanOutLoad, type Publish } from '../load/fan-out-load.js';
import { Guard } from '../load/guard.js';
import { type HttpCall, HttpPublisher, postRequest } from '../load/http-publisher.js';
import { json } from '../load/protocols.js';
import { type PeerWith, peersWith } from '../peers/index.js';
import type { ServerProcess } from '../servers/server-process.js';
import type { Stage } from '../servers/stage.js';
import { minimalKey, plainHub, restSend, tokenFor } from '../servers/urls.js';
import { checking, dialPeerReaders, dialReaders, group, inTurn, subscriberUrl } from './rooms.js';
import { type Contender, ofLimit, type Scenario, type Series } from './scenario.js';

const text = 'x'.repeat(128);
const inFlight = 16;

export const rest: Scenario = {
  name: 'rest',
  title: `REST sends of ${text.length} bytes to a group, ${inFlight} in flight`,
  unit: 'deliveries',
  series: [seriesOf(1), seriesOf(1_000)],
};

function seriesOf(subscribers: number): Series {
  return {
    name: `a group of ${subscribers}`,
    goals: [ofLimit(0.6)],
    isInSmoke: subscribers === 1,
    open: async stage => ({
      subject: await hubwire(stage, subscribers),
      limit: await minimal(stage, subscribers),
      peers: await inTurn(peersWith('sendOverHttp'), peer => peerOf(stage, peer, subscribers)),
    }),
  };
}

async function hubwire(stage: Stage, subscribers: number): Promise<Contender> {
  const server = await stage.hubwire(plainHub);
  const request = restSend(server, `/groups/${group}`, text);
  return {
    name: 'hubwire',
    server,
    load: await restLoad(stage, server, request, subscriberUrl(server), subscribers, text),
  };
}

async function minimal(stage: Stage, subscribers: number): Promise<Contender> {
  const server = await stage.minimal('minimal-rest.ts', minimalKey);
  const { public: url } = server.listening;
  const headers = { Authorization: `Bearer ${tokenFor(url, minimalKey)}`, 'Content-Type': 'text/plain' };
  const request = postRequest(`${url}/send`, headers, text);
  return { name: 'minimal loop', server, load: await restLoad(stage, server, request, `${url}/`, subscribers, text) };
}

async function peerOf(stage: Stage, peer: PeerWith<'sendOverHttp'>, subscribers: number): Promise<Contender> {
  const server = await peer.start(stage);
  const guard = new Guard();
  const readers = await dialPeerReaders(stage, peer, server, subscribers, guard);
  const send = calling(stage, server, peer.sendOverHttp(server, group, text), guard);
  const load = new FanOutLoad(send, readers, inFlight, guard);
  await load.prime(checking({ readers: [peer], text }));
  return { name: peer.name, server, load };
}

/** Messages that come from REST calls, to clients of the plain JSON protocol. @param url the clients' */
export async function restLoad(
  stage: Stage,
  server: ServerProcess,
  request: Buffer,
  url: string,
  subscribers: number,
  text: string,
): Promise<FanOutLoad> {
  const guard = new Guard();
  const send = calling(stage, server, { request, status: 202 }, guard);
  const readers = await dialReaders(stage, () => url, [json], subscribers, guard);
  const load = new FanOutLoad(send, readers, inFlight, guard);
  await load.prime(checking({ readers: [json], text }));
  return load;
}

/** Publishes by calls. */
function calling(stage: Stage, server: ServerProcess, { request, status }: HttpCall, guard: Guard): Publish {
  const publisher = new HttpPublisher(server.listening.public, status, inFlight, guard);
  stage.onEnd(() => publisher.close());
  return count => {
    for (let index = 0; index < count; index += 1) publisher.send(request);
  };
}

import { maskedText } from '../load/frames.js';
import { json } from '../load/protocols.js';
import { type PeerWith, pusherPeers } from '../peers/index.js';
import { idleClientWith, pusherProtocol } from '../peers/pusher.js';
import { appYaml } from '../servers/pusher-app.js';
import type { Stage } from '../servers/stage.js';
import { fleetOf } from './fleet.js';
import { hubwireRoom, inTurn, peerRoom, type Room } from './rooms.js';
import { type Contest, ofLimit, ofPeer, type Scenario, type Series } from './scenario.js';

const text = 'x'.repeat(128);
const subscribers = 1_000;

/** Hubwire as its Pusher clients see it. */
export const hubwirePusher: PeerWith<'idleClient'> = {
  ...pusherProtocol,
  idleClient: idleClientWith({ event: 'pusher:pong', data: {} }),
  signOfLife: maskedText(JSON.stringify({ event: 'pusher:pong', data: {} })),
  name: 'hubwire',
  isPresent: () => true,
  start: stage => stage.hubwire(appYaml()),
};

export const pusher: Scenario = {
  name: 'pusher',
  title: `1 publisher of client events → ${subscribers} Pusher clients in a private channel, ${text.length}-byte messages`,
  unit: 'deliveries',
  series: [fanOutOf(1), fanOutOf(16)],
};

/** Hubwire against itself: its Pusher clients beside as many of its own JSON protocol. */
function fanOutOf(inFlight: number): Series {
  const room: Room = { publisher: json, readers: [json], subscribers, text, inFlight };
  return {
    name: `${inFlight} in flight`,
    goals: [ofLimit(0.9), ...pusherPeers.map(({ name }) => ofPeer(name, 1))],
    isInSmoke: inFlight > 1,
    open: stage => open(stage, room),
  };
}

async function open(stage: Stage, room: Room): Promise<Contest> {
  return {
    subject: await fleetOf(() => peerRoom(stage, hubwirePusher, room)),
    limit: { ...(await fleetOf(() => hubwireRoom(stage, room))), name: 'hubwire, JSON' },
    peers: await inTurn(pusherPeers, peer => peerRoom(stage, peer, room)),
  };
}

import { type BenchProtocol, json, protobuf, reliableJson, reliableProtobuf } from '../load/protocols.js';
import { peers } from '../peers/index.js';
import { hubwireRoom, inTurn, minimalRoom, peerRoom, type Room } from './rooms.js';
import { type Goal, ofLimit, ofPeer, type Scenario, type Series } from './scenario.js';

const subscribers = 1_000;
const text = 'x'.repeat(128);

/** What most people ask of a hub, beside everything else that does it. */
export const fanout: Scenario = {
  name: 'fanout',
  title: `1 publisher → ${subscribers} clients of ${json.subprotocol}, ${text.length}-byte messages`,
  unit: 'deliveries',
  series: [
    besidePeers(1, [ofLimit(0.9), ofPeer('Socket.IO', 1)]),
    besidePeers(16, [ofLimit(0.75), ofPeer('Socket.IO', 12)]),
  ],
};

/** The other protocols; the minimal loop speaks plain JSON all the same. */
export const protocols: Scenario = {
  name: 'protocols',
  title: `1 publisher → ${subscribers} clients, ${text.length}-byte messages`,
  unit: 'deliveries',
  series: [
    ...inBoth('reliable JSON', reliableJson, [reliableJson]),
    ...inBoth('protobuf', protobuf, [protobuf]),
    ...inBoth('reliable protobuf', reliableProtobuf, [reliableProtobuf]),
    ...inBoth('a third each of JSON, reliable JSON, protobuf', json, [json, reliableJson, protobuf]),
  ],
};

function besidePeers(inFlight: number, goals: readonly Goal[]): Series {
  const room: Room = { publisher: json, readers: [json], subscribers, text, inFlight };
  return {
    name: `${inFlight} in flight`,
    goals,
    isInSmoke: true,
    open: async stage => ({
      subject: await hubwireRoom(stage, room),
      limit: await minimalRoom(stage, room),
      peers: await inTurn(peers, peer => peerRoom(stage, peer, room)),
    }),
  };
}

function inBoth(name: string, publisher: BenchProtocol, readers: readonly BenchProtocol[]): Series[] {
  return [1, 16].map(inFlight => {
    const room: Room = { publisher, readers, subscribers, text, inFlight };
    return {
      name: `${name}, ${inFlight} in flight`,
      goals: [ofLimit(0.6)],
      isInSmoke: readers.length > 1 && inFlight > 1,
      open: async stage => ({ subject: await hubwireRoom(stage, room), limit: await minimalRoom(stage, room) }),
    };
  });
}

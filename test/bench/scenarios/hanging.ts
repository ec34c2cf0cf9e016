import { json } from '../load/protocols.js';
import { startBenchUpstream } from '../load/upstream.js';
import { pusherProtocol } from '../peers/pusher.js';
import { appYaml } from '../servers/pusher-app.js';
import type { Stage } from '../servers/stage.js';
import { fleetOf } from './fleet.js';
import { hubwirePusher } from './pusher.js';
import { peerRoom, type Room } from './rooms.js';
import type { Contender, Scenario } from './scenario.js';

const subscribers = 1_000;
const room: Room = { publisher: json, readers: [json], subscribers, text: 'x'.repeat(128), inFlight: 1 };

/** Each is told of each message. */
const endpoints = 4;

/** App servers that do not answer must not delay what clients are sent. [pusher-webhooks PW-056] */
export const hanging: Scenario = {
  name: 'hanging',
  title: `1 publisher of client events → ${subscribers} Pusher clients, ${endpoints} webhooks of each message`,
  unit: 'deliveries',
  series: [
    {
      name: 'all endpoints hang',
      goals: [{ metric: 'p99Ms', against: 'limit', most: 1.1 }],
      sliceMs: 2_000,
      open: async stage => ({
        subject: await fleetOf(() => besideHanging(stage)),
        limit: { ...(await fleetOf(() => peerRoom(stage, hubwirePusher, room))), name: 'without webhooks' },
      }),
    },
  ],
};

async function besideHanging(stage: Stage): Promise<Contender> {
  const upstream = await startBenchUpstream('never');
  stage.onEnd(() => upstream.close());
  const entries = Array.from(
    { length: endpoints },
    (_, index) => `  - { id: "${index}", url: "${upstream.origin}/${index}", event_types: [client_event] }`,
  );
  const start = () => stage.hubwire(appYaml(['webhooks:', ...entries]));
  return peerRoom(stage, { ...pusherProtocol, name: 'with webhooks', isPresent: () => true, start }, room);
}

import { type IdleClient, IdleLoad } from '../load/idle-load.js';
import { json } from '../load/protocols.js';
import { type PeerWith, peersWith } from '../peers/index.js';
import { clientsThatFit } from '../servers/open-files.js';
import type { ServerProcess } from '../servers/server-process.js';
import type { Stage } from '../servers/stage.js';
import { clientUrl, hub } from '../servers/urls.js';
import { hubwirePusher } from './pusher.js';
import { inTurn } from './rooms.js';
import type { Contender, Scenario, Series } from './scenario.js';

/** How many do nothing, and how often each says that it is still there. A slice is as long, so that each holds as many pings. */
interface Crowd {
  readonly connections: number;
  readonly pingSeconds: number;
}

/** Fewer in the other series: what each costs shows all the same, and all of them have to come first. */
const large: Crowd = { connections: clientsThatFit(20_000), pingSeconds: 4 };
/** Only their memory is measured, without the garbage of pings: a Pusher client's ping is a message, once in two minutes. */
const quiet: Crowd = { connections: clientsThatFit(10_000), pingSeconds: 60 };
const small: Crowd = { connections: clientsThatFit(5_000), pingSeconds: 2 };

export const idle: Scenario = {
  name: 'idle',
  title: 'clients that do nothing but ping-pong',
  unit: 'pings',
  series: [
    {
      name: textOf(large),
      goals: [
        { metric: 'bytesPerConnection', against: 'limit', most: 1.3 },
        { metric: 'serverShare', against: 'limit', most: 1.5 },
      ],
      ...watching(large),
      open: async stage => ({ subject: await hubwire(stage, large), limit: await bareWs(stage, large) }),
    },
    {
      name: `${textOf(quiet)}, Pusher clients beside JSON clients`,
      goals: [{ metric: 'bytesPerConnection', against: 'limit', most: 1.1 }],
      ...watching(quiet),
      sliceMs: 2_000,
      open: async stage => ({
        subject: await pusherClients(stage, quiet),
        limit: { ...(await hubwire(stage, quiet)), name: 'hubwire, JSON' },
      }),
    },
    {
      name: `${textOf(small)}, beside other products`,
      goals: [],
      ...watching(small),
      open: async stage => ({
        subject: await hubwire(stage, small),
        peers: await inTurn(peersWith('idleClient'), peer => peerOf(stage, peer, small)),
      }),
    },
  ],
};

function textOf({ connections, pingSeconds }: Crowd): string {
  return `${connections.toLocaleString('en')} clients, a ping each ${pingSeconds} s`;
}

function watching({ pingSeconds }: Crowd): Pick<Series, 'sliceMs' | 'isTogether'> {
  return { sliceMs: pingSeconds * 1_000, isTogether: true };
}

async function hubwire(stage: Stage, crowd: Crowd): Promise<Contender> {
  const server = await stage.hubwire(
    `hubs:\n  ${hub}:\n    webSocketKeepAliveIntervalInSeconds: ${crowd.pingSeconds}\n`,
  );
  const client = { url: clientUrl(server, { sub: 'client' }), subprotocol: json.subprotocol, isGreeted: true };
  return contender('hubwire', stage, server, client, crowd);
}

/** It is these clients that ping. */
function pusherClients(stage: Stage, crowd: Crowd): Promise<Contender> {
  return peerOf(stage, hubwirePusher, crowd);
}

async function bareWs(stage: Stage, crowd: Crowd): Promise<Contender> {
  const server = await stage.minimal('minimal-idle.ts', String(crowd.pingSeconds * 1_000));
  return contender('bare ws', stage, server, { url: `${server.listening.public}/`, isGreeted: true }, crowd);
}

async function peerOf(stage: Stage, peer: PeerWith<'idleClient'>, crowd: Crowd): Promise<Contender> {
  const pingIntervalMs = crowd.pingSeconds * 1_000;
  const server = await peer.start(stage, { pingIntervalMs });
  return contender(peer.name, stage, server, peer.idleClient(server, pingIntervalMs), crowd);
}

async function contender(
  name: string,
  stage: Stage,
  server: ServerProcess,
  client: IdleClient,
  { connections }: Crowd,
): Promise<Contender> {
  const bytesBefore = server.residentBytes();
  const load = await IdleLoad.connect(client, connections);
  stage.onEnd(() => load.close());
  return { name, server, load, idle: { connections, bytesBefore } };
}

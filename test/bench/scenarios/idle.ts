import { type IdleClient, IdleLoad } from '../load/idle-load.js';
import { json } from '../load/protocols.js';
import { type PeerWith, peersWith } from '../peers/index.js';
import { clientsThatFit } from '../servers/open-files.js';
import type { ServerProcess } from '../servers/server-process.js';
import type { Stage } from '../servers/stage.js';
import { clientUrl, hub } from '../servers/urls.js';
import { inTurn } from './rooms.js';
import type { Contender, Scenario, Series } from './scenario.js';

/** Seconds between pings; a slice is as long, so that each holds as many of them. */
const keepAliveSeconds = 4;
const keepAliveMs = keepAliveSeconds * 1_000;

const watching = { sliceMs: keepAliveMs, isTogether: true } as const;

/** Fewer beside other products: what each costs shows all the same, and all of them have to come first. */
const wanted = { besideLimit: 20_000, besidePeers: 5_000 } as const;

export const idle: Scenario = {
  name: 'idle',
  title: `clients that do nothing but ping-pong, once each ${keepAliveSeconds} s`,
  unit: 'pings',
  series: [besideLimit(clientsThatFit(wanted.besideLimit)), besidePeers(clientsThatFit(wanted.besidePeers))],
};

function besideLimit(connections: number): Series {
  return {
    name: clientsText(connections),
    goals: [
      { metric: 'bytesPerConnection', against: 'limit', most: 1.3 },
      { metric: 'serverShare', against: 'limit', most: 1.5 },
    ],
    ...watching,
    open: async stage => {
      const server = await stage.minimal('minimal-idle.ts', String(keepAliveMs));
      const client = { url: `${server.listening.public}/`, isGreeted: true };
      return {
        subject: await hubwire(stage, connections),
        limit: await contender('bare ws', stage, server, client, connections),
      };
    },
  };
}

function besidePeers(connections: number): Series {
  return {
    name: `${clientsText(connections)}, beside other products`,
    goals: [],
    ...watching,
    open: async stage => ({
      subject: await hubwire(stage, connections),
      peers: await inTurn(peersWith('idleClient'), peer => peerOf(stage, peer, connections)),
    }),
  };
}

function clientsText(count: number): string {
  return `${count.toLocaleString('en')} clients`;
}

async function hubwire(stage: Stage, connections: number): Promise<Contender> {
  const server = await stage.hubwire(
    `hubs:\n  ${hub}:\n    webSocketKeepAliveIntervalInSeconds: ${keepAliveSeconds}\n`,
  );
  const client = { url: clientUrl(server, { sub: 'client' }), subprotocol: json.subprotocol, isGreeted: true };
  return contender('hubwire', stage, server, client, connections);
}

async function peerOf(stage: Stage, peer: PeerWith<'idleClient'>, connections: number): Promise<Contender> {
  const server = await peer.start(stage, { pingIntervalMs: keepAliveMs });
  return contender(peer.name, stage, server, peer.idleClient(server, keepAliveMs), connections);
}

async function contender(
  name: string,
  stage: Stage,
  server: ServerProcess,
  client: IdleClient,
  connections: number,
): Promise<Contender> {
  const bytesBefore = server.residentBytes();
  const load = await IdleLoad.connect(client, connections);
  stage.onEnd(() => load.close());
  return { name, server, load, idle: { connections, bytesBefore } };
}

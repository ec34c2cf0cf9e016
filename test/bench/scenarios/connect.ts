import { ConnectLoad } from '../load/connect-load.js';
import { Guard } from '../load/guard.js';
import { json } from '../load/protocols.js';
import { RawClient } from '../load/raw-client.js';
import { startBenchUpstream } from '../load/upstream.js';
import { type PeerWith, peersWith } from '../peers/index.js';
import type { ServerProcess } from '../servers/server-process.js';
import type { Stage } from '../servers/stage.js';
import { clientUrl, minimalKey, plainHub, tokenFor } from '../servers/urls.js';
import { handledHub, lastRequest } from './event.js';
import { inTurn } from './rooms.js';
import { type Contender, type Contest, ofLimit, type Scenario } from './scenario.js';

const atOnce = 32;

/** Of each process: one that has just started takes 2 ms for a client with a handler, and 0.7 ms once all is compiled. */
const warmUpMs = 8_000;

/** Users whose tokens are made beforehand: so many that remembering a token would not help. */
const users = 5_000;

export const connect: Scenario = {
  name: 'connect',
  title: `connect with a token, hear the greeting, leave; ${atOnce} at once`,
  unit: 'connects',
  series: [
    { name: 'no handler', goals: [ofLimit(0.7)], isInSmoke: true, open: openPlain },
    { name: 'no handler, beside other products', goals: [], open: openBesidePeers },
    { name: 'a connect handler', goals: [ofLimit(0.7)], warmUpMs, open: openAsking },
  ],
};

async function openPlain(stage: Stage): Promise<Contest> {
  const server = await stage.hubwire(plainHub);
  const minimal = await stage.minimal('minimal-connect.ts', minimalKey);
  return contest(server, minimal);
}

async function openBesidePeers(stage: Stage): Promise<Contest> {
  const subject = hubwire(await stage.hubwire(plainHub));
  return { subject, peers: await inTurn(peersWith('comer'), peer => peerOf(stage, peer)) };
}

async function peerOf(stage: Stage, peer: PeerWith<'comer'>): Promise<Contender> {
  const server = await peer.start(stage, { tokenKey: minimalKey });
  const comers = usersOf(user => peer.comer(server, tokenOf(server, user)));
  const guard = new Guard();
  return { name: peer.name, server, load: new ConnectLoad(number => comers[number % users]!(guard), atOnce, guard) };
}

async function openAsking(stage: Stage): Promise<Contest> {
  const upstream = await startBenchUpstream();
  stage.onEnd(() => upstream.close());
  const server = await stage.hubwire(handledHub(upstream, 'systemEvents: [connect]'));
  const client = await RawClient.dial(hubwireUrl(server, 0), json.subprotocol, new Guard());
  client.reset();
  const question = JSON.stringify({ origin: upstream.origin, ...lastRequest(upstream) });
  return contest(server, await stage.minimal('minimal-connect.ts', minimalKey, question));
}

function contest(server: ServerProcess, minimal: ServerProcess): Contest {
  return {
    subject: hubwire(server),
    limit: { name: 'minimal loop', server: minimal, load: loadOf(user => minimalUrl(minimal, user)) },
  };
}

function hubwire(server: ServerProcess): Contender {
  return { name: 'hubwire', server, load: hubwireComers([server]) };
}

/** Clients who come to these nodes in turn, each user always to the same one. */
export function hubwireComers(nodes: readonly ServerProcess[]): ConnectLoad {
  return loadOf(user => hubwireUrl(nodes[user % nodes.length]!, user));
}

function loadOf(urlOf: (user: number) => string): ConnectLoad {
  const guard = new Guard();
  const urls = usersOf(urlOf);
  return new ConnectLoad(number => RawClient.dial(urls[number % users]!, json.subprotocol, guard), atOnce, guard);
}

function usersOf<T>(make: (user: number) => T): T[] {
  return Array.from({ length: users }, (_, user) => make(user));
}

function claimsOf(user: number) {
  return { sub: `user-${user}`, role: ['webpubsub.sendToGroup', 'webpubsub.joinLeaveGroup'] };
}

function hubwireUrl(server: ServerProcess, user: number): string {
  return clientUrl(server, claimsOf(user));
}

function minimalUrl(server: ServerProcess, user: number): string {
  return `${server.listening.public}/?access_token=${tokenOf(server, user)}`;
}

/** A token for one that is no Hubwire. */
function tokenOf({ listening }: ServerProcess, user: number): string {
  return tokenFor(listening.public, minimalKey, claimsOf(user));
}

import { ConnectLoad } from '../load/connect-load.js';
import { Guard } from '../load/guard.js';
import { json } from '../load/protocols.js';
import { RawClient } from '../load/raw-client.js';
import { startBenchUpstream } from '../load/upstream.js';
import type { ServerProcess } from '../servers/server-process.js';
import type { Stage } from '../servers/stage.js';
import { clientUrl, minimalKey, plainHub, tokenFor } from '../servers/urls.js';
import { handledHub, lastRequest } from './event.js';
import { type Contest, ofLimit, type Scenario } from './scenario.js';

const atOnce = 32;

/** Users whose tokens are made beforehand: so many that remembering a token would not help. */
const users = 5_000;

export const connect: Scenario = {
  name: 'connect',
  title: `connect with a token, hear the greeting, leave; ${atOnce} at once`,
  unit: 'connects',
  series: [
    { name: 'no handler', goals: [ofLimit(0.7)], isInSmoke: true, open: openPlain },
    { name: 'a connect handler', goals: [ofLimit(0.7)], open: openAsking },
  ],
};

async function openPlain(stage: Stage): Promise<Contest> {
  const server = await stage.hubwire(plainHub);
  const minimal = await stage.minimal('minimal-connect.ts', minimalKey);
  return contest(server, minimal);
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
    subject: { name: 'hubwire', server, load: loadOf(user => hubwireUrl(server, user)) },
    limit: { name: 'minimal loop', server: minimal, load: loadOf(user => minimalUrl(minimal, user)) },
  };
}

function loadOf(urlOf: (user: number) => string): ConnectLoad {
  const guard = new Guard();
  const urls = Array.from({ length: users }, (_, user) => urlOf(user));
  return new ConnectLoad(number => RawClient.dial(urls[number % users]!, json.subprotocol, guard), atOnce, guard);
}

function hubwireUrl(server: ServerProcess, user: number): string {
  return clientUrl(server, { sub: `user-${user}`, role: ['webpubsub.sendToGroup', 'webpubsub.joinLeaveGroup'] });
}

function minimalUrl({ listening }: ServerProcess, user: number): string {
  const claims = { sub: `user-${user}`, role: ['webpubsub.sendToGroup', 'webpubsub.joinLeaveGroup'] };
  return `${listening.public}/?access_token=${tokenFor(listening.public, minimalKey, claims)}`;
}

import { Guard } from '../load/guard.js';
import { dialMany, hangUp, RawClient } from '../load/raw-client.js';
import { RequestLoad } from '../load/request-load.js';
import { type BenchUpstream, startBenchUpstream } from '../load/upstream.js';
import { clientUrl, hub } from '../servers/client-url.js';
import type { Stage } from '../servers/stage.js';
import type { Contender, Pair, Scenario } from './scenario.js';

const clients = 100;
const event = 'tick';
const message = 'x'.repeat(128);
const subprotocol = 'json.webpubsub.azure.v1';

/** Header lines that undici writes by itself. */
const ownHeaders = new Set(['host', 'connection', 'content-length']);

export const clientEvent: Scenario = {
  name: 'event',
  title: `${clients} clients of ${subprotocol}, one ${message.length}-byte event each → POST → 204 → ack`,
  unit: 'acks',
  series: [{ name: `${clients} in flight`, open }],
};

async function open(stage: Stage): Promise<Pair> {
  const upstream = await startBenchUpstream();
  stage.onEnd(() => upstream.close());
  const hubwire = await openHubwire(stage, upstream);
  const minimal = await openMinimal(stage, upstream);
  return { hubwire, minimal };
}

async function openHubwire(stage: Stage, upstream: BenchUpstream): Promise<Contender> {
  const server = await stage.hubwire(`hubs:
  ${hub}:
    webSocketKeepAliveIntervalInSeconds: 120
    eventHandlers:
      - urlTemplate: ${upstream.origin}/events/{event}
        userEventPattern: "*"
`);
  return { server, load: await connect(stage, clientUrl(server, { sub: 'client' }), upstream) };
}

/** Gets the headers of Hubwire's latest event, so that both servers write as many of the same size. */
async function openMinimal(stage: Stage, upstream: BenchUpstream): Promise<Contender> {
  const [requestLine = '', ...lines] = upstream.lastHead().trimEnd().split('\r\n');
  const path = requestLine.split(' ')[1] ?? '/';
  const headers = lines.map(nameAndValue).filter(([name]) => !ownHeaders.has(name.toLowerCase()));
  const server = await stage.minimal('minimal-event.ts', upstream.origin, path, JSON.stringify(headers.flat()));
  return { server, load: await connect(stage, server.listening.public, upstream) };
}

async function connect(stage: Stage, url: string, upstream: BenchUpstream): Promise<RequestLoad> {
  const guard = new Guard();
  const dialled = await dialMany(clients, () => RawClient.dial(url, subprotocol, guard));
  stage.onEnd(() => hangUp(dialled));
  const load = new RequestLoad(dialled, requestOf, guard);
  const before = upstream.events();
  await load.prime(checkAck);
  const asked = upstream.events() - before;
  if (asked !== clients) throw new Error(`${clients} events were acked, but the upstream saw ${asked}`);
  return load;
}

function requestOf(ackId: number): string {
  return JSON.stringify({ type: 'event', event, ackId, dataType: 'text', data: message });
}

function checkAck(ack: string): void {
  const { type, success } = JSON.parse(ack) as { type: unknown; success: unknown };
  if (type !== 'ack' || success !== true) throw new Error(`an event was not acked: ${ack}`);
}

function nameAndValue(line: string): [name: string, value: string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}

import { Guard } from '../load/guard.js';
import { json } from '../load/protocols.js';
import { dialMany, hangUp, RawClient } from '../load/raw-client.js';
import { RequestLoad } from '../load/request-load.js';
import { type BenchUpstream, startBenchUpstream } from '../load/upstream.js';
import type { Stage } from '../servers/stage.js';
import { clientUrl, hub } from '../servers/urls.js';
import { type Contender, type Contest, ofLimit, type Scenario, type Series } from './scenario.js';

const event = 'tick';
const text = 'x'.repeat(128);

/** Header lines that undici writes by itself. */
const ownHeaders = new Set(['host', 'connection', 'content-length']);

export const clientEvent: Scenario = {
  name: 'event',
  title: `clients of ${json.subprotocol}, one ${text.length}-byte event each → POST → 204 → ack`,
  unit: 'acks',
  series: [seriesOf(100), seriesOf(1_000)],
};

function seriesOf(clients: number): Series {
  return {
    name: `${clients} clients`,
    goals: [ofLimit(0.75)],
    isInSmoke: clients === 100,
    open: stage => open(stage, clients),
  };
}

async function open(stage: Stage, clients: number): Promise<Contest> {
  const upstream = await startBenchUpstream();
  stage.onEnd(() => upstream.close());
  const subject = await openHubwire(stage, upstream, clients);
  const limit = await openMinimal(stage, upstream, clients);
  return { subject, limit };
}

/** hubs.yaml whose one event handler gets these events. @param events lines of YAML */
export function handledHub(upstream: BenchUpstream, events: string): string {
  return `hubs:
  ${hub}:
    webSocketKeepAliveIntervalInSeconds: 120
    eventHandlers:
      - urlTemplate: ${upstream.origin}/events/{event}
        ${events}
`;
}

/** What Hubwire was seen to send, so that the minimal loop writes as many headers of the same size. */
export function lastRequest(upstream: BenchUpstream): { path: string; headers: string[]; body: string } {
  const { head, body } = upstream.last();
  const [requestLine = '', ...lines] = head.trimEnd().split('\r\n');
  const headers = lines.map(nameAndValue).filter(([name]) => !ownHeaders.has(name.toLowerCase()));
  return { path: requestLine.split(' ')[1] ?? '/', headers: headers.flat(), body };
}

async function openHubwire(stage: Stage, upstream: BenchUpstream, clients: number): Promise<Contender> {
  const server = await stage.hubwire(handledHub(upstream, 'userEventPattern: "*"'));
  const url = clientUrl(server, { sub: 'client' });
  return { name: 'hubwire', server, load: await connect(stage, url, upstream, clients) };
}

async function openMinimal(stage: Stage, upstream: BenchUpstream, clients: number): Promise<Contender> {
  const { path, headers } = lastRequest(upstream);
  const server = await stage.minimal('minimal-event.ts', upstream.origin, path, JSON.stringify(headers));
  return { name: 'minimal loop', server, load: await connect(stage, server.listening.public, upstream, clients) };
}

async function connect(stage: Stage, url: string, upstream: BenchUpstream, clients: number): Promise<RequestLoad> {
  const guard = new Guard();
  const dialled = await dialMany(clients, () => RawClient.dial(url, json.subprotocol, guard));
  stage.onEnd(() => hangUp(dialled));
  const load = new RequestLoad(dialled, requestOf, guard);
  const before = upstream.events();
  await load.prime(checkAck);
  const asked = upstream.events() - before;
  if (asked !== clients) throw new Error(`${clients} events were acked, but the upstream saw ${asked}`);
  return load;
}

function requestOf(ackId: number): string {
  return JSON.stringify({ type: 'event', event, ackId, dataType: 'text', data: text });
}

/** @throws Error for other than an ack of success */
export function checkAck(ack: Buffer): void {
  const { type, success } = JSON.parse(ack.toString('utf8')) as { type: unknown; success: unknown };
  if (type !== 'ack' || success !== true) throw new Error(`a request was not acked: ${ack.toString('utf8')}`);
}

function nameAndValue(line: string): [name: string, value: string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}

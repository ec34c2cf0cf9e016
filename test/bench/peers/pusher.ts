import { createHash, createHmac } from 'node:crypto';
import { maskedText } from '../load/frames.js';
import type { Guard } from '../load/guard.js';
import { postRequest } from '../load/http-publisher.js';
import { sameLength } from '../load/protocols.js';
import { RawClient } from '../load/raw-client.js';
import { freePort } from '../servers/free-port.js';
import { app } from '../servers/pusher-app.js';
import type { ServerProcess } from '../servers/server-process.js';
import { isNamed, pathNamed, settingsFile } from './named-program.js';
import type { Peer } from './peer.js';

/** Clients publish in private channels only, under names with this beginning. [Pusher › Client events] */
const event = 'client-message';

/**
 * What all have in common that speak the protocol, Hubwire included. A publisher has to be in the channel; what it sends goes to the others.
 * [Pusher channels protocol 7]
 */
export const pusherProtocol = {
  async dial(server, group, _part, guard) {
    const { client, socketId } = await open(server, guard);
    const channel = channelOf(group);
    client.write(subscription(channel, signatureOf(`${socketId}:${channel}`)));
    await hear(client, subscribed, guard);
    return client;
  },
  publish: (group, text) => maskedText(JSON.stringify({ event, channel: channelOf(group), data: text })),
  textOf: message => String(dataOf(message, event)),
  lengthsOf: sameLength,
  sendOverHttp(server, group, text) {
    const body = JSON.stringify({ name: event, channels: [channelOf(group)], data: text });
    const path = `/apps/${app.id}/events`;
    const url = `${server.listening.public}${path}?${signedQuery('POST', path, body)}`;
    return { request: postRequest(url, { 'Content-Type': 'application/json' }, body), status: 200 };
  },
} satisfies Omit<Peer, 'name' | 'isPresent' | 'start'>;

/** It is the client that pings. @param pong what the product answers [Pusher channels protocol 7 › Ping and Pong Messages] */
export function idleClientWith(pong: object): NonNullable<Peer['idleClient']> {
  const ping = JSON.stringify({ event: 'pusher:ping', data: {} });
  const keepAlive = { from: 'client', ping, pong: JSON.stringify(pong) } as const;
  return (server, intervalMs) => ({ url: urlOf(server), isGreeted: true, keepAlive: { ...keepAlive, intervalMs } });
}

export const sockudo: Peer = {
  ...pusherProtocol,
  idleClient: idleClientWith({ event: 'pusher:pong' }),
  name: 'Sockudo',
  isPresent: () => isNamed('HUBWIRE_BENCH_SOCKUDO'),
  async start(stage) {
    const port = await freePort();
    const file = settingsFile(stage, sockudoSettings(port));
    const program = pathNamed('HUBWIRE_BENCH_SOCKUDO');
    return stage.program('Sockudo', [program, '--config', file], port, { RUST_LOG: 'error' });
  },
};

export const soketi: Peer = {
  ...pusherProtocol,
  idleClient: idleClientWith({ event: 'pusher:pong', data: {} }),
  name: 'soketi',
  isPresent: () => isNamed('HUBWIRE_BENCH_SOKETI'),
  async start(stage) {
    const port = await freePort();
    const file = settingsFile(stage, await soketiSettings(port));
    const program = pathNamed('HUBWIRE_BENCH_SOKETI');
    const command = [process.execPath, program, 'start', '--config', file];
    return stage.program('soketi', command, port, { NODE_NO_WARNINGS: '1' }); // of its packages' age
  },
};

/** A member of a presence channel, who comes and goes. */
export interface Member {
  readonly client: RawClient;
  /** Frames that it sends to come and to go. */
  readonly join: Buffer;
  readonly leave: Buffer;
}

/** @returns one that is not in the channel yet */
export async function memberOf(server: ServerProcess, channel: string, userId: string, guard: Guard): Promise<Member> {
  const { client, socketId } = await open(server, guard);
  const channelData = JSON.stringify({ user_id: userId, user_info: {} });
  const signature = signatureOf(`${socketId}:${channel}:${channelData}`);
  const leave = maskedText(JSON.stringify({ event: 'pusher:unsubscribe', data: { channel } }));
  return { client, join: subscription(channel, signature, channelData), leave };
}

const subscribed = 'pusher_internal:subscription_succeeded';

async function open(server: ServerProcess, guard: Guard): Promise<{ client: RawClient; socketId: string }> {
  const client = await RawClient.open(urlOf(server), undefined, guard);
  const greeting = await hear(client, 'pusher:connection_established', guard);
  return { client, socketId: (JSON.parse(String(greeting)) as { socket_id: string }).socket_id };
}

function subscription(channel: string, signature: string, channelData?: string): Buffer {
  const data = { channel, auth: `${app.key}:${signature}`, channel_data: channelData };
  return maskedText(JSON.stringify({ event: 'pusher:subscribe', data }));
}

function urlOf(server: ServerProcess): string {
  return `${server.listening.public}/app/${app.key}?protocol=7`;
}

function signatureOf(text: string): string {
  return createHmac('sha256', app.secret).update(text).digest('hex');
}

/** It holds for ten minutes. The names have to be in this order. [Pusher HTTP API › Authentication] */
function signedQuery(method: string, path: string, body: string): string {
  const seconds = Math.floor(Date.now() / 1_000);
  const md5 = createHash('md5').update(body).digest('hex');
  const query = `auth_key=${app.key}&auth_timestamp=${seconds}&auth_version=1.0&body_md5=${md5}`;
  return `${query}&auth_signature=${signatureOf(`${method}\n${path}\n${query}`)}`;
}

function channelOf(group: string): string {
  return `private-${group}`;
}

/** The next message's data. @throws Error when that message is of another event */
async function hear(client: RawClient, wanted: string, guard: Guard): Promise<unknown> {
  return dataOf(await guard.during(client.next(), 10_000), wanted);
}

function dataOf(message: Buffer, wanted: string): unknown {
  const { event: found, data } = JSON.parse(message.toString('utf8')) as { event: string; data?: unknown };
  if (found !== wanted) throw new Error(`not ${wanted}: ${message}`);
  return data;
}

/** A client event counts against no limit: 0 is none. */
function sockudoSettings(port: number): object {
  const limits = { max_connections: 100_000, max_client_events_per_second: 0 };
  return {
    host: '127.0.0.1',
    port,
    metrics: { enabled: false },
    rate_limiter: { enabled: false },
    // Its pings are messages, which would be taken for deliveries.
    activity_timeout: 3_600,
    app_manager: {
      driver: 'memory',
      array: { apps: [{ ...app, ...limits, enabled: true, enable_client_messages: true }] },
    },
  };
}

/** A client event counts against no limit: -1 is none. It has a port for metrics and one for other nodes, whether used or not. */
async function soketiSettings(port: number): Promise<object> {
  const limits = { maxConnections: -1, maxClientEventsPerSecond: -1 };
  return {
    host: '127.0.0.1',
    port,
    'metrics.host': '127.0.0.1',
    'metrics.port': await freePort(),
    'cluster.address': '127.0.0.1',
    'cluster.unicast': '127.0.0.1',
    'cluster.port': await freePort(),
    'appManager.array.apps': [{ ...app, ...limits, enabled: true, enableClientMessages: true }],
  };
}

import { maskedText } from '../load/frames.js';
import type { Guard } from '../load/guard.js';
import { postRequest } from '../load/http-publisher.js';
import { RawClient } from '../load/raw-client.js';
import { freePort } from '../servers/free-port.js';
import type { ServerProcess } from '../servers/server-process.js';
import { isNamed, pathNamed, settingsFile } from './named-program.js';
import type { Peer, Wanted } from './peer.js';

const variable = 'HUBWIRE_BENCH_CENTRIFUGO';

/** Bytes of the line feed between what comes in one frame. [Centrifugo client protocol › Framing] */
const separator = 1;

/** All publications have one id, so that all answers have one length: a refusal has another. */
const publishId = 3;
const published = JSON.stringify({ id: publishId, publish: {} });

/** An empty command asks whether the other side is there, and answers that it is. [Centrifugo client protocol › Ping Pong] */
const alive = '{}';

const apiKey = 'bench-api-key';

interface Reply {
  readonly error?: unknown;
  readonly push?: { readonly pub?: { readonly data?: unknown } };
}

/** Its JSON protocol over WebSocket; it joins messages into frames by itself. */
export const centrifugo: Peer = {
  name: 'Centrifugo',
  isPresent: () => isNamed(variable),
  async start(stage, wanted = {}) {
    const port = await freePort();
    const file = settingsFile(stage, settings(port, wanted));
    return stage.program('Centrifugo', [pathNamed(variable), '--config', file], port);
  },
  async dial(server, group, part, guard) {
    const client = await come(server, commandFrame(helloWith()), guard);
    if (part === 'subscriber') await ask(client, commandFrame({ id: 2, subscribe: { channel: group } }), guard);
    else client.startCounting({ least: published.length, most: published.length, separator }, () => {});
    return client;
  },
  publish: (group, text) => commandFrame({ id: publishId, publish: { channel: group, data: text } }),
  textOf: message => String(replyOf(message).push?.pub?.data),
  lengthsOf: ({ length }) => ({ least: length, most: length, separator }),
  sendOverHttp(server, group, text) {
    const headers = { 'X-API-Key': apiKey, 'Content-Type': 'application/json' };
    const body = JSON.stringify({ channel: group, data: text });
    return { request: postRequest(`${server.listening.public}/api/publish`, headers, body), status: 200 };
  },
  comer(server, token) {
    const hello = commandFrame(helloWith(token));
    return guard => come(server, hello, guard);
  },
  idleClient: server => ({
    url: urlOf(server),
    isGreeted: false,
    hello: JSON.stringify(helloWith()),
    keepAlive: { from: 'server', ping: alive, pong: alive },
  }),
};

function urlOf(server: ServerProcess): string {
  return `${server.listening.public}/connection/websocket`;
}

/** The first command. @param token undefined: none */
function helloWith(token?: string): object {
  return { id: 1, connect: { token } };
}

function commandFrame(command: object): Buffer {
  return maskedText(JSON.stringify(command));
}

async function come(server: ServerProcess, hello: Buffer, guard: Guard): Promise<RawClient> {
  const client = await RawClient.open(urlOf(server), undefined, guard);
  await ask(client, hello, guard);
  return client;
}

/** @throws Error when the command is refused */
async function ask(client: RawClient, command: Buffer, guard: Guard): Promise<void> {
  client.write(command);
  replyOf(await guard.during(client.next(), 10_000));
}

/** @throws Error when it says that something went wrong */
function replyOf(message: Buffer): Reply {
  const reply = JSON.parse(message.toString('utf8')) as Reply;
  if (reply.error !== undefined) throw new Error(`Centrifugo refused: ${message}`);
  return reply;
}

/** What is allowed to clients is not allowed to anonymous ones, unless both are said. */
const permissions = {
  allow_subscribe_for_client: true,
  allow_subscribe_for_anonymous: true,
  allow_publish_for_client: true,
  allow_publish_for_anonymous: true,
};

/** Everybody whose token, where one is wanted, is good may come in and do what the bench does. */
function settings(port: number, { pingIntervalMs = 3_600_000, tokenKey }: Wanted): object {
  return {
    http_server: { address: '127.0.0.1', port },
    http_api: { key: apiKey },
    log: { level: 'error' },
    usage_stats: { disabled: true },
    client: {
      allow_anonymous_connect_without_token: tokenKey === undefined,
      token: { hmac_secret_key: tokenKey ?? '' },
      ping_interval: `${pingIntervalMs}ms`,
      // It has to be below the interval.
      pong_timeout: `${pingIntervalMs / 2}ms`,
    },
    channel: { without_namespace: permissions },
  };
}

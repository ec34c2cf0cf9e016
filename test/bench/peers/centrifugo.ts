import { maskedText } from '../load/frames.js';
import { RawClient } from '../load/raw-client.js';
import { freePort } from '../servers/free-port.js';
import { isNamed, pathNamed, settingsFile } from './named-program.js';
import type { Peer } from './peer.js';

const variable = 'HUBWIRE_BENCH_CENTRIFUGO';

/** Bytes of the line feed between what comes in one frame. [Centrifugo client protocol › Framing] */
const separator = 1;

/** All publications have one id, so that all answers have one length: a refusal has another. */
const publishId = 3;
const published = JSON.stringify({ id: publishId, publish: {} });

interface Reply {
  readonly error?: unknown;
  readonly push?: { readonly pub?: { readonly data?: unknown } };
}

/** Its JSON protocol over WebSocket; it joins messages into frames by itself. */
export const centrifugo: Peer = {
  name: 'Centrifugo',
  isPresent: () => isNamed(variable),
  async start(stage) {
    const port = await freePort();
    const file = settingsFile(stage, settings(port));
    return stage.program('Centrifugo', [pathNamed(variable), '--config', file], port);
  },
  async dial(server, group, part, guard) {
    const client = await RawClient.open(`${server.listening.public}/connection/websocket`, undefined, guard);
    const ask = async (command: object) => {
      client.write(maskedText(JSON.stringify(command)));
      replyOf(await guard.during(client.next(), 10_000));
    };
    await ask({ id: 1, connect: {} });
    if (part === 'subscriber') await ask({ id: 2, subscribe: { channel: group } });
    else client.startCounting({ least: published.length, most: published.length, separator }, () => {});
    return client;
  },
  publish: (group, text) => maskedText(JSON.stringify({ id: publishId, publish: { channel: group, data: text } })),
  textOf: message => String(replyOf(message).push?.pub?.data),
  lengthsOf: ({ length }) => ({ least: length, most: length, separator }),
};

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

/** Everybody may come in and do what the bench does. */
function settings(port: number): object {
  return {
    http_server: { address: '127.0.0.1', port },
    log: { level: 'error' },
    usage_stats: { disabled: true },
    // Its pings are messages, which would be taken for deliveries.
    client: { allow_anonymous_connect_without_token: true, ping_interval: '1h' },
    channel: { without_namespace: permissions },
  };
}

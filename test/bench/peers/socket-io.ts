import { maskedText } from '../load/frames.js';
import type { Guard } from '../load/guard.js';
import { sameLength } from '../load/protocols.js';
import { RawClient } from '../load/raw-client.js';
import type { ServerProcess } from '../servers/server-process.js';
import type { Peer } from './peer.js';

/** Packet types of Engine.IO: `2` ping, `3` pong, `4` message; of Socket.IO in a message: `0` connect, `2` event. */
const ping = '2';
const pong = '3';
const connect = '40';
const event = '42';

/** Room emit, over WebSockets from the start. */
export const socketIo: Peer = {
  name: 'Socket.IO',
  isPresent: () => true,
  start: (stage, wanted = {}) =>
    stage.script('Socket.IO', new URL('socket-io-server.ts', import.meta.url), JSON.stringify(wanted)),
  dial(server, group, part, guard) {
    const room = part === 'subscriber' ? `&group=${encodeURIComponent(group)}` : '';
    return come(`${urlOf(server)}${room}`, maskedText(connect), guard);
  },
  publish: (group, text) => maskedText(`${event}${JSON.stringify(['publish', group, text])}`),
  textOf(message) {
    const packet = message.toString('utf8');
    if (!packet.startsWith(event)) throw new Error(`not an event: ${packet}`);
    return (JSON.parse(packet.slice(event.length)) as [string, string])[1];
  },
  lengthsOf: sameLength,
  comer(server, token) {
    const hello = maskedText(`${connect}${JSON.stringify({ token })}`);
    return guard => come(urlOf(server), hello, guard);
  },
  idleClient: server => ({
    url: urlOf(server),
    isGreeted: true,
    hello: connect,
    keepAlive: { from: 'server', ping, pong },
  }),
};

function urlOf(server: ServerProcess): string {
  return `${server.listening.public}/socket.io/?EIO=4&transport=websocket`;
}

/** Resolves once the client is in the namespace. @throws Error when it is refused */
async function come(url: string, hello: Buffer, guard: Guard): Promise<RawClient> {
  const client = await RawClient.dial(url, undefined, guard);
  client.write(hello);
  const answer = await guard.during(client.next(), 10_000);
  if (!answer.toString('latin1').startsWith(connect)) throw new Error(`Socket.IO refused: ${answer}`);
  return client;
}

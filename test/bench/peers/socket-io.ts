import { maskedText } from '../load/frames.js';
import { sameLength } from '../load/protocols.js';
import { RawClient } from '../load/raw-client.js';
import type { Peer } from './peer.js';

/** Packet types of Engine.IO and Socket.IO: `4` message, then `0` connect or `2` event. */
const connect = '40';
const event = '42';

/** Room emit, over WebSockets from the start. */
export const socketIo: Peer = {
  name: 'Socket.IO',
  isPresent: () => true,
  start: stage => stage.script('Socket.IO', new URL('socket-io-server.ts', import.meta.url)),
  async dial(server, group, part, guard) {
    const room = part === 'subscriber' ? `&group=${encodeURIComponent(group)}` : '';
    const url = `${server.listening.public}/socket.io/?EIO=4&transport=websocket${room}`;
    const client = await RawClient.dial(url, undefined, guard);
    client.write(maskedText(connect));
    await guard.during(client.next(), 10_000);
    return client;
  },
  publish: (group, text) => maskedText(`${event}${JSON.stringify(['publish', group, text])}`),
  textOf(message) {
    const packet = message.toString('utf8');
    if (!packet.startsWith(event)) throw new Error(`not an event: ${packet}`);
    return (JSON.parse(packet.slice(event.length)) as [string, string])[1];
  },
  lengthsOf: sameLength,
};

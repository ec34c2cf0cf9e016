import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ServerOptions, WebSocketServer } from 'ws';
import { headerOf } from '../listener/header-lines.js';
import { ClientWebSocket } from './client-web-socket.js';
import { closeTimeoutMs } from './socket-outlet.js';

/** Largest message from a client, in bytes; one more is close 1009. [client-protocols 8.1] */
const maxMessageBytes = 1024 * 1024;

/** What the key of a handshake is hashed with. [RFC 6455 1.3] */
const keySuffix = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** An option of ws that its type declarations lack. */
const closing = { closeTimeout: closeTimeoutMs };

/** With ws's own defaults for all others, its limits among them. */
const { options } = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false, // frames are shared by their receivers, so none is compressed for one of them [design 4]
  maxPayload: maxMessageBytes,
  ...closing,
});

/** What ws's own server does with its sockets; its type declarations lack it. */
interface ServerSocket extends ClientWebSocket {
  setSocket(socket: Duplex, head: Buffer, options: ServerOptions): void;
}
const ServerSocket = ClientWebSocket as unknown as new (
  address: null,
  protocols: undefined,
  options: ServerOptions,
) => ServerSocket;

/**
 * ws's part of a client, which reads the socket from the next turn on. Hot path: ws's own server would check again what
 * `checkHandshake` has, and write the response by itself.
 * @param head what came behind the request
 * @returns undefined when the client has left
 */
export function webSocketOn(socket: Duplex, head: Buffer): ClientWebSocket | undefined {
  if (!socket.readable || !socket.writable) {
    socket.destroy();
    return undefined;
  }
  const ws = new ServerSocket(null, undefined, options);
  ws.setSocket(socket, head, options);
  return ws;
}

/**
 * The head of the response that accepts an upgrade. [RFC 6455 4.2.2]
 * @param subprotocol one of those that the client offered, as it spelled it; undefined: none
 */
export function switchingProtocols(request: IncomingMessage, subprotocol: string | undefined): string {
  const accepted = hash('sha1', headerOf(request, 'sec-websocket-key') + keySuffix, 'base64');
  const selected = subprotocol === undefined ? '' : `Sec-WebSocket-Protocol: ${subprotocol}\r\n`;
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accepted}\r\n${selected}\r\n`;
}

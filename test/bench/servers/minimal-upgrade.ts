import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** [RFC 6455 1.3] */
const handshakeGuid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** `{}` as a text frame: the greeting that clients wait for. */
const greeting = Buffer.from([0x81, 2, 0x7b, 0x7d]);

/** A plain HTTP server on a free port that accepts every WebSocket upgrade by hand, and says on stdout where it listens. */
export function acceptUpgrades(onSocket: (socket: Socket, path: string) => void): void {
  const server = createServer((_request, response) => response.writeHead(404).end());
  server.on('upgrade', (request, duplex) => {
    const socket = duplex as Socket;
    socket.on('error', () => socket.destroy());
    socket.setNoDelay(true);
    const key = request.headers['sec-websocket-key'] ?? '';
    const accept = createHash('sha1')
      .update(key + handshakeGuid)
      .digest('base64');
    const head = [
      'HTTP/1.1 101 Switching Protocols',
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Accept: ${accept}`,
      `Sec-WebSocket-Protocol: ${request.headers['sec-websocket-protocol']}`,
      '\r\n',
    ].join('\r\n');
    socket.write(Buffer.concat([Buffer.from(head), greeting]));
    onSocket(socket, request.url ?? '/');
  });
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    process.stdout.write(`${JSON.stringify({ public: `http://127.0.0.1:${port}` })}\n`);
  });
}

/** A text frame as a server sends it. */
export function textFrame(payload: Buffer): Buffer {
  const { length } = payload;
  const header = length < 126 ? Buffer.from([0x81, length]) : Buffer.from([0x81, 126, length >> 8, length & 0xff]);
  return Buffer.concat([header, payload]);
}

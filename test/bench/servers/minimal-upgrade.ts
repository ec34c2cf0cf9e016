import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** [RFC 6455 1.3] */
const handshakeGuid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** `{}` as a text frame: the greeting that clients wait for. */
const greeting = Buffer.from([0x81, 2, 0x7b, 0x7d]);

/** Accepts every WebSocket upgrade of the server by hand. */
export function acceptUpgradesOf(server: Server, onSocket: (socket: Socket, path: string) => void): void {
  server.on('upgrade', (request, duplex) => {
    const socket = duplex as Socket;
    socket.on('error', () => socket.destroy());
    socket.setNoDelay(true);
    const accept = createHash('sha1')
      .update((request.headers['sec-websocket-key'] ?? '') + handshakeGuid)
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
}

/** A plain HTTP server on a free port that does so, and says on stdout where it listens. */
export function acceptUpgrades(onSocket: (socket: Socket, path: string) => void): void {
  const server = createServer((_request, response) => response.writeHead(404).end());
  acceptUpgradesOf(server, onSocket);
  server.listen(0, '127.0.0.1', () => sayListening(server));
}

/** The line that a server process prints once it listens. */
export function sayListening(server: Server): void {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ public: `http://127.0.0.1:${port}` })}\n`);
}

/** A text frame as a server sends it. */
export function textFrame(payload: Buffer): Buffer {
  const { length } = payload;
  const header = length < 126 ? Buffer.from([0x81, length]) : Buffer.from([0x81, 126, length >> 8, length & 0xff]);
  return Buffer.concat([header, payload]);
}

const headerBytes = 8;

/** Calls back with the payload of each frame: masked text frames of 126 bytes to 64 KiB, which is what the bench sends. */
export function readFrames(socket: Socket, onPayload: (payload: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (bytes.length >= headerBytes) {
      const end = headerBytes + bytes.readUInt16BE(2);
      if (bytes.length < end) break;
      onPayload(unmask(bytes, end));
      bytes = bytes.subarray(end);
    }
    rest = bytes;
  });
}

function unmask(bytes: Buffer, end: number): Buffer {
  for (let at = headerBytes; at < end; at += 1) bytes[at]! ^= bytes[4 + ((at - headerBytes) & 3)]!;
  return bytes.subarray(headerBytes, end);
}

const messageHead = Buffer.from(
  '{"type":"message","from":"group","group":"bench","fromUserId":"publisher","dataType":"text","data":"',
);
const messageTail = Buffer.from('"}');
const dataMark = Buffer.from('"data":"');

/** What members of a group hear of a `sendToGroup` request whose last member is `data`, a text. */
export function messageFrame(request: Buffer): Buffer {
  const data = request.subarray(request.indexOf(dataMark) + dataMark.length, request.length - messageTail.length);
  return textFrame(Buffer.concat([messageHead, data, messageTail]));
}

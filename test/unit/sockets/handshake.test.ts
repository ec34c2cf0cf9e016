import type { IncomingMessage } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { switchingProtocols, webSocketOn } from '../../../src/sockets/handshake.js';
import { FakeSocket } from '../../support/fake-socket.js';

/** The example of RFC 6455 1.3. */
const request = { headers: { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' } } as IncomingMessage;

/** A masked text frame of one fragment, whose mask is zero. */
const frame = (text: string) => Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);

describe('[RFC 6455 4.2.2] the response that accepts an upgrade', () => {
  const head = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
  ];

  test('names the hash of the key, and no subprotocol unless one is selected', () => {
    expect(switchingProtocols(request, undefined)).toBe([...head, '', ''].join('\r\n'));
  });

  test('names the selected subprotocol as given', () => {
    const selected = 'Sec-WebSocket-Protocol: Json.Webpubsub.azure.v1';
    expect(switchingProtocols(request, 'Json.Webpubsub.azure.v1')).toBe([...head, selected, '', ''].join('\r\n'));
  });
});

describe('the WebSocket of a socket', () => {
  test('reads first what came behind the request', async () => {
    const socket = new FakeSocket();
    const ws = webSocketOn(socket, frame('early'));
    socket.push(frame('late'));
    const messages: string[] = [];
    ws?.on('message', bytes => void messages.push(String(bytes)));
    await setImmediate();
    expect(messages).toEqual(['early', 'late']);
    expect(socket.writes).toEqual([]);
  });

  test('there is none for a client that has left, and its socket is destroyed', () => {
    const ended = new FakeSocket();
    ended.end();
    expect(webSocketOn(ended, Buffer.alloc(0))).toBeUndefined();
    expect(ended.destroyed).toBe(true);
  });

  test('a message above 1 MiB is refused with 1009', async () => {
    const socket = new FakeSocket();
    const ws = webSocketOn(socket, Buffer.alloc(0));
    const failed = new Promise(resolve => ws?.on('error', resolve));
    const announced = Buffer.alloc(14);
    announced.writeUInt8(0x82, 0);
    announced.writeUInt8(0x80 | 127, 1);
    announced.writeBigUInt64BE(1024n * 1024n + 1n, 2);
    socket.push(announced);
    expect(await failed).toMatchObject({ code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' });
    expect(socket.written).toEqual(Buffer.from([0x88, 2, 0x03, 0xf1]));
  });
});

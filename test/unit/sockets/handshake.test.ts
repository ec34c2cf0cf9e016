import type { IncomingMessage } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { switchingProtocols, webSocketOn } from '../../../src/sockets/handshake.js';
import { FakeSocket } from '../../support/fake-socket.js';

/** The example of RFC 6455 1.3. */
const request = { rawHeaders: ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='] } as IncomingMessage;

/** A masked text frame of one fragment, whose mask is zero. */
const frame = (text: string) => Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);

/** The header of a masked binary frame. */
function announced(bytes: number): Buffer {
  const header = Buffer.alloc(14);
  header.writeUInt8(0x82, 0);
  header.writeUInt8(0x80 | 127, 1);
  header.writeBigUInt64BE(BigInt(bytes), 2);
  return header;
}

/** Our Close frame with 1009. */
const tooLarge = Buffer.from([0x88, 2, 0x03, 0xf1]);

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
    socket.push(announced(1024 * 1024 + 1));
    expect(await failed).toMatchObject({ code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' });
    expect(socket.written).toEqual(tooLarge);
  });

  test('messages may be limited further', async () => {
    const socket = new FakeSocket();
    const ws = webSocketOn(socket, Buffer.alloc(0));
    const failed = new Promise(resolve => ws?.on('error', resolve));
    ws?.limitMessages(1_000);
    socket.push(announced(1_001));
    await failed;
    expect(socket.written).toEqual(tooLarge);
  });

  test('once a Close frame is sent, a message is not put together: it ends the socket', async () => {
    const socket = new FakeSocket();
    const ws = webSocketOn(socket, Buffer.alloc(0));
    ws?.on('error', () => {});
    ws?.close(4001, 'no');
    socket.push(announced(1_000_000));
    await setImmediate();
    expect(socket.written).toEqual(Buffer.from([0x88, 4, 0x0f, 0xa1, 0x6e, 0x6f]));
    expect(socket.writableEnded).toBe(true);
    for (let part = 0; part < 20; part += 1) socket.push(Buffer.alloc(50_000)); // it is read, and dropped
    await setImmediate();
    expect(socket.readableLength).toBe(0);
    socket.destroy();
  });

  test('once a Close frame is sent, short messages and the answer are read', async () => {
    const socket = new FakeSocket();
    const ws = webSocketOn(socket, Buffer.alloc(0));
    const messages: string[] = [];
    ws?.on('message', bytes => void messages.push(String(bytes)));
    const closed = new Promise(resolve => ws?.on('close', resolve));
    ws?.close(4001);
    socket.push(frame('late'));
    socket.push(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x0f, 0xa1]));
    socket.push(null);
    expect(await closed).toBe(4001);
    expect(messages).toEqual(['late']);
  });
});

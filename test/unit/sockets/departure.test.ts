import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { Departure } from '../../../src/sockets/departure.js';

/** A client that asks for an upgrade, its socket on the side of the server, and who watches that. */
async function setup() {
  const { client, socket } = await upgrade();
  const told: string[] = [];
  const leaves = new EventEmitter();
  const left = once(leaves, 'left');
  const departure = new Departure(socket, () => {
    told.push('left');
    leaves.emit('left');
  });
  return { client, socket, told, left, departure };
}

async function upgrade(): Promise<{ client: Socket; socket: Socket }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {});
  const upgraded = once(server, 'upgrade');
  client.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  const [, socket] = (await upgraded) as [unknown, Socket];
  socket.on('error', () => {});
  onTestFinished(() => {
    client.destroy();
    socket.destroy();
    server.close();
  });
  return { client, socket };
}

/** All that somebody listens to on the socket. */
const listeners = (socket: Socket) => ['readable', 'end', 'close'].map(event => socket.listenerCount(event));

test('who stays is not gone, and nobody watches any more', async () => {
  const { socket } = await upgrade();
  const before = listeners(socket);
  const departure = new Departure(socket, () => {
    throw new Error('nobody left');
  });
  expect(departure.isOver()).toBe(false);
  expect(listeners(socket)).toEqual(before);
  expect(socket.destroyed).toBe(false);
});

test('[F4] a departure is told at once, and once', async () => {
  const { client, socket, told, left, departure } = await setup();
  client.end();
  await left;
  expect(departure.isOver()).toBe(true);
  await once(socket, 'close');
  expect(told).toEqual(['left']);
});

test('the end of the stream is noticed although nobody reads, and the socket is let go', async () => {
  const { client, socket, left, departure } = await setup();
  client.end();
  await left;
  expect(socket.destroyed).toBe(false);
  expect(departure.isOver()).toBe(true);
  expect(socket.destroyed).toBe(true);
});

test('so is a socket that breaks', async () => {
  const { client, left, departure } = await setup();
  client.resetAndDestroy();
  await left;
  expect(departure.isOver()).toBe(true);
});

test('a socket that has just broken counts, before its `close` comes', async () => {
  const { socket, departure } = await setup();
  socket.destroy();
  expect(departure.isOver()).toBe(true);
});

test('early bytes stay for whoever reads next', async () => {
  const { client, socket, departure } = await setup();
  const { bytesRead } = socket;
  client.write('early');
  while (socket.bytesRead === bytesRead) await new Promise(setImmediate);
  expect(departure.isOver()).toBe(false);
  expect(String(socket.read())).toBe('early');
});

import { expect, test } from 'vitest';
import { Departure } from '../../../src/sockets/departure.js';
import { settled } from '../../support/fake-ports.js';
import { FakeSocket } from '../../support/fake-socket.js';

function setup() {
  const socket = new FakeSocket();
  const told: string[] = [];
  return { socket, told, departure: new Departure(socket.asSocket, () => void told.push('left')) };
}

/** All that somebody listens to on the socket. */
const listeners = (socket: FakeSocket) => ['readable', 'end', 'close'].map(event => socket.listenerCount(event));

test('who stays is not gone, and nobody watches any more', () => {
  const socket = new FakeSocket();
  const before = listeners(socket);
  const departure = new Departure(socket.asSocket, () => {
    throw new Error('nobody left');
  });
  expect(departure.isOver()).toBe(false);
  expect(listeners(socket)).toEqual(before);
  expect(socket.destroyed).toBe(false);
  socket.destroy();
});

test('[F4] a departure is told at once, and once', async () => {
  const { socket, told, departure } = setup();
  await settled();
  socket.push(null);
  await settled();
  expect(told).toEqual(['left']);
  expect(departure.isOver()).toBe(true);
  await settled(); // its `close` has come
  expect(told).toEqual(['left']);
});

test('the end of the stream is noticed although nobody reads, and the socket is let go', async () => {
  const { socket, departure } = setup();
  await settled();
  socket.push(null);
  await settled();
  expect(departure.isOver()).toBe(true);
  expect(socket.destroyed).toBe(true);
});

test('so is a socket that breaks', async () => {
  const { socket, departure } = setup();
  socket.destroy();
  await settled();
  expect(departure.isOver()).toBe(true);
});

test('a socket that has just broken counts, before its `close` comes', () => {
  const { socket, departure } = setup();
  socket.destroy();
  expect(departure.isOver()).toBe(true);
});

test('early bytes stay for whoever reads next', async () => {
  const { socket, departure } = setup();
  socket.push(Buffer.from('early'));
  await settled();
  expect(departure.isOver()).toBe(false);
  expect(String(socket.read())).toBe('early');
});

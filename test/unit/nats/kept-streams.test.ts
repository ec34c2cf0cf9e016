import { setImmediate } from 'node:timers/promises';
import type { NatsConnection } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { KeptStreams } from '../../../src/nats/kept-streams.js';
import type { LinkListener } from '../../../src/nats/link.js';
import { ManualClock } from '../../support/manual-clock.js';

const lookMs = 5_000;

/** Streams `a` and `b` that a test replaces, as a server tells of them. */
function newStreams() {
  const clock = new ManualClock();
  const connection = { isClosed: () => false } as NatsConnection;
  const seconds = { a: 1, b: 1 };
  const told: string[] = [];
  const listeners: LinkListener[] = [];
  const server: { error?: Error } = {};
  const streams = new KeptStreams({
    link: { connection, listen: listener => () => void listeners.push(listener) },
    clock,
    ensure: async () => {
      told.push('look');
      if (server.error !== undefined) throw server.error;
      for (const [name, second] of Object.entries(seconds)) {
        streams.met({ config: { name }, created: `2026-01-01T00:00:0${second}.123456789Z` });
      }
    },
    onReplaced: () => void told.push('replaced'),
    onProblem: reason => void told.push(reason),
  });
  const look = async () => {
    clock.advance(lookMs);
    for (let turn = 0; turn < 3; turn += 1) await setImmediate();
    return told.splice(0);
  };
  streams.start();
  return { streams, seconds, server, look };
}

test('[CL-006] a stream of the same name that was created later is another one, at the second look', async () => {
  const { seconds, look } = newStreams();
  expect(await look()).toEqual(['look']);
  seconds.a = 2;
  expect(await look()).toEqual(['look']);
  expect(await look()).toEqual(['look', 'replaced']);
  expect(await look()).toEqual(['look']);
});

test('what a server says only once is passed over', async () => {
  const { seconds, look } = newStreams();
  await look();
  for (const second of [2, 1, 2, 1]) {
    seconds.b = second;
    expect(await look()).toEqual(['look']);
  }
});

test('after it was told to forget, the streams that are there are the right ones', async () => {
  const { streams, seconds, look } = newStreams();
  await look();
  seconds.a = 2;
  await look();
  streams.forget();
  expect([await look(), await look()].flat()).toEqual(['look', 'look']);
});

test('a problem is told once for each reason in a row, and the next look comes', async () => {
  const { server, look } = newStreams();
  server.error = new Error('full');
  expect([await look(), await look()].flat()).toEqual(['look', 'full', 'look']);
  delete server.error;
  expect(await look()).toEqual(['look']);
  server.error = new Error('full');
  expect(await look()).toEqual(['look', 'full']);
});

test('it ends', async () => {
  const { streams, look } = newStreams();
  await look();
  streams.stop();
  expect(await look()).toEqual([]);
});

import { setImmediate } from 'node:timers/promises';
import type { JetStreamAccountStats, StreamInfo } from '@nats-io/jetstream';
import { describe, expect, test } from 'vitest';
import type { QueueListener } from '../../../src/outbox/drivers/nats-queue.js';
import { mostBytesOf, NatsRoom, type RoomQueue } from '../../../src/outbox/drivers/nats-room.js';
import { NotKept } from '../../../src/outbox/outbox-error.js';
import { ManualClock } from '../../support/manual-clock.js';

const MB = 1024 * 1024;

const accountOf = (limit: number, storage: number, tiers?: object) =>
  ({ limits: { max_storage: limit }, storage, tiers }) as unknown as JetStreamAccountStats;

const streamOf = (bytes: number, replicas = 1, limit = -1) =>
  ({ config: { num_replicas: replicas, max_bytes: limit }, state: { bytes } }) as unknown as StreamInfo;

describe('what a stream may have', () => {
  test.each([
    ['nothing is limited', accountOf(-1, 5), streamOf(5), Number.POSITIVE_INFINITY],
    ['the stream', accountOf(-1, 5), streamOf(5, 1, 100), 100],
    ['the account, less an eighth and what others have', accountOf(800, 300), streamOf(100), 500],
    ['the account, which counts each replica', accountOf(2_400, 900), streamOf(100, 3), 500],
    ['the account has less than the stream permits', accountOf(800, 300), streamOf(100, 1, 600), 500],
    ['the stream has less than the account permits', accountOf(800, 300), streamOf(100, 1, 400), 400],
    [
      'a tier of the account, which does not count replicas',
      accountOf(0, 0, { R3: { limits: { max_storage: 800 }, storage: 900 } }),
      streamOf(100, 3),
      500,
    ],
  ])('%s', (_what, account, stream, most) => {
    expect(mostBytesOf(account, stream)).toBe(most);
  });
});

describe('the room of a queue', () => {
  /** A stream that may have 64 MiB, of which 8 are kept free. */
  function limited(limit = 64 * MB) {
    const server = { limit, bytes: 0, looks: 0, isAway: false };
    const replica = { size: 0, entries: { size: 0 } };
    const clock = new ManualClock();
    const listeners: QueueListener[] = [];
    const manager = {
      getAccountInfo: async () => {
        server.looks += 1;
        if (server.isAway) throw new Error('away');
        return accountOf(-1, 0);
      },
      streams: { info: async () => streamOf(server.bytes, 1, server.limit) },
    };
    const room = new NatsRoom({
      replica,
      access: { manager },
      options: { stream: 'hw_outbox', clock },
      listen: (listener: QueueListener) => void listeners.push(listener),
    } as unknown as RoomQueue);
    const read = (bytes: number) => listeners[0]!.read?.(bytes);
    return { server, replica, clock, room, read };
  }

  test('is not limited before the first look, nor where the server does not limit it', async () => {
    const { room, replica, read } = limited(-1);
    const isFree = () => {
      room.check(1_000 * MB);
      return [room.isTight, room.isCrowded, room.freeBytes];
    };
    expect(isFree()).toEqual([false, false, 8 * MB]);
    await room.look();
    replica.size = 1_000 * MB;
    read(1_000 * MB);
    expect(isFree()).toEqual([false, false, 8 * MB]);
  });

  test('is for envelopes that need less than half of it, less what is kept free', async () => {
    const { room, replica } = limited();
    await room.look();
    replica.size = 20 * MB;
    room.check(4 * MB);
    expect(() => room.check(4 * MB + 1)).toThrow(NotKept);
    replica.entries.size = Math.ceil((4 * MB) / 400); // each needs something beside its content
    expect(() => room.check(1)).toThrow(/^the queue may have 67108864 bytes in NATS/);
  });

  test('of a small stream, a quarter of it is kept free', async () => {
    const { room } = limited(16 * MB);
    await room.look();
    expect(room.freeBytes).toBe(4 * MB);
    room.check(4 * MB);
    expect(() => room.check(4 * MB + 1)).toThrow(NotKept);
  });

  test('counts what is read since the last look: first it is tight, then nothing is taken, delivered or claimed', async () => {
    const { room, read } = limited();
    await room.look();
    read(55 * MB);
    expect(room.isTight).toBe(false);
    read(MB);
    expect([room.isTight, room.isCrowded]).toEqual([true, false]);
    room.check(1);
    read(5 * MB);
    expect(room.isCrowded).toBe(true);
    expect(() => room.check(1)).toThrow(NotKept);
  });

  test('is not crowded by what the envelopes need, which only deliveries make less', async () => {
    const { room, read, replica } = limited();
    await room.look();
    replica.size = 30 * MB;
    read(62 * MB);
    expect(room.isCrowded).toBe(false);
  });

  test('is looked at again while it is crowded, twice a second; what was read last holds while NATS is away', async () => {
    const { room, read, server, clock } = limited();
    await room.look();
    read(62 * MB);
    expect([room.isCrowded, room.isCrowded, server.looks]).toEqual([true, true, 1]);
    server.isAway = true;
    clock.advance(500);
    expect([room.isCrowded, room.isCrowded, server.looks]).toEqual([true, true, 2]);
    server.isAway = false;
    clock.advance(500);
    expect([room.isCrowded, server.looks]).toEqual([true, 3]);
    await setImmediate();
    expect([room.isTight, room.isCrowded]).toEqual([false, false]);
  });
});

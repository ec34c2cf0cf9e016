import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.js';
import { EventLoopTurn, sliceMs } from '../../../src/sockets/turn.js';
import { settled } from '../../support/fake-ports.js';

describe('a turn', () => {
  test('ends after the input of the turn, and flushes each once, in order', async () => {
    const turn = new EventLoopTurn(systemClock);
    const flushed: string[] = [];
    const add = (name: string) => turn.add({ flush: () => flushed.push(name) });
    add('a');
    await Promise.resolve();
    add('b');
    expect(flushed).toEqual([]);
    await settled();
    expect(flushed).toEqual(['a', 'b']);
    add('c');
    await settled();
    expect(flushed).toEqual(['a', 'b', 'c']);
  });

  test('has one empty run for all to begin with, and the next turn another', async () => {
    const turn = new EventLoopTurn(systemClock);
    const { start } = turn;
    turn.add({ flush: () => 0 });
    expect(turn.start).toBe(start);
    expect(start.count).toBe(0);
    await settled();
    expect(turn.start).not.toBe(start);
  });

  test('runs tasks at its end, and what they bring about leaves in the same turn', async () => {
    const turn = new EventLoopTurn(systemClock);
    const order: string[] = [];
    turn.add({ flush: () => order.push('flush 1') });
    turn.atEnd(() => {
      order.push('task');
      expect(turn.start).toBe(start);
      turn.add({ flush: () => order.push('flush 2') });
    });
    const { start } = turn;
    expect(order).toEqual([]);
    await settled();
    expect(order).toEqual(['task', 'flush 1', 'flush 2']);
    turn.atEnd(() => order.push('another turn'));
    await settled();
    expect(order.at(-1)).toBe('another turn');
  });

  test('runs what its tasks add at the same end', async () => {
    const turn = new EventLoopTurn(systemClock);
    const order: string[] = [];
    turn.add({ flush: () => order.push('sockets') });
    turn.atEnd(() => {
      order.push('task');
      turn.atEnd(() => order.push('its task'));
    });
    await settled();
    expect(order).toEqual(['task', 'its task', 'sockets']);
  });

  test('writes to sockets behind the microtasks of its tasks, in which NATS is written to', async () => {
    const turn = new EventLoopTurn(systemClock);
    const order: string[] = [];
    turn.add({ flush: () => order.push('sockets') });
    turn.atEnd(() => queueMicrotask(() => order.push('NATS')));
    await settled();
    expect(order).toEqual(['NATS', 'sockets']);
  });

  test('[F12] one that has more to write comes behind all others', async () => {
    const turn = new EventLoopTurn(systemClock);
    const flushed: string[] = [];
    const add = (name: string) => turn.add({ flush: () => flushed.push(name) });
    turn.add({
      flush: () => {
        add('first again');
        return flushed.push('first');
      },
    });
    add('second');
    await settled();
    expect(flushed).toEqual(['first', 'second', 'first again']);
  });

  test('[F12] goes on in the next turn of the event loop when its time is over, in order', async () => {
    let nowMs = 0;
    const turn = new EventLoopTurn({ monotonicMs: () => nowMs });
    const flushed: number[] = [];
    const mebibyte = 1024 * 1024;
    for (let index = 0; index < 4 * sliceMs; index += 1) {
      turn.add({
        flush: () => {
          nowMs += 1;
          flushed.push(index);
          return 4 * mebibyte;
        },
      });
    }
    for (const slices of [1, 2, 3]) {
      await settled();
      expect(flushed).toHaveLength(slices * sliceMs);
      turn.add({ flush: () => flushed.push(1_000 + slices) });
    }
    await settled();
    await settled();
    expect(flushed).toEqual([...Array(4 * sliceMs).keys(), 1_001, 1_002, 1_003]);
  });

  test('[F12] counts small writes too, and reads the clock once for many', async () => {
    let [nowMs, readings] = [0, 0];
    const turn = new EventLoopTurn({
      monotonicMs: () => {
        readings += 1;
        return nowMs;
      },
    });
    let flushed = 0;
    for (let index = 0; index < 1_000; index += 1) {
      turn.add({
        flush: () => {
          nowMs += sliceMs / 100;
          flushed += 1;
          return 100;
        },
      });
    }
    await settled();
    expect(flushed).toBeGreaterThanOrEqual(100);
    expect(flushed).toBeLessThan(120);
    expect(readings).toBeLessThan(10);
    for (let turns = 0; turns < 10; turns += 1) await settled();
    expect(flushed).toBe(1_000);
  });

  test('ends again after one that throws', async () => {
    const turn = new EventLoopTurn(systemClock);
    const thrown = new Promise(resolve => process.once('uncaughtException', resolve));
    const flushed: string[] = [];
    turn.add({
      flush: () => {
        throw new Error('broken');
      },
    });
    await thrown;
    turn.add({ flush: () => flushed.push('next') });
    await settled();
    expect(flushed).toEqual(['next']);
  });
});

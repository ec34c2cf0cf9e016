import { describe, expect, test } from 'vitest';
import { EventLoopTurn } from '../../../src/sockets/turn.js';
import { settled } from '../../support/fake-ports.js';

describe('a turn', () => {
  test('ends after the input of the turn, and flushes each once, in order', async () => {
    const turn = new EventLoopTurn();
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
    const turn = new EventLoopTurn();
    const { start } = turn;
    turn.add({ flush: () => {} });
    expect(turn.start).toBe(start);
    expect(start.count).toBe(0);
    await settled();
    expect(turn.start).not.toBe(start);
  });

  test('runs tasks at its end, and what they bring about leaves in the same turn', async () => {
    const turn = new EventLoopTurn();
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

  test('what is added while it ends belongs to the next', async () => {
    const turn = new EventLoopTurn();
    const flushed: string[] = [];
    turn.add({
      flush: () => {
        flushed.push('first');
        turn.add({ flush: () => flushed.push('second') });
      },
    });
    turn.add({ flush: () => flushed.push('third') });
    await settled();
    expect(flushed).toEqual(['first', 'third']);
    await settled();
    expect(flushed).toEqual(['first', 'third', 'second']);
  });
});

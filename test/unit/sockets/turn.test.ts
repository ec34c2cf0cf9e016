import { describe, expect, test } from 'vitest';
import { Turn } from '../../../src/sockets/turn.js';
import { settled } from '../../support/fake-ports.js';

describe('a turn', () => {
  test('ends after the input of the turn, and flushes each once, in order', async () => {
    const turn = new Turn();
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
    const turn = new Turn();
    const { start } = turn;
    turn.add({ flush: () => {} });
    expect(turn.start).toBe(start);
    expect(start.length).toBe(0);
    await settled();
    expect(turn.start).not.toBe(start);
  });

  test('what is added while it ends belongs to the next', async () => {
    const turn = new Turn();
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

import { describe, expect, test } from 'vitest';
import { Frame } from '../../../src/protocols/codec.js';
import { Joiner, Turn } from '../../../src/sockets/turn.js';
import { wireOf } from '../../../src/sockets/wire.js';
import { settled } from '../../support/fake-ports.js';

const frame = (text: string) => new Frame(false, Buffer.from(text));

describe('a turn', () => {
  test('ends after the input of the turn, and flushes each once, in order, with one joiner', async () => {
    const turn = new Turn();
    const flushed: [string, Joiner][] = [];
    const add = (name: string) => turn.add({ flush: joiner => flushed.push([name, joiner]) });
    add('a');
    await Promise.resolve();
    add('b');
    expect(flushed).toEqual([]);
    await settled();
    expect(flushed.map(([name]) => name)).toEqual(['a', 'b']);
    expect(new Set(flushed.map(([, joiner]) => joiner)).size).toBe(1);
    add('c');
    await settled();
    expect(flushed.map(([name]) => name)).toEqual(['a', 'b', 'c']);
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

describe('[design 4] joining', () => {
  const [a, b] = [frame('a'), frame('b')];

  test('one frame is its own wire bytes, however long', () => {
    const long = new Frame(true, Buffer.alloc(1024 * 1024));
    expect(new Joiner().join([long], long.bytes.length)).toBe(wireOf(long));
  });

  test('several are copied together, in order', () => {
    expect(new Joiner().join([a, b, a], 3)).toEqual(Buffer.from('\x81\x01a\x81\x01b\x81\x01a', 'latin1'));
  });

  test('receivers with the same run share the Buffer, others do not', () => {
    const joiner = new Joiner();
    const first = joiner.join([a, b], 2);
    expect(joiner.join([a, b], 2)).toBe(first);
    for (const run of [
      [b, a],
      [a, b, a],
      [a, frame('b')],
    ]) {
      const joined = joiner.join(run, run.length);
      expect(joined).not.toBe(first);
      expect(joined).toEqual(Buffer.concat(run.map(wireOf)));
    }
  });

  test('above 256 KiB nothing is copied', () => {
    const half = new Frame(true, Buffer.alloc(128 * 1024));
    expect(new Joiner().join([half, half], 256 * 1024)).toBeInstanceOf(Buffer);
    expect(new Joiner().join([half, half, a], 256 * 1024 + 1)).toBeUndefined();
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ReplayBuffer } from '../../../src/hub/replay.js';
import { Frame, type Stamp } from '../../../src/protocols/codec.js';

const never = Number.POSITIVE_INFINITY;

/** A message that is its id and its own text, filled up to so many bytes. */
function stamp(text: string, bytes = 0): Stamp {
  return { frame: id => new Frame(false, Buffer.from(`${id} ${text}`.padEnd(bytes))) };
}

function filled(messages: number, bytesEach = 0): ReplayBuffer {
  const buffer = new ReplayBuffer();
  for (let count = 0; count < messages; count += 1) buffer.add(stamp('x', bytesEach), never);
  return buffer;
}

const texts = (buffer: ReplayBuffer, nowMs = 0) => buffer.unacked(nowMs).map(({ bytes }) => bytes.toString());

describe('[client-protocols 5.1] what is kept until it is acknowledged', () => {
  test('[CP-076] ids begin at 1 and leave nothing out, whatever is released meanwhile', () => {
    const buffer = new ReplayBuffer();
    const ids = ['a', 'b', 'c', 'd'].map(text => {
      const frame = buffer.add(stamp(text), never);
      if (text === 'c') buffer.release(3n);
      return frame?.bytes.toString();
    });
    expect(ids).toEqual(['1 a', '2 b', '3 c', '4 d']);
  });

  test('[CP-077] is there in order, as the very frames that were sent, as often as it is asked for', () => {
    const buffer = new ReplayBuffer();
    const sent = ['a', 'b', 'c'].map(text => buffer.add(stamp(text), never));
    expect(buffer.unacked(0)).toEqual(sent);
    expect(buffer.unacked(0)[2]).toBe(sent[2]);
    expect(buffer.unacked(0)).toHaveLength(3);
  });

  test('[CP-078] an ack releases all ids up to its own; an old one releases nothing', () => {
    const buffer = filled(5);
    buffer.release(3n);
    expect(texts(buffer)).toEqual(['4 x', '5 x']);
    for (const old of [0n, 1n, 3n]) buffer.release(old);
    expect(texts(buffer)).toEqual(['4 x', '5 x']);
  });

  test.each([5n, 6n, 2n ** 64n - 1n])('[CP-078] an ack of %s, the last id or beyond it, releases everything', id => {
    const buffer = filled(5);
    buffer.release(id);
    expect([buffer.size, texts(buffer)]).toEqual([0, []]);
    expect(buffer.add(stamp('y'), never)?.bytes.toString()).toBe('6 y');
  });

  test('an ack before anything was sent does no harm', () => {
    const buffer = new ReplayBuffer();
    buffer.release(10n);
    expect(buffer.add(stamp('a'), never)?.bytes.toString()).toBe('1 a');
    expect(buffer.size).toBe(1);
  });

  test('[CP-089] 1000 messages, not one more; each ack makes room again', () => {
    const buffer = filled(1_000);
    expect(buffer.size).toBe(1_000);
    expect(buffer.add(stamp('y'), never)).toBeUndefined();
    expect(buffer.size).toBe(1_000);
    buffer.release(2n);
    expect(buffer.add(stamp('y'), never)?.bytes.toString()).toBe('1001 y');
    expect(buffer.add(stamp('z'), never)?.bytes.toString()).toBe('1002 z');
    expect(buffer.add(stamp('y'), never)).toBeUndefined();
  });

  test('[CP-090] 16 MiB, not one byte more; each ack gives its bytes back', () => {
    const mebibyte = 1024 * 1024;
    const buffer = filled(16, mebibyte);
    expect(buffer.size).toBe(16);
    expect(buffer.add(stamp('', 4), never)).toBeUndefined();
    buffer.release(1n);
    expect(buffer.add(stamp('', mebibyte + 1), never)).toBeUndefined();
    expect(buffer.add(stamp('', mebibyte), never)).toBeDefined();
    expect(buffer.size).toBe(16);
  });

  test('[RA-039] [client-protocols D39] what has expired is left out, and the others keep their ids', () => {
    const buffer = new ReplayBuffer();
    for (const [text, expiresAtMs] of [
      ['a', 1_000],
      ['b', never],
      ['c', 2_000],
      ['d', 1_000],
    ] as const) {
      buffer.add(stamp(text), expiresAtMs);
    }
    expect(texts(buffer, 999)).toEqual(['1 a', '2 b', '3 c', '4 d']);
    expect(texts(buffer, 1_000)).toEqual(['2 b', '3 c']);
    expect(texts(buffer, 2_000)).toEqual(['2 b']);
    expect(buffer.add(stamp('e'), never)?.bytes.toString()).toBe('5 e');
  });

  test('[CP-076] [CP-078] [CP-089] whatever is sent and acked, it holds what a plain list would', () => {
    const step = fc.oneof(
      fc.record({ add: fc.integer({ min: 1, max: 400 }) }),
      fc.record({ back: fc.integer({ min: -5, max: 800 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), steps => {
        const buffer = new ReplayBuffer();
        let [last, acked] = [0, 0];
        for (const { add = 0, back } of steps as { add?: number; back?: number }[]) {
          for (let count = 0; count < add; count += 1) {
            const isKept = buffer.add(stamp('x'), never) !== undefined;
            expect(isKept).toBe(last - acked < 1_000);
            if (isKept) last += 1;
          }
          if (back !== undefined) {
            const id = Math.max(0, last - back);
            buffer.release(BigInt(id));
            acked = Math.max(acked, Math.min(id, last));
          }
          expect(texts(buffer)).toEqual(Array.from({ length: last - acked }, (_, at) => `${acked + at + 1} x`));
        }
      }),
      { numRuns: 30 },
    );
  });
});

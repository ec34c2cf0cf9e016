import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AckMemory, ReplayBuffer } from '../../../src/hub/replay.js';
import { Frame, type Stamp } from '../../../src/protocols/codec.js';

test('[CP-059] an id that succeeded is known, 0 and 2^64-1 too', () => {
  const memory = new AckMemory();
  for (const id of [0n, 1n, 2n ** 64n - 1n]) {
    expect(memory.has(id)).toBe(false);
    memory.remember(id);
    expect(memory.has(id)).toBe(true);
  }
});

test('[CP-061] the last 1000 are known; the 1001st later one makes the oldest unknown', () => {
  const memory = new AckMemory();
  memory.remember(5_000n);
  for (let id = 0n; id < 999n; id += 1n) memory.remember(id);
  expect(memory.has(5_000n)).toBe(true);
  memory.remember(999n);
  expect(memory.has(5_000n)).toBe(false);
  expect(memory.has(0n)).toBe(true);
  memory.remember(1_000n);
  expect(memory.has(0n)).toBe(false);
  expect(memory.has(1n)).toBe(true);
  expect(memory.has(1_000n)).toBe(true);
});

test('[CP-058] [CP-059] ids on both sides of 2^53 are told apart', () => {
  const memory = new AckMemory();
  const ids = [-1n, 0n, 1n, 2n].map(step => 2n ** 53n + step);
  for (const [index, id] of ids.entries()) {
    expect(ids.map(other => memory.has(other))).toEqual(ids.map((_, at) => at < index));
    memory.remember(id);
  }
});

test('[CP-061] whatever the order of ids, it knows the last 1000 different ones', () => {
  const id = fc.oneof(fc.bigInt({ min: 0n, max: 1_500n }), fc.bigInt({ min: 2n ** 53n - 2n, max: 2n ** 53n + 2n }));
  const ids = fc.array(id, { minLength: 1_000, maxLength: 5_000, size: 'max' });
  fc.assert(
    fc.property(ids, arriving => {
      const [memory, model] = [new AckMemory(), new Set<bigint>()];
      for (const ackId of arriving) {
        if (memory.has(ackId) !== model.has(ackId)) throw new Error(`${ackId} is known: ${memory.has(ackId)}`);
        if (!model.has(ackId)) memory.remember(ackId);
        model.add(ackId);
        const [oldest] = model;
        if (model.size > 1_000 && oldest !== undefined) model.delete(oldest);
      }
    }),
    { numRuns: 20 },
  );
});

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

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BodyBatch } from '../../../../src/hub/delivery/batch.js';
import type { ReplayBuffer } from '../../../../src/hub/delivery/replay-buffer.js';
import { add, batchOf, body, carriedOver, never, replayBuffer, textsOf } from '../../../support/bodies.js';

function filled(messages: number, bytesEach = 0): ReplayBuffer {
  const buffer = replayBuffer();
  for (let count = 0; count < messages; count += 1) add(buffer, body('x', bytesEach));
  return buffer;
}

const texts = (buffer: ReplayBuffer, nowMs = 0) =>
  buffer
    .unacked(() => nowMs)
    .each()
    .map(({ bytes }) => bytes.toString());

describe('[client-protocols 5.1] what is kept until it is acknowledged', () => {
  test('[CP-076] ids begin at 1 and leave nothing out, whatever is released meanwhile', () => {
    const buffer = replayBuffer();
    const ids = ['a', 'b', 'c', 'd'].map(text => {
      const kept = add(buffer, body(text));
      if (text === 'c') buffer.release(3n);
      return kept;
    });
    expect(ids).toEqual(['1 a', '2 b', '3 c', '4 d']);
  });

  test('[CP-077] is there in order, as it was sent, as often as it is asked for', () => {
    const buffer = replayBuffer();
    const sent = ['a', 'b', 'c'].map(text => add(buffer, body(text)));
    expect(sent).toEqual(['1 a', '2 b', '3 c']);
    expect([texts(buffer), texts(buffer)]).toEqual([sent, sent]);
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
    expect(add(buffer, body('y'))).toBe('6 y');
  });

  test('an ack before anything was sent does no harm', () => {
    const buffer = replayBuffer();
    buffer.release(10n);
    expect(add(buffer, body('a'))).toBe('1 a');
    expect(buffer.size).toBe(1);
  });

  test('[CP-089] 1000 messages, not one more; each ack makes room again', () => {
    const buffer = filled(1_000);
    expect(buffer.size).toBe(1_000);
    expect(add(buffer, body('y'))).toBeUndefined();
    expect(buffer.size).toBe(1_000);
    buffer.release(2n);
    expect(add(buffer, body('y'))).toBe('1001 y');
    expect(add(buffer, body('z'))).toBe('1002 z');
    expect(add(buffer, body('y'))).toBeUndefined();
  });

  test('[CP-090] 16 MiB, not one byte more; each ack gives its bytes back', () => {
    const mebibyte = 1024 * 1024;
    const buffer = filled(16, mebibyte);
    expect(buffer.size).toBe(16);
    expect(add(buffer, body('', 4))).toBeUndefined();
    buffer.release(1n);
    expect(add(buffer, body('', mebibyte + 1))).toBeUndefined();
    expect(add(buffer, body('', mebibyte))).toBeDefined();
    expect(buffer.size).toBe(16);
  });

  test('[RA-039] [client-protocols D39] what has expired is left out, and the others keep their ids', () => {
    const buffer = replayBuffer();
    for (const [text, expiresAtMs] of [
      ['a', 1_000],
      ['b', never],
      ['c', 2_000],
      ['d', 1_000],
    ] as const) {
      add(buffer, body(text), expiresAtMs);
    }
    expect(texts(buffer, 999)).toEqual(['1 a', '2 b', '3 c', '4 d']);
    expect(texts(buffer, 1_000)).toEqual(['2 b', '3 c']);
    expect(texts(buffer, 2_000)).toEqual(['2 b']);
    expect(add(buffer, body('e'))).toBe('5 e');
  });

  test('[CP-076] [CP-078] [CP-089] whatever is sent and acked, it holds what a plain list would', () => {
    const step = fc.oneof(
      fc.record({ add: fc.integer({ min: 1, max: 400 }) }),
      fc.record({ batch: fc.integer({ min: 1, max: 400 }) }),
      fc.record({ back: fc.integer({ min: -5, max: 800 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), steps => {
        const buffer = replayBuffer();
        let [last, acked] = [0, 0];
        const expectKept = (kept: number, offered: number) => {
          expect(kept).toBe(Math.min(offered, 1_000 - (last - acked)));
          last += kept;
        };
        for (const { add: singles = 0, batch = 0, back } of steps as {
          add?: number;
          batch?: number;
          back?: number;
        }[]) {
          for (let count = 0; count < singles; count += 1) {
            expectKept(add(buffer, body('x')) === undefined ? 0 : 1, 1);
          }
          if (batch > 0) expectKept(buffer.add(batchOf(Array<string>(batch).fill('x'))).length, batch);
          if (back !== undefined) {
            const id = Math.max(0, last - back);
            buffer.release(BigInt(id));
            acked = Math.max(acked, Math.min(id, last));
          }
          expect(buffer.size).toBe(last - acked);
          expect(texts(buffer)).toEqual(Array.from({ length: last - acked }, (_, at) => `${acked + at + 1} x`));
        }
      }),
      { numRuns: 30 },
    );
  });

  test('[CP-089] [CP-090] of a batch that is too large, the first messages are kept', () => {
    const buffer = filled(998);
    const kept = buffer.add(batchOf(['a', 'b', 'c']));
    expect(textsOf(kept, 999)).toEqual(['999 a', '1000 b']);
    expect(texts(buffer).slice(-2)).toEqual(['999 a', '1000 b']);
    const large = filled(15, 1024 * 1024);
    const half = { body: body('', 512 * 1024), expiresAtMs: never };
    expect(large.add(new BodyBatch([half, half, half])).length).toBe(2);
  });

  test('[RA-039] the messages of one batch expire each at its own time', () => {
    const buffer = replayBuffer();
    const messages = [2_000, 1_000, never].map((expiresAtMs, index) => ({ body: body(`${index}`), expiresAtMs }));
    buffer.add(new BodyBatch(messages));
    expect(texts(buffer, 1_000)).toEqual(['1 0', '3 2']);
    buffer.release(1n);
    expect(texts(buffer, 0)).toEqual(['2 1', '3 2']);
  });

  test('a batch that has forgotten its frames makes the same ones again', () => {
    const batch = batchOf(['a', 'b']);
    const frames = batch.framesFrom(7);
    expect(batch.framesFrom(7)).toBe(frames);
    batch.forgetFrames();
    expect(batch.framesFrom(7)).not.toBe(frames);
    expect(batch.framesFrom(7).wire()).toEqual(frames.wire());
  });

  test('sessions that share a batch release it each at its own pace', () => {
    const [behind, ahead] = [replayBuffer(), filled(1)];
    const batch = batchOf(['a', 'b', 'c']);
    for (const buffer of [behind, ahead]) buffer.add(batch);
    ahead.release(3n);
    expect([texts(behind), texts(ahead)]).toEqual([['1 a', '2 b', '3 c'], ['4 c']]);
    behind.release(1n);
    expect([texts(behind), texts(ahead)]).toEqual([['2 b', '3 c'], ['4 c']]);
  });
});

describe('[F1] a replay is read from the buffer as it is sent', () => {
  /** What is sent again, one message at a time. */
  const replaying = (buffer: ReplayBuffer, nowMs: () => number = () => 0) => {
    const frames = buffer.unacked(nowMs);
    const parts = frames.parts()[Symbol.iterator]();
    const next = () => {
      const { value, done } = parts.next();
      return done === true
        ? undefined
        : value
            .each()
            .map(({ bytes }) => bytes.toString())
            .join();
    };
    return { frames, next };
  };

  test('[CP-078] what is acknowledged meanwhile is left out, of a batch too', () => {
    const buffer = filled(2);
    buffer.add(batchOf(['a', 'b', 'c', 'd']));
    buffer.add(batchOf(['e']));
    const { next } = replaying(buffer);
    expect(next()).toBe('1 x');
    buffer.release(4n);
    expect(next()).toBe('5 c');
    buffer.release(2n);
    expect([next(), next(), next()]).toEqual(['6 d', '7 e', undefined]);
  });

  test('an ack of all, or beyond, ends it', () => {
    for (const id of [5n, 2n ** 64n - 1n]) {
      const buffer = filled(5);
      const { next } = replaying(buffer);
      next();
      buffer.release(id);
      add(buffer, body('y'));
      expect(next()).toBeUndefined();
    }
  });

  test('[RA-039] what expires meanwhile is left out', () => {
    const buffer = replayBuffer();
    let nowMs = 0;
    for (const expiresAtMs of [1_000, never, 1_000, 2_000]) add(buffer, body('x'), expiresAtMs);
    const { next } = replaying(buffer, () => nowMs);
    expect(next()).toBe('1 x');
    nowMs = 1_000;
    expect([next(), next(), next()]).toEqual(['2 x', '4 x', undefined]);
  });

  test('what is added meanwhile is no part of it: it comes behind, by itself', () => {
    const buffer = filled(2);
    const { frames, next } = replaying(buffer);
    add(buffer, body('live'));
    expect([frames.count, next(), next(), next()]).toEqual([2, '1 x', '2 x', undefined]);
    expect(frames.each().map(({ bytes }) => bytes.toString())).toEqual(['1 x', '2 x']);
  });

  test('each replay begins anew, as after a second loss', () => {
    const buffer = filled(3);
    const first = replaying(buffer);
    first.next();
    const second = replaying(buffer);
    expect([second.next(), first.next(), second.next(), second.next(), second.next()]).toEqual([
      '1 x',
      '2 x',
      '2 x',
      '3 x',
      undefined,
    ]);
  });

  test('[CP-076] whatever is acked and sent in between, it sends each message once, in order, from the first unacked on', () => {
    const step = fc.oneof(
      fc.record({ take: fc.integer({ min: 1, max: 30 }) }),
      fc.record({ ack: fc.integer({ min: 0, max: 120 }) }),
      fc.record({ batch: fc.integer({ min: 1, max: 40 }) }),
    );
    const sizes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(sizes, fc.array(step, { maxLength: 30 }), (batches, steps) => {
        const buffer = replayBuffer();
        for (const size of batches) buffer.add(batchOf(Array<string>(size).fill('x')));
        const last = buffer.nextId - 1;
        const { next } = replaying(buffer);
        let [sent, acked] = [0, 0];
        const take = () => {
          const expected = Math.max(sent, acked) + 1;
          expect(next()).toBe(expected > last ? undefined : `${expected} x`);
          sent = Math.min(expected, last);
        };
        for (const { take: count = 0, ack, batch = 0 } of steps as { take?: number; ack?: number; batch?: number }[]) {
          for (let taken = 0; taken < count; taken += 1) take();
          if (ack !== undefined) {
            buffer.release(BigInt(ack));
            acked = Math.max(acked, Math.min(ack, buffer.nextId - 1));
          }
          if (batch > 0) buffer.add(batchOf(Array<string>(batch).fill('live')));
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('a record', () => {
  test('replays, numbers, keeps and refuses what the buffer does, whatever follows', () => {
    const step = fc.oneof(
      fc.record({ texts: fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 300 }), ttlMs: fc.nat(50) }),
      fc.record({ release: fc.integer({ min: -10, max: 310 }) }),
      fc.record({ passMs: fc.nat(30) }),
      fc.record({ state: fc.constantFrom('x', 'y', undefined), group: fc.constantFrom('g', 'h') }),
    );
    const offsetMs = 500_000;
    const run = (steps: readonly Partial<Record<string, unknown>>[], at: number) => {
      const original = replayBuffer();
      let copy: ReplayBuffer | undefined;
      let nowMs = 0;
      for (const [index, each] of steps.entries()) {
        if (index === at) copy = carriedOver(original, nowMs, nowMs + offsetMs);
        nowMs += (each.passMs as number | undefined) ?? 0;
        const results = [original, copy].map((buffer, isCopy) => {
          const expiresAtMs = nowMs + isCopy * offsetMs + ((each.ttlMs as number | undefined) ?? 0);
          if (each.release !== undefined)
            buffer?.release(BigInt(Math.max(0, buffer.nextId - (each.release as number))));
          if (each.texts !== undefined) return buffer?.add(batchOf(each.texts as string[], expiresAtMs)).length;
          if (each.group === undefined || buffer === undefined) return undefined;
          const about = { group: each.group as string, connectionId: each.state as string | undefined };
          return add(buffer, body('s'), never, about);
        });
        if (copy === undefined) continue;
        expect(results[1]).toBe(results[0]);
        expect([copy.nextId, copy.size]).toEqual([original.nextId, original.size]);
        expect(texts(copy, nowMs + offsetMs)).toEqual(texts(original, nowMs));
      }
    };
    const runs = fc
      .array(step, { minLength: 2, maxLength: 12 })
      .chain(steps => fc.integer({ min: 0, max: steps.length - 1 }).map(at => ({ steps, at })));
    fc.assert(
      fc.property(runs, ({ steps, at }) => run(steps, at)),
      { numRuns: 200 },
    );
  });

  test('tells how long a message is still good for', () => {
    const buffer = filled(1);
    add(buffer, body('a'), 5_000);
    expect(buffer.record(2_000).unacked.map(({ ttlMs }) => ttlMs)).toEqual([undefined, 3_000]);
    expect(texts(carriedOver(buffer, 2_000, 100_000), 102_999)).toEqual(['1 x', '2 a']);
    expect(texts(carriedOver(buffer, 2_000, 100_000), 103_000)).toEqual(['1 x']);
  });
});

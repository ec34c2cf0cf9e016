import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AckMemory } from '../../../../src/protocols/webpubsub/ack-memory.js';

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

/** What it should do, done simply. @throws Error at the first id about which the two differ */
function compareWithModel(arriving: readonly bigint[]): void {
  const [memory, model] = [new AckMemory(), new Set<bigint>()];
  for (const ackId of arriving) {
    if (memory.has(ackId) !== model.has(ackId)) throw new Error(`${ackId} is known: ${memory.has(ackId)}`);
    if (!model.has(ackId)) memory.remember(ackId);
    model.add(ackId);
    const [oldest] = model;
    if (model.size > 1_000 && oldest !== undefined) model.delete(oldest);
  }
}

test('[CP-061] whatever the order of ids, it knows the last 1000 different ones', () => {
  const id = fc.oneof(fc.bigInt({ min: 0n, max: 1_500n }), fc.bigInt({ min: 2n ** 53n - 2n, max: 2n ** 53n + 2n }));
  const ids = fc.array(id, { minLength: 1_000, maxLength: 5_000, size: 'max' });
  fc.assert(fc.property(ids, compareWithModel), { numRuns: 20 });
});

test('[CP-061] the same for ids that count upwards, with jumps and repetitions', () => {
  const stretch = fc.record({ first: fc.integer({ min: 0, max: 3_000 }), count: fc.integer({ min: 1, max: 1_200 }) });
  const stretches = fc.array(stretch, { minLength: 1, maxLength: 12, size: 'max' });
  const idsOf = ({ first, count }: { first: number; count: number }) =>
    Array.from({ length: count }, (_, index) => BigInt(first + index));
  fc.assert(
    fc.property(stretches, all => compareWithModel(all.flatMap(idsOf))),
    { numRuns: 100 },
  );
});

test('[property] a memory made from a record, at any time, answers and forgets as the first one does', () => {
  const ids = fc.array(fc.oneof(fc.bigInt({ min: 0n, max: 1_500n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })), {
    maxLength: 40,
  });
  const span = fc.record({ from: fc.bigInt({ min: 0n, max: 3_000n }), count: fc.nat(1_200) });
  fc.assert(
    fc.property(ids, span, ids, (before, { from, count }, after) => {
      const memory = new AckMemory();
      for (const id of before) memory.remember(id);
      for (let id = from; id < from + BigInt(count); id += 1n) memory.remember(id);
      const copy = AckMemory.from(JSON.parse(JSON.stringify(memory.record())));
      for (const id of after) {
        memory.remember(id);
        copy.remember(id);
      }
      expect(copy.record()).toEqual(memory.record());
      for (const id of [...before, ...after, from, from + BigInt(count)]) expect(copy.has(id)).toBe(memory.has(id));
    }),
    { numRuns: 200 },
  );
});

test.each([
  undefined,
  {},
  [['1']],
  [[1, 2]],
  [['1', '-2']],
  [['1', '18446744073709551616']],
  [['1', '1001']],
  [
    ['1', '1000'],
    ['2000', '2000'],
  ],
])('%j is not a record', record => {
  expect(() => AckMemory.from(record)).toThrow(expect.objectContaining({ kind: 'internal' }));
});

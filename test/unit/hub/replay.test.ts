import { expect, test } from 'vitest';
import { AckMemory } from '../../../src/hub/replay.js';

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

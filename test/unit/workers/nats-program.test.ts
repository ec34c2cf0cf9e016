import { expect, test } from 'vitest';
import { findNatsProgram, isNewEnough } from '../../../src/workers/nats-program.js';

test.each([
  ['2.9.10', true],
  ['2.9.11', true],
  ['2.10.0', true],
  ['3.0.0', true],
  ['2.9.9', false],
  ['2.8.30', false],
  ['1.10.11', false],
])('[cluster 1.1] nats-server %s is new enough: %s', (version, isEnough) => {
  expect(isNewEnough(version)).toBe(isEnough);
});

test('one that is named and cannot be used is an error that names the variable', async () => {
  const named = { text: process.execPath, name: 'HUBWIRE_NATS_SERVER' };
  await expect(findNatsProgram(named)).rejects.toThrow(
    /\(HUBWIRE_NATS_SERVER\) is no nats-server that can be run; name one that is 2\.9\.10 or newer$/,
  );
});

test('without one that is named, the first place that has one is taken; none is no error', async () => {
  expect(await findNatsProgram(undefined, ['/nowhere/nats-server', process.execPath])).toBeUndefined();
});

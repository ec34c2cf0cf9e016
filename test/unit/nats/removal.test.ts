import { expect, test } from 'vitest';
import { repeatsPurges } from '../../../src/nats/removal.js';

test.each([
  ['2.9.10', true],
  ['2.9.17', true],
  ['2.8.4', true],
  ['1.99.0', true],
  ['2.9.18', false],
  ['2.9.18-RC.1', false],
  ['2.10.0', false],
  ['2.15.3', false],
  ['3.0.0', false],
])('a nats-server %s of a cluster that was killed repeats its purges as others: %s', (version, does) => {
  expect(repeatsPurges({ info: { version, cluster: 'c' } as never })).toBe(does);
});

test('a nats-server that is alone does not', () => {
  expect(repeatsPurges({ info: { version: '2.9.10' } as never })).toBe(false);
});

import { expect, test } from 'vitest';
import { Circuit } from '../../../src/outbox/circuit.js';

/** @returns whether the last failure changed the circuit */
function fail(circuit: Circuit, count: number, nowMs: number): boolean {
  let hasChanged = false;
  for (let index = 0; index < count; index += 1) hasChanged = circuit.failed(nowMs);
  return hasChanged;
}

test('opens at ten attempts of which seven failed, not before', () => {
  const circuit = new Circuit();
  for (let index = 0; index < 3; index += 1) circuit.succeeded(0);
  expect([fail(circuit, 6, 0), circuit.state(0)]).toEqual([false, 'closed']);
  expect([fail(circuit, 1, 0), circuit.state(0), circuit.limit(0)]).toEqual([true, 'open', 0]);
});

test('stays closed while more than three of ten succeed', () => {
  const circuit = new Circuit();
  for (let round = 0; round < 50; round += 1) {
    circuit.succeeded(0);
    fail(circuit, 2, 0);
  }
  expect(circuit.state(0)).toBe('closed');
});

test('failures of more than five minutes ago do not count', () => {
  const circuit = new Circuit();
  fail(circuit, 9, 0);
  fail(circuit, 1, 300_000);
  expect(circuit.state(300_000)).toBe('closed');
});

test('after 30 s one attempt decides: a failure opens it for another 30 s, a success closes it', () => {
  const circuit = new Circuit();
  fail(circuit, 10, 0);
  expect([circuit.probeAtMs(29_999), circuit.limit(29_999)]).toEqual([30_000, 0]);
  expect([circuit.state(30_000), circuit.limit(30_000), circuit.probeAtMs(30_000)]).toEqual([
    'half-open',
    1,
    undefined,
  ]);
  expect(fail(circuit, 1, 30_000)).toBe(true);
  expect(circuit.state(59_999)).toBe('open');
  expect(circuit.succeeded(60_000)).toBe(true);
  expect([circuit.state(60_000), circuit.limit(60_000)]).toEqual(['closed', Infinity]);
  fail(circuit, 9, 60_000);
  expect(circuit.state(60_000)).toBe('closed');
});

test('what ends while it is open changes nothing', () => {
  const circuit = new Circuit();
  fail(circuit, 10, 0);
  expect([circuit.succeeded(5), circuit.failed(5), circuit.probeAtMs(5)]).toEqual([false, false, 30_000]);
});

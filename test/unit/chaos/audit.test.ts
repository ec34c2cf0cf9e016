import { describe, expect, test } from 'vitest';
import type { Told } from '../../chaos/app.js';
import { rowsOf, type Seen } from '../../chaos/audit.js';
import { faultNames, faultsOf } from '../../chaos/faults.js';
import { Order } from '../../chaos/order.js';
import { Dice } from '../../soak/dice.js';

const told = (connected: number, disconnected: number, isOutOfOrder = false): Told => ({
  connected: new Set(Array.from({ length: connected }, (_, at) => `c${at}`)),
  disconnected: new Set(Array.from({ length: disconnected }, (_, at) => `d${at}`)),
  isOutOfOrder,
});

const good: Seen = {
  told: new Map([
    ['open', told(1, 0)],
    ['ended', told(1, 1)],
    ['died before connected', told(0, 1)],
  ]),
  open: new Set(['open']),
  away: 0,
  clients: 1,
  hasTakeover: true,
  reached: [['node-1', 1]],
  wrongExistence: [],
  disorder: [],
  errors: [],
  slowStops: [],
  standstillMs: 0,
  faults: new Map([['killNode', 1]]),
  accepted: 1,
  refused: 0,
  messages: 1,
};

const failed = (seen: Partial<Seen>) =>
  rowsOf({ ...good, ...seen })
    .filter(({ isOk }) => isOk === false)
    .map(({ check }) => check);

const of = (...entries: [string, Told][]) => new Map([...good.told, ...entries]);

describe('the audit', () => {
  test('holds when all is as promised', () => {
    expect(failed({})).toEqual([]);
  });

  test.each<[string, Partial<Seen>]>([
    ['clients are back', { away: 1 }],
    ['a message through node-1', { reached: [['node-1', 0]] }],
    ['a connection that ended without disconnected', { told: of(['x', told(1, 0)]) }],
    ['a connection with two disconnected', { told: of(['x', told(1, 2)]) }],
    ['an open connection with disconnected', { told: of(['open', told(1, 1)]) }],
    ['connected after disconnected', { told: of(['x', told(1, 1, true)]) }],
    ['a connection with two connected', { told: of(['x', told(2, 1)]) }],
    ['an open connection without connected', { open: new Set(['open', 'unknown']) }],
    ['existence by REST', { wrongExistence: ['node-1: 404 for open'] }],
    ['order and repetition of messages', { disorder: ['a: 1 after 1'] }],
    ['a stop that took too long', { slowStops: ['node-1: 20000 ms'] }],
    ['errors in the logs', { errors: ['node-1: {}'] }],
  ])('fails for %s', (check, seen) => {
    expect(failed(seen)).toEqual([check]);
  });

  test('does not judge ends of killed nodes where nodes do not speak for each other', () => {
    expect(failed({ hasTakeover: false, told: of(['x', told(1, 0)]) })).toEqual([]);
  });
});

test('order is that of each sender, and nothing comes twice', () => {
  const order = new Order();
  for (const text of ['a 0', 'a 2', 'b 0', 'a 1', 'b 0']) order.received('one', text);
  order.received('two', 'a 0');
  expect([order.messages, order.violations]).toEqual([6, ['a: 1 after 2', 'b: 0 after 0']]);
});

test('each fault comes once before any comes again, and a seed repeats them', () => {
  const take = (seed: number, count: number) => {
    const faults = faultsOf(new Dice(seed, 'faults'));
    return Array.from({ length: count }, () => faults.next().value);
  };
  expect(new Set(take(1, faultNames.length))).toEqual(new Set(faultNames));
  expect(take(2, 30)).toEqual(take(2, 30));
});

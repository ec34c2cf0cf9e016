import { expect, test } from 'vitest';
import { NotKept, StoreAway } from '../../src/outbox/outbox-error.js';
import { QueueFaults } from '../../src/queue-faults.js';
import { ManualClock } from '../support/manual-clock.js';

function start() {
  const clock = new ManualClock();
  const lines: string[] = [];
  const to = (level: string) => (facts: object, text: string) =>
    lines.push(`${level} ${text} ${JSON.stringify(facts)}`);
  const log = { error: to('error'), info: to('info') };
  const faults = new QueueFaults(log, clock);
  const fail = () => {
    faults.failed(StoreAway.from(new Error('connect ECONNREFUSED')), 'the queue failed');
    faults.failed(new NotKept('unreachable', 'redis did not keep it'), 'the queue failed');
  };
  /** Six failures a second. */
  const failFor = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) {
      for (let each = 0; each < 3; each += 1) fail();
      await clock.advanceAsync(1_000);
    }
  };
  return { clock, lines, faults, fail, failFor };
}

test('a server that is away: one line without a stack, one a minute, and one when it is back', async () => {
  const { clock, lines, faults, failFor } = start();
  faults.answered();
  await failFor(90);
  faults.answered();
  await clock.advanceAsync(10_000);
  faults.answered();
  expect(lines).toEqual([
    'error the queue cannot be reached; it is tried again {"reason":"connect ECONNREFUSED"}',
    'error the queue still cannot be reached; it is tried again {"reason":"connect ECONNREFUSED","seconds":60,"failures":361}',
    'info the queue is reached again {"seconds":89,"failures":540}',
  ]);
});

test('a server that answers some requests and fails others is not back', async () => {
  const { clock, lines, faults, fail } = start();
  for (let second = 0; second < 30; second += 1) {
    fail();
    faults.answered();
    await clock.advanceAsync(1_000);
  }
  expect(lines).toHaveLength(1);
  await clock.advanceAsync(2_000);
  faults.answered();
  await clock.advanceAsync(2_000);
  expect(lines).toHaveLength(2);
});

test('the next outage is told again', async () => {
  const { clock, lines, faults, fail } = start();
  for (let outage = 0; outage < 2; outage += 1) {
    fail();
    faults.answered();
    await clock.advanceAsync(2_000);
  }
  expect(lines.map(line => line.split(' ')[0])).toEqual(['error', 'info', 'error', 'info']);
});

test('a queue without room: one line a minute, without a stack, whatever the figures in its reason', async () => {
  const { clock, lines, faults } = start();
  for (let second = 0; second < 90; second += 1) {
    faults.failed(new NotKept('disk_full', `${second} MiB are free`), 'the queue failed');
    faults.answered(); // what frees space is delivered meanwhile
    await clock.advanceAsync(1_000);
  }
  expect(lines).toEqual([
    'error the queue has no room {"reason":"0 MiB are free"}',
    'error the queue has no room {"reason":"60 MiB are free","failures":60}',
  ]);
});

test('any other failure is logged as a whole, the same one once a minute', async () => {
  const { clock, lines, faults } = start();
  for (let second = 0; second < 61; second += 1) {
    faults.failed(new Error('a mistake'), 'the queue failed');
    if (second === 30) faults.failed(new Error('another one'), 'the queue failed');
    await clock.advanceAsync(1_000);
  }
  expect(lines).toEqual([
    'error the queue failed {"err":{}}',
    'error the queue failed {"err":{}}',
    'error the queue failed {"err":{},"failures":60}',
  ]);
});

test('of more failures than are told apart, each is logged', () => {
  const { lines, faults } = start();
  for (let round = 0; round < 2; round += 1) {
    for (let each = 0; each < 101; each += 1) faults.failed(new Error(`mistake ${each}`), 'the queue failed');
  }
  expect(lines).toHaveLength(102);
});

import { expect, test } from 'vitest';
import { type Batch, Batches, type BatchLimits } from '../../../src/webhooks/batches.js';
import { ManualClock } from '../../support/manual-clock.js';

const a = { name: 'a' };
const b = { name: 'b' };
const limits: BatchLimits = { durationMs: 50, size: 3, maxBytes: 1000 };

function start() {
  const clock = new ManualClock();
  const left: Batch<typeof a>[] = [];
  const batches = new Batches<typeof a>(clock, batch => left.push(batch));
  const texts = () => left.splice(0).map(({ events }) => events.join(' '));
  return { clock, batches, left, texts };
}

test('without limits an event leaves alone and at once', () => {
  const { batches, texts, clock } = start();
  batches.add(a, '', 'one', undefined);
  batches.add(a, '', 'two', undefined);
  expect(texts()).toEqual(['one', 'two']);
  expect(clock.pending).toBe(0);
});

test('[PW-042] a lone event waits for the duration, counted from the first one', () => {
  const { clock, batches, texts } = start();
  batches.add(a, '', 'one', limits);
  clock.advance(30);
  batches.add(a, '', 'two', limits);
  clock.advance(19);
  expect(texts()).toEqual([]);
  clock.advance(1);
  expect(texts()).toEqual(['one two']);
  expect(clock.pending).toBe(0);
});

test('[PW-041] a full batch leaves at once, the rest in time, in order', () => {
  const { clock, batches, texts } = start();
  for (let number = 1; number <= 250; number += 1) batches.add(a, '', String(number), { ...limits, size: 100 });
  clock.advance(50);
  const left = texts().map(text => text.split(' '));
  expect(left.map(numbers => numbers.length)).toEqual([100, 100, 50]);
  expect(left.flat()).toEqual(Array.from({ length: 250 }, (_, index) => String(index + 1)));
});

test('bytes are a limit too, and a larger event leaves alone', () => {
  const { batches, texts } = start();
  const small = { ...limits, size: 100, maxBytes: 10 };
  batches.add(a, '', '1234', small);
  batches.add(a, '', '12345', small);
  expect(texts()).toEqual(['1234']);
  batches.add(a, '', '€€€€€€', small);
  expect(texts()).toEqual(['12345', '€€€€€€']);
});

test('[PW-039] [PW-040] endpoints and lanes never share a batch', () => {
  const { clock, batches, left } = start();
  batches.add(a, '', '1', limits);
  batches.add(b, '', '2', limits);
  batches.add(a, 'private-encrypted-x', '3', limits);
  batches.add(a, '', '4', limits);
  clock.advance(50);
  expect(left.map(({ endpoint, lane, events }) => [endpoint.name, lane, events])).toEqual([
    ['a', '', ['1', '4']],
    ['b', '', ['2']],
    ['a', 'private-encrypted-x', ['3']],
  ]);
});

test('gives each event that waits once, while it goes on waiting', () => {
  const { clock, batches, texts } = start();
  const fresh = () => batches.takeFresh().map(({ batch, events }) => [batch.endpoint.name, batch.lane, ...events]);
  batches.add(a, '', '1', limits);
  batches.add(b, 'lane', '2', limits);
  batches.add(a, '', '3', limits);
  expect(batches.hasFresh).toBe(true);
  expect(fresh()).toEqual([
    ['a', '', '1', '3'],
    ['b', 'lane', '2'],
  ]);
  expect([batches.hasFresh, fresh()]).toEqual([false, []]);
  batches.add(a, '', '4', limits); // full
  batches.add(b, 'lane', '5', limits);
  expect(fresh()).toEqual([['b', 'lane', '5']]);
  clock.advance(50);
  expect(texts()).toEqual(['1 3 4', '2 5']);
  expect(batches.hasFresh).toBe(false);
});

test('an event that is kept already is not given, and leaves with its draft', () => {
  const { clock, batches, left } = start();
  const fresh = () => batches.takeFresh().map(({ events }) => events);
  batches.add(a, '', '1', limits);
  batches.add(a, '', '2', limits, 'draft of 2');
  expect([fresh(), batches.hasFresh]).toEqual([[['1']], false]);
  batches.add(a, '', '3', limits, 'draft of 3'); // full
  batches.add(a, '', '4', limits, 'draft of 4');
  expect(batches.hasFresh).toBe(false);
  batches.add(a, '', 'x'.repeat(998), limits, 'draft of x'); // not beside another one
  clock.advance(50);
  expect(left.map(({ events, drafts }) => [events.map(text => text[0]), [...drafts]])).toEqual([
    [
      ['1', '2', '3'],
      ['draft of 2', 'draft of 3'],
    ],
    [['4'], ['draft of 4']],
    [['x'], ['draft of x']],
  ]);
});

test('flush lets what waits leave now, and nothing later', () => {
  const { clock, batches, texts } = start();
  batches.add(a, '', '1', limits);
  batches.add(b, '', '2', limits);
  batches.flush();
  expect(texts()).toEqual(['1', '2']);
  expect(clock.pending).toBe(0);
});

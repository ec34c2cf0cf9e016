import { beforeEach, describe, expect, test } from 'vitest';
import { CacheMisses, MessageCache } from '../../../../src/hub/features/cache.js';
import type { DataMessage } from '../../../../src/protocols/messages.js';
import { RecordingBackplane, textPayload } from '../../../support/fake-ports.js';
import { ManualClock } from '../../../support/manual-clock.js';

let clock: ManualClock;
let backplane: RecordingBackplane;
let cache: MessageCache;

beforeEach(() => {
  clock = new ManualClock();
  backplane = new RecordingBackplane();
  cache = new MessageCache(clock, backplane);
});

function message(text: string, group = 'g'): DataMessage {
  return { kind: 'groupMessage', group, fromUserId: undefined, payload: textPayload(text), stream: undefined };
}

function textOf(hub: string, group = 'g'): string | undefined {
  return cache.last(hub, group)[0]?.message.payload.bytes.toString();
}

describe('messages that are kept', () => {
  test('the last of each group, by hub, until it expires', () => {
    cache.keep('a', 'g', message('1'), 1_000);
    cache.keep('a', 'g', message('2'), 1_000);
    cache.keep('a', 'h', message('3', 'h'), 2_000);
    cache.keep('b', 'g', message('4'), 1_000);
    expect([textOf('a'), textOf('a', 'h'), textOf('b'), textOf('b', 'h')]).toEqual(['2', '3', '4', undefined]);
    clock.advance(999);
    expect(cache.last('a', 'g')).toMatchObject([{ ttlMs: 1 }]);
    clock.advance(1);
    expect([textOf('a'), textOf('a', 'h'), textOf('b')]).toEqual([undefined, '3', undefined]);
  });

  test('other nodes’ queries are listened to as long as a hub has one', () => {
    cache.keep('a', 'g', message('1'), 1_000);
    cache.keep('a', 'g', message('2'), 1_000);
    cache.keep('a', 'h', message('3'), 100_000);
    expect([cache.has('a'), cache.has('b')]).toEqual([true, false]);
    expect(backplane.interest.splice(0)).toEqual(['+ hub a', '+ group g', '+ group h']);
    clock.advance(60_000);
    expect([cache.has('a'), backplane.interest.splice(0)]).toEqual([true, ['- group g']]);
    clock.advance(60_000);
    expect([cache.has('a'), backplane.interest]).toEqual([false, ['- group h', '- hub a']]);
    expect(clock.pending).toBe(0);
  });

  test('a bound of bytes: the oldest go first', () => {
    const megabyte = 'x'.repeat(1024 * 1024);
    for (let n = 0; n < 70; n += 1) cache.keep('a', `g${n}`, message(megabyte), 1_000_000);
    expect(textOf('a', 'g0')).toBeUndefined();
    expect(textOf('a', 'g69')).toBeDefined();
    const kept = Array.from({ length: 70 }, (_, n) => textOf('a', `g${n}`)).filter(text => text !== undefined);
    expect(kept).toHaveLength(63);
  });

  test('the hub that has most loses its oldest ones, however many it keeps and however old those of others are', () => {
    const megabyte = 'x'.repeat(1024 * 1024);
    cache.keep('small', 'g', message('1'), 1_000_000);
    for (let n = 0; n < 200; n += 1) cache.keep('large', `g${n}`, message(megabyte), 1_000_000);
    for (let n = 0; n < 100_001; n += 1) cache.keep('many', `g${n}`, message(''), 1_000_000);
    expect([textOf('small'), textOf('many', 'g0'), textOf('many', 'g100000')]).toEqual(['1', undefined, '']);
  });

  test('a bound of groups', () => {
    for (let n = 0; n <= 100_000; n += 1) cache.keep('a', `g${n}`, message(''), 1_000_000);
    expect([textOf('a', 'g0'), textOf('a', 'g1'), textOf('a', 'g100000')]).toEqual([undefined, '', '']);
  });
});

test('[PW §2.4] a miss is new once, until something is kept, the group is vacated, or a minute has passed', () => {
  const misses = new CacheMisses(() => clock.monotonicMs());
  expect([misses.isNew('g'), misses.isNew('g'), misses.isNew('h')]).toEqual([true, false, true]);
  misses.end('g');
  expect([misses.isNew('g'), misses.isNew('h')]).toEqual([true, false]);
  clock.advance(59_999);
  expect([misses.isNew('g'), misses.isNew('h')]).toEqual([false, false]);
  clock.advance(1);
  expect([misses.isNew('g'), misses.isNew('g')]).toEqual([true, false]);
});

test('[PW §2.4] a group whose last member has left is vacated after three seconds, unless somebody is back', () => {
  const misses = new CacheMisses(() => clock.monotonicMs());
  misses.isNew('g');
  for (let times = 0; times < 5; times += 1) {
    misses.left('g');
    clock.advance(2_999);
    expect(misses.isNew('g')).toBe(false);
  }
  clock.advance(10_000);
  expect(misses.isNew('g')).toBe(false);
  misses.left('g');
  clock.advance(3_000);
  expect(misses.isNew('g')).toBe(true);
});

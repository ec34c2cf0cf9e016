import { expect, test } from 'vitest';
import { limitsOf } from '../../../src/pusher-api/apps.js';
import { bodyLimitOf, mostBatchBytes } from '../../../src/pusher-api/body.js';

const kibibyte = 1024;

test.each([
  ['the usual limits', {}, 10, 10],
  ['few large events', { maxEventBytes: 1_000 * kibibyte }, 10, 1_000],
  ['many small events', { maxEventsPerBatch: 1_000 }, 1_000, 10],
  ['events as large as in Sockudo', { maxEventBytes: 100 * kibibyte }, 10, 100],
])('a batch within the limits of the app fits, however it is written: %s', (_title, limits, events, kilobytes) => {
  // Each byte of the data, of the name and of no channel may be six bytes of the body.
  const item = { name: '\u0001'.repeat(200), channel: 'c'.repeat(200), data: '\u0001'.repeat(kilobytes * kibibyte) };
  const itemBytes = Buffer.byteLength(`,${JSON.stringify({ ...item, socket_id: '4294967295.4294967295' })}`);
  const limit = bodyLimitOf(limitsOf({ id: 'a', keys: [], enabled: true, limits }));
  expect(limit).toBeGreaterThan(events * itemBytes);
  expect(limit).toBeLessThanOrEqual(mostBatchBytes);
});

test('one event to the most channels fits; a batch of the largest limits is bounded', () => {
  const limits = { maxEventBytes: 16_384 * kibibyte, maxChannelsPerEvent: 10_000, maxEventsPerBatch: 1_000 };
  const limit = bodyLimitOf(limitsOf({ id: 'a', keys: [], enabled: true, limits }));
  expect(limit).toBeGreaterThan(16_384 * kibibyte * 6 + 10_000 * 203);
  expect(limit).toBeLessThan(100 * kibibyte * kibibyte);
});

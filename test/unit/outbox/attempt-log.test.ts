import { expect, test } from 'vitest';
import { AttemptLog, excerpt } from '../../../src/outbox/attempt-log.js';

const record = (attempt: number) => ({ id: 'm', attempt, atMs: 0, durationMs: 1, outcome: 'delivered' }) as const;

test('has the last hundred attempts, newest first', () => {
  const log = new AttemptLog();
  for (let attempt = 1; attempt <= 3; attempt += 1) log.add(record(attempt));
  expect(log.list().map(({ attempt }) => attempt)).toEqual([3, 2, 1]);
  for (let attempt = 4; attempt <= 250; attempt += 1) log.add(record(attempt));
  const attempts = log.list().map(({ attempt }) => attempt);
  expect([attempts.length, attempts[0], attempts.at(-1)]).toEqual([100, 250, 151]);
});

test.each([
  ['a short answer as it is', 'ok', 'ok'],
  ['none', undefined, undefined],
  ['the first KiB', 'x'.repeat(5_000), 'x'.repeat(1_024)],
  ['whole characters only', `${'x'.repeat(1_023)}é`, 'x'.repeat(1_023)],
  ['four-byte characters whole', '\u{1F600}'.repeat(300), '\u{1F600}'.repeat(256)],
])('keeps %s', (_what, answer, kept) => {
  expect(excerpt(answer)).toBe(kept);
});

import { JetStreamApiError } from '@nats-io/jetstream';
import { expect, test } from 'vitest';
import { isConflict } from '../../../src/nats/jetstream.js';

const errorOf = (err_code: number, description: string) => new JetStreamApiError({ code: 400, err_code, description });

test.each([
  ['another sequence is the last', errorOf(10_071, 'wrong last sequence: 5'), true],
  ['another write is on its way, as NATS 2.12 and newer say', errorOf(10_164, 'wrong last sequence'), true],
  ['the stream is full', errorOf(10_077, 'maximum bytes exceeded'), false],
  ['the connection is lost', new Error('wrong last sequence'), false],
])('[cluster 6.1] a conditional write that is refused is a conflict: %s', (_what, error, expected) => {
  expect(isConflict(error)).toBe(expected);
});

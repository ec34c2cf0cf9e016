import { expect, test } from 'vitest';
import type { Failure } from '../../../src/egress/exchange.js';
import { attemptText } from '../../../src/egress/failure-text.js';

test.each([
  ['connection', 'ECONNREFUSED', 'no connection (ECONNREFUSED)'],
  ['connection', 'CERT_HAS_EXPIRED', 'no connection: its certificate has expired (CERT_HAS_EXPIRED)'],
  [
    'connection',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'no connection: its certificate is self-signed (DEPTH_ZERO_SELF_SIGNED_CERT)',
  ],
  ['connection', 'ERR_SSL_WRONG_VERSION_NUMBER', 'no connection: the answer is not TLS (ERR_SSL_WRONG_VERSION_NUMBER)'],
  ['connection', undefined, 'no connection'],
  ['unsendable', 'UND_ERR_INVALID_ARG', 'the request could not be sent (UND_ERR_INVALID_ARG)'],
  ['timeout', undefined, 'no answer within 10 s'],
  ['body', undefined, 'the connection broke in the middle of the answer'],
  ['head', 'Expected HTTP/', 'the answer is not HTTP (Expected HTTP/)'],
  ['overloaded', undefined, 'no answer (overloaded)'],
] as const)('an attempt that failed as %s (%s): %s', (failure: Failure['failure'], code, text) => {
  const where = { origin: 'http://app.example', timeoutMs: 10_000 };
  expect(attemptText({ kind: 'failure', failure, code }, where)).toBe(text);
});

import { expect, test } from 'vitest';
import { failureText } from '../../../src/cli/failure.js';
import { ListenError, type ListenFailure, PubSubError } from '../../../src/errors.js';
import { StoreOpenError } from '../../../src/outbox/outbox-error.js';

const npmStart = { npm_lifecycle_event: 'start' };
const publicTaken: ListenFailure = { listener: 'public', host: '127.0.0.1', port: 8080, code: 'EADDRINUSE' };
const adminTaken: ListenFailure = { listener: 'admin', host: '127.0.0.1', port: 8081, code: 'EADDRINUSE' };

test('[F6] all listeners that fail, and one line to type', () => {
  expect(failureText(new ListenError([publicTaken, adminTaken]), npmStart).split('\n')).toEqual([
    'hubwire: the public listener cannot listen on 127.0.0.1:8080: the port is taken (EADDRINUSE)',
    'hubwire: the admin listener cannot listen on 127.0.0.1:8081: the port is taken (EADDRINUSE)',
    'hubwire: choose another address or port, for example: npm start -- --port 9090 --admin-port 9091',
  ]);
});

test.each([
  [{ ...publicTaken, port: 80, code: 'EACCES' }, 'this user may not listen on that port', '--port 8080'],
  [{ ...adminTaken, port: 65_000 }, 'the port is taken', '--admin-port 63990'],
  [{ ...publicTaken, host: '10.9.9.9', code: 'EADDRNOTAVAIL' }, 'this machine does not have that', '--host 127.0.0.1'],
  [
    { ...adminTaken, host: 'nowhere', code: 'ENOTFOUND' },
    'the host name was not found (ENOTFOUND)',
    '--admin-host 127.0.0.1',
  ],
])('[F6] %j', (failure, reason, flag) => {
  const [first, last] = failureText(new ListenError([failure]), npmStart).split('\n');
  expect(first).toContain(`${failure.host}:${failure.port}: ${reason}`);
  expect(last).toBe(`hubwire: choose another address or port, for example: npm start -- ${flag}`);
});

test('an expected failure is told by its message, another one with its stack', () => {
  expect(failureText(new PubSubError('invalid', 'no such hub'), {})).toBe('hubwire: no such hub');
  const locked = new StoreOpenError('locked', 'data is in use by process 7 on host');
  expect(failureText(locked, {})).toBe('hubwire: data is in use by process 7 on host');
  expect(failureText(new TypeError('oops'), {})).toMatch(/^hubwire: TypeError: oops\n +at /);
  const unread = failureText(new TypeError('Failed to parse URL from http://u:s3cret@h:99999'), {});
  expect(unread).toMatch(/^hubwire: TypeError: Failed to parse URL from http:\/\/\*\*\*@h:99999\n +at /);
});

import { expect, test } from 'vitest';
import { loggedPath } from '../../../src/listener/request-target.js';

test.each([
  ['/client/hubs/chat?access_token=t', '/client/hubs/chat'],
  ['/api/hubs/chat/:send', '/api/hubs/chat/:send'],
  ['?access_token=t', ''],
  ['/a#b?c', '/a'],
  ['http://user:password@host/a/b?c', '/a/b'],
  ['http://user:password@host', ''],
  ['*', '*'],
  [`/${'x'.repeat(400)}`, `/${'x'.repeat(299)}…`],
])('[F10] the target %s is logged as %s', (target, path) => {
  expect(loggedPath(target)).toBe(path);
});

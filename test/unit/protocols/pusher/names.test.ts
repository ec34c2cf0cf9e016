import { expect, test } from 'vitest';
import {
  channelKindOf,
  channelOfUser,
  isCacheChannel,
  isEventName,
  isPublishableEvent,
  isSignedInUserId,
  messageBytesFor,
  userOfChannel,
} from '../../../../src/protocols/pusher/names.js';

test.each([
  ['my-channel', 'public'],
  ['Azaz09_-=@,.;', 'public'],
  ['cache-x', 'public'],
  ['xprivate-y', 'public'],
  ['Private-y', 'public'],
  ['private-x', 'private'],
  ['private-cache-x', 'private'],
  ['private-', 'private'],
  ['private-encrypted-x', 'encrypted'],
  ['private-encrypted-cache-x', 'encrypted'],
  ['private-encryptedx', 'private'],
  ['presence-x', 'presence'],
  ['presence-cache-x', 'presence'],
  ['#server-to-user-u-19', 'serverToUser'],
  ['...', 'public'],
  ['x'.repeat(200), 'public'],
])('%s is %s', (name, kind) => {
  expect(channelKindOf(name)).toBe(kind);
});

test.each([
  '',
  ' ',
  'a b',
  'a:b',
  'a/b',
  'a#b',
  '#x',
  '#server-to-user-',
  '#server-to-user-a b',
  'é',
  'a\n',
  '.',
  '..',
  '#server-to-user-..',
  'x'.repeat(201),
])('%j is no channel', name => {
  expect(channelKindOf(name)).toBeUndefined();
});

test.each([
  [10_240, 65_536],
  [1_024, 65_536],
  [20_000, 124_096],
  [16 * 1024 * 1024, 1024 * 1024],
])('data of %i bytes needs messages of %i', (data, message) => {
  expect(messageBytesFor(data)).toBe(message);
});

test('[PW-030] cache channels show in the beginning of the name only', () => {
  const cached = ['cache-x', 'private-cache-x', 'private-encrypted-cache-x', 'presence-cache-x'];
  const others = [
    'my-cache-x',
    'private-my-cache-x',
    'private-encrypted-x-cache-',
    'presence-private-cache-x',
    'Cache-x',
  ];
  expect(cached.filter(isCacheChannel)).toEqual(cached);
  expect(others.filter(isCacheChannel)).toEqual([]);
});

test('the channel of a user, and the user of a channel', () => {
  expect(userOfChannel(channelOfUser('u-19'))).toBe('u-19');
  expect(userOfChannel('server-to-user-u')).toBeUndefined();
  expect(isSignedInUserId('a'.repeat(184))).toBe(true);
  expect(channelKindOf(channelOfUser('a'.repeat(184)))).toBe('serverToUser');
  for (const id of ['', '.', '..', 'a b', 'a:b', 'a'.repeat(185)]) expect(isSignedInUserId(id)).toBe(false);
});

test('[PW §3.11] event names: any text without control characters; the protocol keeps its own', () => {
  for (const name of [
    'a',
    'App\\Events\\X',
    'a.b:c d',
    'é',
    'x'.repeat(200),
    '😀'.repeat(200),
    'client-x',
    'xpusher:y',
  ]) {
    expect([isEventName(name), isPublishableEvent(name)]).toEqual([true, true]);
  }
  for (const name of ['', 'x'.repeat(201), '😀'.repeat(201), 'a\nb', '\x7f']) expect(isEventName(name)).toBe(false);
  for (const name of ['pusher:x', 'pusher_internal:x', '']) expect(isPublishableEvent(name)).toBe(false);
});

import { expect, test } from 'vitest';
import { compileFilter, type FilterEntry } from '../../../src/webhooks/filters.js';

const channels = [
  'news',
  'cache-news',
  'my-cache-news',
  'private-a',
  'private-cache-a',
  'private-encrypted-a',
  'private-encrypted-cache-a',
  'presence-a',
  'presence-cache-a',
  '#server-to-user-7',
  'xprivate-a',
];

function passing(entry: FilterEntry): string[] {
  const passes = compileFilter(entry) ?? (() => true);
  return channels.filter(channel => passes(channel));
}

test.each<[FilterEntry['channel_type'], string[]]>([
  ['public', ['news', 'cache-news', 'my-cache-news', 'xprivate-a']],
  ['private', ['private-a', 'private-cache-a']],
  ['encrypted', ['private-encrypted-a', 'private-encrypted-cache-a']],
  ['presence', ['presence-a', 'presence-cache-a']],
  ['cache', ['cache-news', 'private-cache-a', 'private-encrypted-cache-a', 'presence-cache-a']],
  ['server_to_user', ['#server-to-user-7']],
  [
    ['private', 'encrypted'],
    ['private-a', 'private-cache-a', 'private-encrypted-a', 'private-encrypted-cache-a'],
  ],
])('[PW-035] channel_type %j passes its channels', (channel_type, expected) => {
  expect(passing({ channel_type })).toEqual(expected);
});

test('[PW-036] conditions are combined with AND', () => {
  const expected = ['private-cache-a', 'private-encrypted-cache-a'];
  expect(passing({ channel_type: 'cache', channel_prefix: 'private-' })).toEqual(expected);
  expect(passing({ channel_prefix: 'private-', channel_suffix: '-a', channel_pattern: 'cache' })).toEqual(expected);
});

test('a filter without conditions is none', () => {
  expect(compileFilter({})).toBeUndefined();
});

test('[PW-037] a pattern is found anywhere unless it is anchored; a suffix only at the end', () => {
  expect(passing({ channel_pattern: 'cache-news' })).toEqual(['cache-news', 'my-cache-news']);
  expect(passing({ channel_pattern: '^cache-' })).toEqual(['cache-news']);
  expect(passing({ channel_suffix: '-7' })).toEqual(['#server-to-user-7']);
});

test('[PW-044] the names of soketi are aliases', () => {
  const expected = ['presence-a', 'presence-cache-a'];
  expect(passing({ channel_name_starts_with: 'presence-', channel_name_ends_with: 'a' })).toEqual(expected);
  expect(passing({ channel_prefix: 'presence-', channel_suffix: 'a' })).toEqual(expected);
});

test.each<[FilterEntry, RegExp]>([
  [{ channel_pattern: '(' }, /no pattern of RE2: error parsing regexp: missing closing \)/],
  [{ channel_pattern: '(?=a)' }, /no look-around/],
  [{ channel_pattern: '(a)\\1' }, /no back-references/],
  [{ channel_pattern: 'a'.repeat(1001) }, /has 1001 characters, at most 1000/],
  [{ channel_type: 'secret' as 'public' }, /"secret" is not known: use public, private/],
  [
    { channel_prefix: 'a', channel_name_starts_with: 'b' },
    /channel_name_starts_with is another name of channel_prefix/,
  ],
])('[PW-037] %j is invalid', (entry, message) => {
  const invalid = expect.objectContaining({ kind: 'invalid', message: expect.stringMatching(message) });
  expect(() => compileFilter(entry)).toThrow(invalid);
});

test('a pattern that takes a backtracking engine for ever is decided at once', () => {
  expect(compileFilter({ channel_pattern: '^(a+)+$' })?.(`${'a'.repeat(200)}!`)).toBe(false);
});

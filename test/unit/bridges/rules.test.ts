import { describe, expect, test } from 'vitest';
import { NamePattern } from '../../../src/bridges/name-pattern.js';
import { type BridgeDirection, channelFor, groupFor, overlapOf, ruleOf } from '../../../src/bridges/rules.js';

function pattern(text: string): NamePattern {
  return NamePattern.parse(text)!;
}

function rule(group: string, channel: string, direction: BridgeDirection = 'both') {
  return ruleOf({ group, channel, direction, event: 'message' });
}

describe('a name pattern', () => {
  test.each([
    ['news', 'news', ''],
    ['news', 'news.a', undefined],
    ['news.*', 'news.a', 'a'],
    ['news.*', 'news.', ''],
    ['news.*', 'news.a.b', undefined],
    ['news.**', 'news.a.b', 'a.b'],
    ['a*b', 'ab', ''],
    ['a*ba', 'aba', ''],
    ['aba*ba', 'aba', undefined],
  ])('%s has in %s the part %j', (text, name, part) => {
    expect(pattern(text).partOf(name)).toBe(part);
  });

  test.each(['a*b*', '***', 'a**b**', '*?*'])('%s has too many wildcards', text => {
    expect(NamePattern.parse(text)).toBeUndefined();
  });

  test.each([
    ['a', 'a', true],
    ['a', 'b', false],
    ['a*', 'ab', true],
    ['a*', 'b*', false],
    ['*a', 'b*', true],
    ['*a', '*b', false],
    ['a.*', 'a.b.*', false],
    ['a.**', 'a.b.*', true],
    ['a*.b', 'a.*b', true],
    ['x*', 'x.*', false],
    ['a*c', '*b', false],
  ])('%s and %s have a name in common: %j', (a, b, isOverlap) => {
    expect(pattern(a).overlaps(pattern(b))).toBe(isOverlap);
    expect(pattern(b).overlaps(pattern(a))).toBe(isOverlap);
  });
});

/** Texts of these characters. */
function textsOf(characters: string, longest: number): readonly string[] {
  if (longest === 0) return [''];
  const shorter = textsOf(characters, longest - 1);
  return ['', ...[...characters].flatMap(first => shorter.map(rest => first + rest))];
}

test('patterns overlap exactly where some name matches both', () => {
  const parts = textsOf('a.', 2);
  const texts = parts.flatMap(before => ['', '*', '**'].flatMap(stars => parts.map(after => before + stars + after)));
  const patterns = [...new Set(texts)].map(pattern);
  const names = textsOf('a.', 6);
  const matched = patterns.map(each => names.map(name => each.partOf(name) !== undefined));
  const wrong = patterns.flatMap((a, i) =>
    patterns.flatMap((b, j) => {
      const isShared = names.some((_, at) => matched[i]![at] && matched[j]![at]);
      return a.overlaps(b) === isShared ? [] : [`${a.nameWith('*')} ${b.nameWith('*')}`];
    }),
  );
  expect(wrong).toEqual([]);
});

describe('a rule', () => {
  test('the wildcard stands for the same text on both sides', () => {
    const news = rule('news.*', 'news-*');
    expect(channelFor(news, 'news.sport')).toBe('news-sport');
    expect(groupFor(news, 'news-sport')).toBe('news.sport');
  });

  test.each(['news.föö', 'news.a b', `news.${'x'.repeat(200)}`])('%s has no channel', group => {
    expect(channelFor(rule('news.*', 'news-*'), group)).toBeUndefined();
  });

  test('[PW-106] a wildcard makes no channel of another kind', () => {
    const all = rule('**', '**');
    expect(channelFor(all, 'news')).toBe('news');
    for (const name of ['private-a', 'private-encrypted-a', 'presence-a', '#server-to-user-a']) {
      expect(channelFor(all, name)).toBeUndefined();
      expect(groupFor(all, name)).toBeUndefined();
    }
    const own = rule('secret.*', 'private-*');
    expect(channelFor(own, 'secret.a')).toBe('private-a');
    expect(channelFor(own, 'secret.encrypted-a')).toBeUndefined();
    expect(groupFor(own, 'private-encrypted-a')).toBeUndefined();
  });

  test.each([
    ['a', 'x', 'b', 'x', 'channel'],
    ['a', 'x', 'a', 'y', 'group'],
    ['a.*', 'x-*', 'b.*', 'y-*', undefined],
    ['a', 'private-x', 'b', 'x', undefined],
  ])('%s, %s and %s, %s have a %s in common', (group, channel, otherGroup, otherChannel, side) => {
    expect(overlapOf(rule(group, channel), rule(otherGroup, otherChannel))).toBe(side);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ContinuationTokens } from '../../../src/auth/continuation-tokens.js';

const primary = 'the-primary-key-of-these-tests-0123456789';
const secondary = 'the-secondary-key-of-these-tests-01234567';
const tokens = new ContinuationTokens({ primary, secondary });

describe('continuation tokens', () => {
  test('are read for the group and hub that they were issued for, on any node, and fit into a query as they are', () => {
    const token = tokens.issue('chat', 'g', 'c');
    expect(encodeURIComponent(token)).toBe(token);
    expect(new ContinuationTokens({ primary, secondary: undefined }).read(token, 'chat', 'g')).toBe('c');
  });

  test('are not read for another group or hub, nor where the two are cut in another place', () => {
    const token = tokens.issue('chat', 'g', 'c');
    for (const [hub, group] of [
      ['chat', 'h'],
      ['other', 'g'],
      ['chatg', ''],
      ['', 'chatg'],
    ] as const)
      expect(tokens.read(token, hub, group)).toBeUndefined();
  });

  test('survive a rotation, until their key is gone', () => {
    const token = tokens.issue('chat', 'g', 'c');
    const fresh = 'a-fresh-key-of-these-tests-0123456789012';
    expect(new ContinuationTokens({ primary: fresh, secondary: primary }).read(token, 'chat', 'g')).toBe('c');
    expect(new ContinuationTokens({ primary: fresh, secondary }).read(token, 'chat', 'g')).toBeUndefined();
  });

  test('that are changed in any character, or are none, are not read', () => {
    const token = tokens.issue('chat', 'g', 'connection');
    const place = fc.nat(token.length - 1);
    fc.assert(
      fc.property(place, fc.string({ minLength: 1, maxLength: 1 }), (at, char) => {
        const changed = token.slice(0, at) + char + token.slice(at + 1);
        expect(tokens.read(changed, 'chat', 'g')).toBe(changed === token ? 'connection' : undefined);
      }),
    );
    fc.assert(
      fc.property(fc.string(), text => {
        expect(tokens.read(text, 'chat', 'g')).toBeUndefined();
      }),
    );
    for (const text of ['', 'c', `${token}=`, `${token} `, token.slice(0, 21), token.slice(0, 22)])
      expect(tokens.read(text, 'chat', 'g')).toBeUndefined();
  });
});

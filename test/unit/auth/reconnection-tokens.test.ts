import fc from 'fast-check';
import jwt from 'jsonwebtoken';
import { describe, expect, test } from 'vitest';
import { KeyTokens } from '../../../src/auth/key-tokens.js';
import { KeyReconnectionTokens } from '../../../src/auth/reconnection-tokens.js';
import { ManualClock } from '../../support/manual-clock.js';

const keys = {
  primary: 'the-primary-key-of-these-tests-0123456789',
  secondary: 'the-secondary-key-of-these-tests-01234567',
};
const clock = new ManualClock();
const now = () => clock.now();
const tokens = new KeyReconnectionTokens(keys, now);
const inSeconds = (seconds: number) => Math.floor(clock.now() / 1000) + seconds;

describe('[client-protocols 5.1, D33] reconnection tokens', () => {
  test('[CP-075] open the connection that they are for, again and again, and fit into a query as they are', () => {
    const token = tokens.issue('chat', 'c');
    expect([tokens.accepts(token, 'chat', 'c'), tokens.accepts(token, 'chat', 'c')]).toEqual([true, true]);
    expect(encodeURIComponent(token)).toBe(token);
  });

  test('[CP-082] open no other connection and no other hub', () => {
    const token = tokens.issue('chat', 'c');
    expect(tokens.accepts(token, 'chat', 'd')).toBe(false);
    expect(tokens.accepts(token, 'other', 'c')).toBe(false);
    expect(tokens.accepts(token, '', '')).toBe(false);
  });

  test('last for seven days, to the second', () => {
    const start = new ManualClock();
    const mine = new KeyReconnectionTokens(keys, () => start.now());
    const token = mine.issue('chat', 'c');
    start.advance(7 * 24 * 60 * 60 * 1_000 - 1_000);
    expect(mine.accepts(token, 'chat', 'c')).toBe(true);
    start.advance(1_000);
    expect(mine.accepts(token, 'chat', 'c')).toBe(false);
  });

  test('are signed with the primary key, and outlive its move to second place', () => {
    const token = tokens.issue('chat', 'c');
    const rotated = new KeyReconnectionTokens(
      { primary: 'a-new-key-of-these-tests-0123456789abcdef', secondary: keys.primary },
      now,
    );
    const replaced = new KeyReconnectionTokens({ primary: keys.secondary, secondary: undefined }, now);
    expect([rotated.accepts(token, 'chat', 'c'), replaced.accepts(token, 'chat', 'c')]).toEqual([true, false]);
  });

  test('are told apart from the client tokens of the same keys', () => {
    const clients = new KeyTokens(keys, now);
    const isUrl = (audience: string) => audience.startsWith('http://');
    expect(tokens.accepts(clients.sign({ userId: 'c' }, 'c', 60), 'chat', 'c')).toBe(false);
    expect(clients.verify(clients.sign({}, 'http://h/client/hubs/chat', 60), isUrl)).toBeDefined();
    expect(() => clients.verify(tokens.issue('chat', 'c'), isUrl)).toThrow(
      expect.objectContaining({ kind: 'unauthorized' }),
    );
  });

  const right = { aud: 'c', exp: inSeconds(60), 'hubwire.session.hub': 'chat' };
  test.each([
    ['as it should be', right, 'HS256', true],
    ['without a hub', { ...right, 'hubwire.session.hub': undefined }, 'HS256', false],
    ['with another algorithm', right, 'HS512', false],
    ['without a signature', right, 'none', false],
  ] as const)('[CP-082] a token made by hand, %s', (_what, claims, algorithm, isAccepted) => {
    const key = keys.primary.padEnd(64, 'x'); // long enough for HS512
    const padded = new KeyReconnectionTokens({ primary: key, secondary: undefined }, now);
    const token = jwt.sign(JSON.stringify(claims), algorithm === 'none' ? '' : key, { algorithm });
    expect(padded.accepts(token, 'chat', 'c')).toBe(isAccepted);
  });

  test('[CP-082] whatever a client makes up, the answer is no', () => {
    const token = tokens.issue('chat', 'c');
    const made = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.nat(token.length - 1).map(at => token.slice(0, at)),
      fc
        .nat(token.lastIndexOf('.') - 1)
        .map(at => `${token.slice(0, at)}${token[at] === 'x' ? 'y' : 'x'}${token.slice(at + 1)}`),
    );
    fc.assert(
      fc.property(made, text => !tokens.accepts(text, 'chat', 'c')),
      { numRuns: 300 },
    );
  });
});

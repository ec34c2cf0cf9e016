import { describe, expect, test } from 'vitest';
import { ContinuationTokens } from '../../../src/auth/continuation-tokens.js';
import { KeyTokens } from '../../../src/auth/key-tokens.js';
import { type AccessKeys, Keys } from '../../../src/auth/keys.js';
import { KeyReconnectionTokens } from '../../../src/auth/reconnection-tokens.js';
import { signer } from '../../../src/auth/signature.js';
import { ManualClock } from '../../support/manual-clock.js';

const [a, b, c] = ['a', 'b', 'c'].map(letter => letter.repeat(44)) as [string, string, string];
const clock = new ManualClock();
const now = () => clock.now();
const audience = 'https://h/client/hubs/chat';

/** A use of the keys: what it makes with them, and whether it accepts what others made. */
interface Use {
  make(): string;
  accepts(made: string): boolean;
}

function isVerified(tokens: KeyTokens, token: string): boolean {
  try {
    return tokens.verify(token, aud => aud === audience).sub === 'u';
  } catch {
    return false;
  }
}

function keyTokens(keys: AccessKeys, remembered: number): Use {
  const tokens = new KeyTokens(keys, now, remembered);
  return {
    make: () => tokens.sign({ userId: 'u' }, audience, 60),
    accepts: token => isVerified(tokens, token),
  };
}

const uses: Readonly<Record<string, (keys: AccessKeys) => Use>> = {
  'client tokens': keys => keyTokens(keys, 0),
  'remembered REST tokens': keys => keyTokens(keys, 10),
  'reconnection tokens': keys => {
    const tokens = new KeyReconnectionTokens(keys, now);
    return { make: () => tokens.issue('chat', 'c1'), accepts: token => tokens.accepts(token, 'chat', 'c1') };
  },
  'continuation tokens': keys => {
    const tokens = new ContinuationTokens(keys);
    return { make: () => tokens.issue('chat', 'g', 'c1'), accepts: token => tokens.read(token, 'chat', 'g') === 'c1' };
  },
  'signatures of events': keys => {
    const sign = signer(keys);
    // An upstream compares its own key's item with each of the list.
    return { make: () => sign('c1'), accepts: signature => sign('c1').split(',').includes(signature.split(',')[0]!) };
  },
};

describe.each(Object.entries(uses))('a changed key is effective at once for %s', (_name, use) => {
  test('what a key signed that is gone fails, what the new one signs passes', () => {
    const keys = new Keys({ primary: a, secondary: b });
    const mine = use(keys);
    const byA = mine.make();
    const byC = use({ primary: c, secondary: undefined }).make();
    for (let times = 0; times < 2; times += 1) expect(mine.accepts(byA)).toBe(true);
    expect(mine.accepts(byC)).toBe(false);

    keys.change({ primary: c, secondary: b });
    expect(mine.accepts(byA)).toBe(false);
    expect(mine.accepts(byC)).toBe(true);
    expect(mine.make()).toBe(use({ primary: c, secondary: b }).make());
  });

  test('a rotation in two steps breaks nothing', () => {
    const keys = new Keys({ primary: a, secondary: b });
    const mine = use(keys);
    const byA = mine.make();
    keys.change({ primary: b, secondary: a });
    const byB = mine.make();
    expect([byA, byB].map(made => mine.accepts(made))).toEqual([true, true]);
    keys.change({ primary: b, secondary: undefined });
    expect([byA, byB].map(made => mine.accepts(made))).toEqual([false, true]);
  });
});

test('keys that are given as texts never change, and a Keys object is used as it is', () => {
  const texts = { primary: a, secondary: undefined };
  const keys = Keys.of(texts);
  expect(keys).toMatchObject({ primary: a, secondary: undefined });
  expect(Keys.of(keys)).toBe(keys);
  expect(keys.current).toBe(keys.current);
});

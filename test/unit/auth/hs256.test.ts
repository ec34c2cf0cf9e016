import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import jwt from 'jsonwebtoken';
import { describe, expect, test } from 'vitest';
import { Hs256 } from '../../../src/auth/hs256.js';
import { KeyTokens } from '../../../src/auth/key-tokens.js';
import { type KeySet, Keys } from '../../../src/auth/keys.js';
import { ManualClock } from '../../support/manual-clock.js';
import { withPlainNumbers } from '../../support/plain-numbers.js';

const keys = { primary: 'cHJpbWFyeS1rZXktdGhhdC1pcy1sb25n', secondary: 'c2Vjb25kYXJ5LWtleQ==' };
const clock = new ManualClock();
const now = Math.floor(clock.now() / 1000);
const audience = 'https://h/client/hubs/chat';

const claimsOf = (verify: () => unknown) => {
  try {
    return verify();
  } catch {
    return 'refused';
  }
};

/** What `KeyTokens` says, and what it has to say: jsonwebtoken's word, then an `exp` and the audience. */
const ours = (token: string) => {
  const verdicts = [tokens, remembering, remembering].map(each =>
    claimsOf(() => each.verify(token, aud => aud === audience)),
  );
  expect(verdicts[1]).toStrictEqual(verdicts[0]);
  expect(verdicts[2]).toStrictEqual(verdicts[0]); // this time it may be remembered
  return withPlainNumbers(verdicts[0]); // theirs has lost the digits of long integers
};
const tokens = new KeyTokens(keys, () => clock.now());
const remembering = new KeyTokens(keys, () => clock.now(), 100);
const theirs = (token: string) =>
  new Keys(keys).current.verifying
    .map(key => claimsOf(() => byJsonWebToken(token, key)))
    .find(claims => claims !== 'refused') ?? 'refused';

function byJsonWebToken(token: string, key: KeySet['signing']): unknown {
  const claims = jwt.verify(token, key, { algorithms: ['HS256'], clockTolerance: 300, clockTimestamp: now });
  if (typeof claims === 'string' || typeof claims.exp !== 'number') throw new Error('no exp');
  if (![claims.aud].flat().includes(audience)) throw new Error('another audience');
  return claims;
}

const encoded = (text: string) => Buffer.from(text, 'utf8').toString('base64url');

/** Three segments, the last one signed with this key. */
const signed = (header: string, claims: string, key: string, hash = 'sha256') =>
  `${header}.${claims}.${createHmac(hash, key).update(`${header}.${claims}`).digest('base64url')}`;

// ------------------------------------------------------------------------------------------------------- generators

/** Finite only: what is not is refused on purpose, as `crit` is; both have tests of their own. [L4] */
const time = fc.oneof(
  fc.constantFrom(now, now, now - 300, now + 300).chain(at => fc.integer({ min: at - 2, max: at + 2 })),
  fc.double({ min: now - 302, max: now + 302, noNaN: true }),
  fc.constantFrom(0, -0, -1, 1e300, now * 1000),
);
const wrongTime = fc.constantFrom<unknown>(null, true, '', String(now + 60), [], [now + 60], {});
const mostly = <T, U>(usual: fc.Arbitrary<T>, other: fc.Arbitrary<U>) =>
  fc.oneof({ arbitrary: usual, weight: 12 }, { arbitrary: other, weight: 1 });

const claims = fc
  .tuple(
    fc.record(
      {
        exp: mostly(time, wrongTime),
        aud: mostly(fc.constantFrom<unknown>(audience, [audience], ['x', audience]), fc.jsonValue()),
      },
      { requiredKeys: [] },
    ),
    fc.record(
      {
        nbf: mostly(time, wrongTime),
        iat: mostly(time, wrongTime),
        sub: fc.string({ unit: 'binary' }),
        x: fc.jsonValue(),
      },
      { requiredKeys: [] },
    ),
  )
  .map(([usual, rest]) => JSON.stringify({ exp: now + 60, aud: audience, ...usual, ...rest }));

const least = JSON.stringify({ exp: now + 60, aud: audience });
const claimsText = mostly(
  claims,
  fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc.constantFrom(
      '',
      'null',
      '1',
      '"text"',
      '[]',
      `[${least}]`,
      ` \n${least}\t`,
      `\uFEFF${least}`,
      `${least}x`,
      least.replace('{', '{"exp":1,'),
      least.replace('}', ',"exp":1}'),
      least.replace('}', ',"exp":"soon"}'),
      least.replace('}', ',"__proto__":{"exp":1},"constructor":1}'),
      least.replace('}', `,"x":"${'y'.repeat(100_000)}"}`),
      `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
    ),
  ),
);

const headerText = mostly(
  fc.constantFrom('{"alg":"HS256","typ":"JWT"}', '{"typ":"JWT","alg":"HS256"}', '{"alg":"HS256"}'),
  fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc
      .record({
        alg: fc.constantFrom('HS256', 'hs256', 'HS384', 'HS512', 'RS256', 'none', 'None', '', null, ['HS256']),
      })
      .chain(({ alg }) => fc.jsonValue().map(more => JSON.stringify({ typ: more, alg, kid: more }))),
    fc.constantFrom(
      '{"alg":"none","alg":"HS256"}',
      '{"alg":"HS256","alg":"none"}',
      '{"\\u0061lg":"HS256"}',
      '{"__proto__":{"alg":"HS256"}}',
      ' {"alg":"HS256"}\n',
      '\uFEFF{"alg":"HS256"}',
      '{"alg":"HS256","typ":"é\u{1F600}"}',
      '[{"alg":"HS256"}]',
    ),
  ),
);

/** Base64url as it is, and in other spellings of the same or of nearly the same bytes. */
const segment = (text: fc.Arbitrary<string>) =>
  fc
    .tuple(text.map(encoded), mostly(fc.constant(''), fc.constantFrom('A', '=', '==', ' ', '+', '-', '.')))
    .map(parts => parts.join(''));

const usualToken = fc
  .tuple(segment(headerText), segment(claimsText), fc.constantFrom(keys.primary, keys.secondary, 'another key'))
  .map(parts => signed(...parts));
const otherToken = fc.oneof(
  fc
    .tuple(segment(headerText), segment(claimsText), fc.constantFrom('sha384', 'sha512', 'sha1'))
    .map(([head, body, hash]) => signed(head, body, keys.primary, hash)),
  claims.map(text => `${encoded('{"alg":"none"}')}.${encoded(text)}.`),
  fc.string({ unit: 'binary' }),
  fc.array(fc.base64String(), { maxLength: 5 }).map(parts => parts.join('.')),
);

/** One change anywhere in the token: a character is replaced, put in or taken out, or a part comes twice. */
const mutation = fc
  .record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    taken: fc.constantFrom(0, 1, 1, 2, 40),
    put: fc.constantFrom(
      '',
      'A',
      'Q',
      'a',
      '-',
      '_',
      '+',
      '/',
      '=',
      '.',
      '..',
      ' ',
      '\n',
      '\0',
      'é',
      'ŁŁ',
      '\u{1F600}',
      '%2e',
    ),
  })
  .map(({ at, taken, put }) => (token: string) => {
    const index = Math.floor(at * token.length);
    return token.slice(0, index) + put + token.slice(index + taken);
  });
const doubled = (token: string) => `${token}.${token}`;
const blanks = (token: string) => ` ${token}\n`;
/** The last character of a signature holds two bits that mean nothing. */
const otherLastCharacter = fc
  .constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_')
  .map(last => (token: string) => token.slice(0, -1) + last);
const change = fc.oneof(mutation, otherLastCharacter, fc.constantFrom(doubled, blanks));

// ------------------------------------------------------------------------------------------------------- properties

describe('a token signed with HS256 is judged as jsonwebtoken judges it, and has the same claims', () => {
  test('when it is signed, whatever it holds', () => {
    let accepted = 0;
    fc.assert(
      fc.property(usualToken, token => {
        const verdict = ours(token);
        expect(verdict).toStrictEqual(theirs(token));
        if (verdict !== 'refused') accepted += 1;
      }),
      { numRuns: 3_000 },
    );
    expect(accepted).toBeGreaterThan(300); // or nothing was compared but refusals
  });

  test('when a good one is changed', () => {
    fc.assert(
      fc.property(fc.constantFrom(keys.primary, keys.secondary), claims, change, (key, text, changed) => {
        const good = signed(encoded('{"alg":"HS256","typ":"JWT"}'), encoded(text), key);
        expect(ours(good)).toStrictEqual(theirs(good));
        const token = changed(good);
        expect(ours(token)).toStrictEqual(theirs(token));
      }),
      { numRuns: 3_000 },
    );
  });

  test('when it is of another kind, or none', () => {
    fc.assert(
      fc.property(otherToken, change, (token, changed) => {
        expect(ours(token)).toStrictEqual(theirs(token));
        expect(ours(changed(token))).toStrictEqual(theirs(changed(token)));
      }),
      { numRuns: 2_000 },
    );
  });
});

test('[L4] on purpose it refuses what jsonwebtoken takes: extensions that it has to understand, and an exp for ever', () => {
  const critical = signed(encoded('{"alg":"HS256","crit":["x"],"x":1}'), encoded(least), keys.primary);
  const forEver = signed(encoded('{"alg":"HS256"}'), encoded(least.replace(/"exp":\d+/, '"exp":1e400')), keys.primary);
  for (const token of [critical, forEver]) {
    expect(theirs(token)).toMatchObject({ aud: audience });
    expect(ours(token)).toBe('refused');
  }
});

describe('the check of signatures', () => {
  const hs256 = new Hs256(new Keys(keys));
  const head = encoded('{"alg":"HS256"}');

  test('says whether the token or its signature is wrong, and parses no claims before it is sure of them', () => {
    const refusal = (token: string) => () => hs256.verify(token);
    expect(refusal(signed(head, encoded('{'), 'another key'))).toThrow(/not signed with an access key/);
    expect(refusal(signed(head, encoded('{'), keys.primary))).toThrow(/contains no claims/);
    expect(refusal(signed(encoded('{"alg":"HS512"}'), encoded('{}'), keys.primary, 'sha512'))).toThrow(
      /signed with HS256/,
    );
    expect(refusal(`${head}..`)).toThrow(/not a JSON Web Token/);
  });

  test('knows a header again, and how many it remembers does not matter', () => {
    for (let round = 0; round < 2; round += 1) {
      for (let number = 0; number < 200; number += 1) {
        const header = { alg: 'HS256', kid: String(number) };
        const token = signed(encoded(JSON.stringify(header)), encoded('{"a":1}'), keys.secondary);
        expect(hs256.verify(token)).toEqual({ header, claims: { a: 1 } });
      }
    }
  });

  test('a header that strangers wrote is not remembered as a good one', () => {
    const none = encoded('{"alg":"none"}');
    expect(() => hs256.verify(signed(none, encoded('{}'), 'another key'))).toThrow(/signed with HS256/);
    expect(() => hs256.verify(signed(none, encoded('{}'), keys.primary))).toThrow(/signed with HS256/);
  });

  test('a remembered token is that token and no other, and only after its signature was valid', () => {
    const remembering = new Hs256(new Keys(keys), 2);
    const token = signed(head, encoded('{"a":1}'), keys.primary);
    const first = remembering.verify(token);
    expect(remembering.verify(token)).toBe(first);
    for (const other of [
      signed(head, encoded('{"a":1}'), 'another key'),
      token.replace(encoded('{"a":1}'), encoded('{"a":2}')),
      `${token}A`,
      token.slice(0, -1),
    ]) {
      for (let times = 0; times < 2; times += 1) expect(() => remembering.verify(other)).toThrow(/token/);
    }
    for (const claims of ['{"a":2}', '{"a":3}']) remembering.verify(signed(head, encoded(claims), keys.primary));
    const again = remembering.verify(token); // it was the oldest of three
    expect(again).not.toBe(first);
    expect(again).toEqual(first);
  });

  test('a very long token is not remembered', () => {
    const remembering = new Hs256(new Keys(keys), 2);
    const long = signed(head, encoded(`{"a":"${'x'.repeat(4096)}"}`), keys.primary);
    expect(remembering.verify(long)).not.toBe(remembering.verify(long));
  });
});

import { createHmac, generateKeyPairSync } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { describe, expect, test } from 'vitest';
import { KeyTokens } from '../../../src/auth/key-tokens.js';
import { ManualClock } from '../../support/manual-clock.js';

const keys = {
  primary: 'cHJpbWFyeS1rZXktdGhhdC1pcy1sb25nLWVub3VnaA==',
  secondary: 'c2Vjb25kYXJ5LWtleS10aGF0LWlzLWxvbmc=',
};
const clock = new ManualClock();
const now = Math.floor(clock.now() / 1000);
const tokens = new KeyTokens(keys, () => clock.now());
const audience = 'https://h/client/hubs/chat';
const isOurs = (text: string) => text === audience;

/** The least a token needs. */
const least = { aud: audience, exp: now + 60 };

function sign(claims: object, key: string | Buffer = keys.primary, header: Partial<jwt.JwtHeader> = {}): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256', typ: 'JWT', ...header })}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`;
}

/** A token whose claims are this text. */
function signText(claims: string): string {
  const signed = `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${Buffer.from(claims).toString('base64url')}`;
  return `${signed}.${createHmac('sha256', keys.primary).update(signed).digest('base64url')}`;
}

const verify = (token: string) => tokens.verify(token, isOurs);
const refused = (token: string, message: string | RegExp = '') => {
  expect(() => verify(token)).toThrow(
    expect.objectContaining({ kind: 'unauthorized', message: expect.stringMatching(message) }),
  );
};

describe('[rest-api 1.2] a token', () => {
  test('[RA-003] needs aud and exp, no more', () => {
    expect(verify(sign(least))).toEqual(least);
  });

  test('[CP-008] [RA-008] may be signed with either key', () => {
    expect(verify(sign(least, keys.secondary))).toEqual(least);
    refused(sign(least, 'another-key-that-is-long-enough'), /not signed with an access key/);
    const single = new KeyTokens({ primary: keys.primary, secondary: undefined }, () => clock.now());
    expect(() => single.verify(sign(least, keys.secondary), isOurs)).toThrow(/not signed with an access key/);
    expect(single.verify(sign(least), isOurs)).toEqual(least);
  });

  test('[RA-009] the key is its text, although it looks like base64', () => {
    refused(sign(least, Buffer.from(keys.primary, 'base64')), /not signed/);
    expect(verify(sign(least, Buffer.from(keys.primary, 'utf8')))).toEqual(least);
  });

  test('one that is remembered is checked for its times and its audience at each use', () => {
    const remembering = new KeyTokens(keys, () => clock.now() + laterMs, 10);
    let laterMs = 0;
    const token = sign({ aud: audience, exp: now + 60 });
    expect(remembering.verify(token, isOurs)).toEqual({ aud: audience, exp: now + 60 });
    expect(() => remembering.verify(token, () => false)).toThrow(/token is for/);
    laterMs = 3_600_000;
    expect(() => remembering.verify(token, isOurs)).toThrow(/expired/);
  });

  test('short keys are taken', () => {
    const short = new KeyTokens({ primary: 'k', secondary: undefined }, () => clock.now());
    expect(short.verify(sign(least, 'k'), isOurs)).toEqual(least);
  });

  test.each([
    ['exp', -299, true],
    ['exp', -240, true],
    ['exp', -301, false],
    ['exp', -360, false],
    ['nbf', 240, true],
    ['nbf', 300, true],
    ['nbf', 301, false],
    ['nbf', 360, false],
    ['exp', 0.5, true],
    ['nbf', 299.5, true],
  ] as const)('[D28] [CP-009] [RA-010] %s %d s from now: %s', (claim, seconds, isAccepted) => {
    const token = sign({ ...least, [claim]: now + seconds });
    if (isAccepted) expect(verify(token)).toBeDefined();
    else refused(token, claim === 'exp' ? /has expired/ : /not valid yet/);
  });

  test('[CP-009] the same holds for the secondary key’s', () => {
    refused(sign({ ...least, exp: now - 360 }, keys.secondary), /has expired/);
  });

  test('[CP-009] [RA-011] without exp is refused', () => {
    refused(sign({ aud: audience }), /^the token has no exp claim$/);
  });

  test.each([
    [null, 'null'],
    ['soon', 'a string'],
    [String(now + 60), 'a string'],
    [true, 'a boolean'],
    [[now + 60], 'an array'],
    [{}, 'an object'],
  ])('[D18] exp or nbf %j is named with its type', (value, kind) => {
    const reason = (claim: string) => `${claim} is ${kind}; it must be a number: seconds since 1970`;
    refused(sign({ ...least, exp: value }), reason('exp'));
    refused(sign({ ...least, nbf: value }), reason('nbf'));
  });

  test('[L4] exp and nbf beyond what a number holds are refused', () => {
    for (const claim of ['exp', 'nbf']) {
      for (const value of ['1e400', '-1e400']) {
        refused(
          signText(`{"aud":"${audience}","exp":${now + 60},"${claim}":${value}}`),
          `^${claim} is a number that is too large`,
        );
      }
    }
  });

  test('[L4] a critical extension is refused, as none is understood', () => {
    for (const crit of [['exp'], ['b64'], [], 'exp', null]) {
      refused(sign(least, keys.primary, { crit } as object), /crit header/);
    }
    refused(sign(least, keys.secondary, { crit: ['x'] } as object), /crit header/);
  });

  test('[D28] [RA-012] kid, iss, typ, iat and unknown claims have no effect', () => {
    const claims = { ...least, iss: 'https://evil', iat: now + 9_999_999, jti: 1, x: { y: 1 } };
    expect(verify(sign(claims, keys.primary, { kid: 's-x', typ: 'at+jwt' }))).toEqual(claims);
  });

  test('may name several audiences, of which one must pass', () => {
    expect(verify(sign({ ...least, aud: ['x', audience] }))).toBeDefined();
    for (const aud of ['x', ['x', 'y'], [], '', undefined, null, [[audience]], { aud: audience }]) {
      refused(sign({ ...least, aud }), /^token (is for|has no aud claim)/);
    }
  });
});

describe('[RA-011] other algorithms are refused', () => {
  test('none', () => {
    refused(jwt.sign(least, '', { algorithm: 'none' }));
    refused(sign(least, keys.primary, { alg: 'none' }));
  });

  test.each(['HS384', 'HS512'] as const)('%s with the right key', algorithm => {
    refused(jwt.sign(least, keys.primary, { algorithm }));
  });

  test('RS256, and HS256 that claims to be', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    refused(jwt.sign(least, privateKey, { algorithm: 'RS256' }));
    refused(sign(least, keys.primary, { alg: 'RS256' }));
  });

  test.each([
    '',
    'x',
    '..',
    'a.b',
    'a.b.c',
    'a.b.c.d',
    `${sign(least)}x`,
    sign(least).split('.').slice(0, 2).join('.'),
  ])('what is no token (%#) is refused', token => refused(token));

  test('claims that are no object are refused', () => {
    for (const claims of [null, [], 'text', 1]) refused(sign(claims as unknown as object));
  });

  test('a token whose claims were changed is refused', () => {
    const [head, , signature] = sign(least).split('.');
    const claims = Buffer.from(JSON.stringify({ ...least, role: ['webpubsub.sendToGroup'] })).toString('base64url');
    refused(`${head}.${claims}.${signature}`, /not signed with an access key/);
  });

  test('the message holds no part of the token', () => {
    for (const token of [
      sign(least, 'wrong-key'),
      sign({ ...least, exp: 1 }),
      sign({ ...least, aud: 'elsewhere', sub: 'SECRET' }), // [D19] names the audience, and nothing else
      'SECRET.x.y',
    ]) {
      const parts = token.split('.').filter(part => part.length > 3);
      const error = (() => {
        try {
          return verify(token);
        } catch (thrown) {
          return thrown as Error;
        }
      })();
      expect(error).toBeInstanceOf(Error);
      for (const part of [...parts, 'SECRET']) expect(String(error)).not.toContain(part);
    }
  });
});

describe('[rest-api 1.6] a minted client token', () => {
  const read = (token: string) => jwt.verify(token, keys.primary, { complete: true, clockTimestamp: now });

  test('says who may do what, where and until when, in the vendor’s words', () => {
    const { header, payload } = read(tokens.sign({ userId: 'ann', roles: ['r'], groups: ['g', 'h'] }, audience, 5));
    expect(header).toMatchObject({ alg: 'HS256', typ: 'JWT' });
    expect(payload).toEqual({
      aud: audience,
      iss: 'https://webpubsub.azure.com',
      iat: now,
      nbf: now,
      exp: now + 300,
      sub: 'ann',
      role: ['r'],
      'webpubsub.group': ['g', 'h'],
    });
  });

  test('[RA-080] leaves out what was not asked for', () => {
    for (const claims of [{}, { userId: undefined, roles: [], groups: [] }]) {
      const { payload } = read(tokens.sign(claims, audience, 60));
      expect(Object.keys(payload).sort()).toEqual(['aud', 'exp', 'iat', 'iss', 'nbf']);
    }
  });

  test('is accepted by who made it, until it expires', () => {
    const time = new ManualClock();
    const own = new KeyTokens(keys, () => time.now());
    const token = own.sign({ userId: '' }, audience, 1);
    expect(own.verify(token, isOurs)).toMatchObject({ sub: '' });
    time.advance(60_000 + 299_000);
    expect(own.verify(token, isOurs)).toBeDefined();
    time.advance(1_000);
    expect(() => own.verify(token, isOurs)).toThrow(/has expired/);
  });
});

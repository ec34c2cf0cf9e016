import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { inspect } from 'node:util';
import jwt from 'jsonwebtoken';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type EntraAccess, EntraVerifier } from '../../../src/auth/entra-verifier.js';
import { ManualClock } from '../../support/manual-clock.js';

const audience = 'https://webpubsub.azure.com';
const issuer = 'https://issuer.example/tenant/v2.0';
const jwksUri = 'https://keys.example/keys';
const minuteMs = 60_000;
const unauthorized = { name: 'PubSubError', kind: 'unauthorized' };

const keys = { a: makeKey(), b: makeKey() };

function makeKey(): KeyObject {
  return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
}

function jwk(kid: string, key: KeyObject, more: object = {}) {
  return { ...createPublicKey(key).export({ format: 'jwk' }), kid, use: 'sig', ...more };
}

let clock: ManualClock;
/** What each URL answers; each fetch is written down. */
let web: Record<string, () => Response | Promise<Response>>;
let fetched: string[];

beforeEach(() => {
  clock = new ManualClock();
  fetched = [];
  web = {
    [jwksUri]: () => Response.json({ keys: [jwk('a', keys.a)] }),
    [`${issuer}/.well-known/openid-configuration`]: () => Response.json({ issuer, jwks_uri: jwksUri }),
  };
  vi.stubGlobal('fetch', async (url: string) => {
    fetched.push(url);
    return web[url]?.() ?? new Response('', { status: 404 });
  });
});
afterEach(() => vi.unstubAllGlobals());

function verifier(access: Partial<EntraAccess> = {}): EntraVerifier {
  const settings = { isDisabled: false, audiences: [audience], issuers: [{ issuer, jwksUri }], ...access };
  return new EntraVerifier({ access: () => settings, clock });
}

function token(claims: object = {}, header: { key?: KeyObject; kid?: string } = {}): string {
  const seconds = clock.now() / 1000;
  const all = { aud: audience, iss: issuer, exp: Math.floor(seconds) + 600, roles: ['r'], ...claims };
  // As JSON, which leaves undefined claims out.
  return jwt.sign(JSON.stringify(all), header.key ?? keys.a, { algorithm: 'RS256', keyid: header.kid ?? 'a' });
}

describe('which tokens belong here', () => {
  test('[RA-015] those that name the audience, whoever signed them', () => {
    const entra = verifier();
    const signed = (aud: unknown) => entra.isAddressed(jwt.sign({ aud }, 'any key', { noTimestamp: true }));
    for (const aud of [audience, `${audience}/`, 'HTTPS://webpubsub.azure.com', ['x', audience]]) {
      expect(signed(aud)).toBe(true);
    }
    for (const aud of ['https://webpubsub.azure.com.evil', 'https://webpubsub.azure.com/api', [], 1]) {
      expect(signed(aud)).toBe(false);
    }
  });

  test.each([
    '',
    'x',
    'a.b.c',
    '..',
    `${'A'.repeat(1_000_000)}.${'A'.repeat(100)}.x`,
    'eyJhbGciOiJub25lIn0.bm90IGpzb24.',
  ])('garbage %# does not', text => {
    expect(verifier().isAddressed(text)).toBe(false);
  });
});

describe('verification', () => {
  test('[rest-api 1.4] a token of the issuer: its roles', async () => {
    expect(await verifier().verify(token())).toEqual(['r']);
    expect(await verifier().verify(token({ roles: undefined }))).toEqual([]);
    expect(await verifier().verify(token({ roles: 'one' }))).toEqual(['one']);
  });

  test.each([
    ['another issuer', { iss: 'https://evil.example' }],
    ['no issuer', { iss: undefined }],
    ['another audience', { aud: 'https://elsewhere' }],
    ['no exp', { exp: undefined }],
  ])('[RA-015] %s is refused', async (_what, claims) => {
    await expect(verifier().verify(token(claims))).rejects.toMatchObject(unauthorized);
  });

  test.each([
    [{ exp: -4 }, true],
    [{ exp: -6 }, false],
    [{ nbf: 4 }, true],
    [{ nbf: 6 }, false],
  ])('[RA-010] clocks may differ by five minutes: %j', async (minutes, isAccepted) => {
    const times = Object.entries(minutes).map(([name, offset]) => [name, Math.floor(clock.now() / 1000) + offset * 60]);
    const verdict = verifier().verify(token(Object.fromEntries(times)));
    if (isAccepted) expect(await verdict).toEqual(['r']);
    else await expect(verdict).rejects.toMatchObject(unauthorized);
  });

  test('a trailing slash of the issuer does not count', async () => {
    expect(await verifier().verify(token({ iss: `${issuer}/` }))).toEqual(['r']);
  });

  test('other kinds of signature, and other keys, are refused', async () => {
    const pem = createPublicKey(keys.a).export({ format: 'pem', type: 'spki' }) as string;
    const claims = { aud: audience, iss: issuer, exp: Math.floor(clock.now() / 1000) + 600, roles: ['r'] };
    const [, payload] = token().split('.');
    const header = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const forged = [
      token({}, { key: keys.b }),
      jwt.sign(claims, Buffer.from('x'.repeat(32)), { keyid: 'a' }),
      `${header({ alg: 'HS256', kid: 'a' })}.${payload}.${Buffer.from(pem).toString('base64url')}`,
      `${header({ alg: 'none', kid: 'a' })}.${payload}.`,
      jwt.sign(claims, keys.a, { algorithm: 'RS512', keyid: 'a' }),
      jwt.sign(claims, keys.a, { algorithm: 'RS256' }),
    ];
    for (const each of forged) await expect(verifier().verify(each)).rejects.toMatchObject(unauthorized);
  });

  test('a refusal holds no part of the token', async () => {
    const text = token({}, { key: keys.b });
    const error: Error = await verifier()
      .verify(text)
      .catch(reason => reason);
    for (const part of text.split('.')) expect(error.message).not.toContain(part);
  });

  test('[rest-api 1.7] when Entra ID is disabled, or has no issuer, every token is refused and nobody is asked', async () => {
    await expect(verifier({ isDisabled: true }).verify(token())).rejects.toMatchObject(unauthorized);
    await expect(verifier({ issuers: [] }).verify(token())).rejects.toMatchObject(unauthorized);
    await expect(verifier().verify(token({ iss: 'https://evil.example' }))).rejects.toMatchObject(unauthorized);
    expect(fetched).toEqual([]);
  });
});

describe('keys', () => {
  test('are found through the OpenID document when no address is configured', async () => {
    const entra = verifier({ issuers: [{ issuer, jwksUri: undefined }] });
    expect(await entra.verify(token())).toEqual(['r']);
    expect(fetched).toEqual([`${issuer}/.well-known/openid-configuration`, jwksUri]);
  });

  test.each([
    { issuer: 'https://evil.example', jwks_uri: jwksUri },
    { issuer, jwks_uri: 'http://keys.example/keys' },
    { issuer, jwks_uri: 1 },
    { issuer, jwks_uri: 'file:///keys' },
    { issuer, jwks_uri: 'https://u:s3cret@keys.example/keys' },
    { issuer, jwks_uri: 'https://u:s3cret@keys.example:99999/keys' },
    null,
  ])('an OpenID document %j is not followed', async document => {
    web[`${issuer}/.well-known/openid-configuration`] = () => Response.json(document);
    const entra = verifier({ issuers: [{ issuer, jwksUri: undefined }] });
    const refused = await entra.verify(token()).catch(error => error);
    expect(refused).toMatchObject({ kind: 'internal' });
    expect(inspect(refused)).not.toContain('s3cret');
    expect(fetched).toHaveLength(1);
  });

  test('are fetched once for many tokens at a time, and kept', async () => {
    const entra = verifier();
    await Promise.all([entra.verify(token()), entra.verify(token()), entra.verify(token())]);
    clock.advance(59 * minuteMs);
    await entra.verify(token());
    expect(fetched).toEqual([jwksUri]);
  });

  test('[F7] their age is no matter of the wall clock: a step back does not keep them for longer', async () => {
    const entra = verifier();
    await entra.verify(token());
    clock.stepWall(-25 * 60 * minuteMs);
    clock.advance(25 * 60 * minuteMs);
    web[jwksUri] = () => Response.json({ keys: [jwk('b', keys.b)] });
    await expect(entra.verify(token())).rejects.toMatchObject(unauthorized);
  });

  test('a new key is found at once, an old one is forgotten with the next fetch', async () => {
    const entra = verifier();
    await entra.verify(token());
    web[jwksUri] = () => Response.json({ keys: [jwk('b', keys.b)] });
    clock.advance(minuteMs);
    expect(await entra.verify(token({}, { key: keys.b, kid: 'b' }))).toEqual(['r']);
    await expect(entra.verify(token())).rejects.toMatchObject(unauthorized);
  });

  test('keys that nobody publishes do not make the issuer be asked again and again', async () => {
    const entra = verifier();
    await entra.verify(token());
    clock.advance(minuteMs);
    for (let time = 0; time < 20; time += 1) {
      await expect(entra.verify(token({}, { kid: `unknown-${time}` }))).rejects.toMatchObject(unauthorized);
    }
    expect(fetched).toHaveLength(2);
  });

  test('keys at hand serve while the issuer cannot be reached, for a day', async () => {
    const entra = verifier();
    await entra.verify(token());
    web[jwksUri] = () => Promise.reject(new Error('unreachable'));
    clock.advance(23 * 60 * minuteMs);
    expect(await entra.verify(token())).toEqual(['r']);
    clock.advance(2 * 60 * minuteMs);
    await expect(entra.verify(token())).rejects.toMatchObject({ kind: 'internal' });
  });

  test.each<[string, () => Response]>([
    ['status 500', () => new Response('', { status: 500 })],
    ['no JSON', () => new Response('<html>')],
    ['no keys', () => Response.json({ keys: [] })],
    ['more than a mebibyte', () => new Response(' '.repeat(1024 * 1024 + 1))],
  ])('an answer of %s is no answer, and the next one counts', async (_what, answer) => {
    const good = web[jwksUri]!;
    web[jwksUri] = answer;
    const entra = verifier();
    await expect(entra.verify(token())).rejects.toMatchObject({ kind: 'internal' });
    web[jwksUri] = good;
    clock.advance(minuteMs);
    expect(await entra.verify(token())).toEqual(['r']);
  });

  test('an issuer that does not answer is given up after ten seconds', async () => {
    vi.stubGlobal(
      'fetch',
      (_url: string, { signal }: RequestInit) =>
        new Promise((_resolve, reject) => signal!.addEventListener('abort', () => reject(signal!.reason))),
    );
    const verdict = verifier().verify(token());
    await clock.whenDueIn(10_000);
    clock.advance(10_000);
    await expect(verdict).rejects.toMatchObject({ kind: 'internal' });
  });

  test('plain http only leads to this machine', async () => {
    web['http://127.0.0.1:5/keys'] = web[jwksUri]!;
    const near = verifier({ issuers: [{ issuer, jwksUri: 'http://127.0.0.1:5/keys' }] });
    expect(await near.verify(token())).toEqual(['r']);
    const far = verifier({ issuers: [{ issuer, jwksUri: 'http://127.0.0.1.evil.example/keys' }] });
    await expect(far.verify(token())).rejects.toMatchObject({ kind: 'internal' });
  });
});

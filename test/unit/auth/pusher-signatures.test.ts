import { createSecretKey } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type AppKey, isSigned, oldestActive, signatureOf } from '../../../src/auth/pusher-signatures.js';

/** Of Pusher's own documents; the presence digest is recomputed, since theirs belongs to another text. */
const documented = '7ad3773142a6692b25b8';
const own = 'hubsecret01';

test.each([
  [documented, '1234.1234:private-foobar', '58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4'],
  [documented, '1234.1234::user::{"id":"12345"}', '4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba'],
  [
    documented,
    '1234.1234:presence-foobar:{"user_id":10,"user_info":{"name":"Mr. Channels"}}',
    '31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80',
  ],
  [own, '8181.30117:private-orders', 'fa20d9715597ed9d7a4a9f02f1d52d1e11985be7ee9239b897c837f6a9c6b59a'],
  [
    own,
    '8181.30117:private-orders:{"user_id":"u-19"}',
    '8f84642cb22420ad2a4dc121244394bc9e7ae803b3225296ffb11f44de1cb8ad',
  ],
  [own, '8181.30117::user::{"id":"u-19"}', '6a05b8b8540c9f2aa7db9e2524d02c369aaeb6b3cb8cb75e640c11c7ccb464dc'],
])('[PW §3.4] secret %s, text %s', (secret, text, digest) => {
  expect(signatureOf(secret, text)).toBe(digest);
  expect(signatureOf(createSecretKey(Buffer.from(secret)), text)).toBe(digest);
});

test('[PW-006] the oldest active key signs', () => {
  const secret = 's';
  const keys: AppKey[] = [
    { key: 'new', secret, createdAtMs: 30, active: true },
    { key: 'old', secret, createdAtMs: 10, active: false },
    { key: 'middle', secret, createdAtMs: 20, active: true },
  ];
  expect(oldestActive(keys)?.key).toBe('middle');
  expect(oldestActive([...keys, { key: 'undated', secret, active: true }])?.key).toBe('undated');
  expect(oldestActive(keys.slice(1, 2))).toBeUndefined();
});

describe('isSigned', () => {
  const keys: AppKey[] = [
    { key: 'old', secret: 'a', active: false },
    { key: 'first', secret: 'b', active: true },
    { key: 'second', secret: 'c', active: true },
  ];
  const by = (key: string, secret: string, text = 't') => `${key}:${signatureOf(secret, text)}`;

  test('any active key signs, under its own name', () => {
    expect(isSigned(keys, by('first', 'b'), 't')).toBe(true);
    expect(isSigned(keys, by('second', 'c'), 't')).toBe(true);
    expect(isSigned(keys, by('first', 'c'), 't')).toBe(false);
    expect(isSigned(keys, by('old', 'a'), 't')).toBe(false);
    expect(isSigned(keys, by('none', 'b'), 't')).toBe(false);
  });

  test('another text, other digits, other forms', () => {
    const auth = by('first', 'b');
    expect(isSigned(keys, auth, 'u')).toBe(false);
    for (let at = 'first:'.length; at < auth.length; at += 1) {
      const digit = auth[at] === '0' ? '1' : '0';
      expect(isSigned(keys, auth.slice(0, at) + digit + auth.slice(at + 1), 't')).toBe(false);
    }
    const digest = signatureOf('b', 't');
    for (const wrong of [
      '',
      digest,
      `:${digest}`,
      `first:${digest.toUpperCase()}`,
      `first:${digest}0`,
      `first:${digest}\n`,
    ]) {
      expect(isSigned(keys, wrong, 't')).toBe(false);
    }
  });
});

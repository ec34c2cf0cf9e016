import { createHmac, createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hmacSha256 } from '../../../src/auth/hmac.js';

const encodings = ['hex', 'base64url'] as const;

function expectSame(secret: Uint8Array, signed: string | Buffer): void {
  const key = createSecretKey(secret);
  for (const encoding of encodings) {
    const expected = createHmac('sha256', key).update(signed).digest(encoding);
    expect(hmacSha256(key, signed, encoding)).toBe(expected);
    expect(hmacSha256(key, signed, encoding)).toBe(expected); // with the padded key, after another text
  }
}

test('[RFC 2104] is what createHmac makes, for any key, text and bytes', () => {
  const secrets = fc.uint8Array({ minLength: 1, maxLength: 200 });
  const texts = fc.oneof(fc.string({ unit: 'binary', maxLength: 3_000 }), fc.string({ maxLength: 200 }));
  const bytes = fc.uint8Array({ maxLength: 6_000 }).map(each => Buffer.from(each));
  fc.assert(fc.property(secrets, fc.oneof(texts, bytes), expectSame));
});

test.each([63, 64, 65, 128])('of a key of %i bytes, about a block', length => {
  expectSame(Buffer.alloc(length, 0xa5), 'text');
});

test.each([0, 1, 4_095, 4_096, 4_097, 100_000])('of %i bytes, up to and beyond what is copied', length => {
  expectSame(Buffer.from('secret'), Buffer.alloc(length, 7));
  expectSame(Buffer.from('secret'), 'é'.repeat(length / 2));
});

test('[RFC 4231 4.3] a known one', () => {
  const key = createSecretKey(Buffer.from('Jefe'));
  expect(hmacSha256(key, 'what do ya want for nothing?', 'hex')).toBe(
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  );
});

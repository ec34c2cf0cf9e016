import { createHmac, hash, type KeyObject, timingSafeEqual } from 'node:crypto';

/** Of SHA-256. */
const blockBytes = 64;
const digestBytes = 32;
const [innerPad, outerPad] = [0x36, 0x5c];

/** What is longer is copied for more than an object of `createHmac` costs. */
const mostCopied = 4_096;

/** A key as HMAC pads it, with room for what is hashed behind it. [RFC 2104 2] */
interface PaddedKey {
  readonly inner: Buffer;
  readonly outer: Buffer;
}

const paddedKeys = new WeakMap<KeyObject, PaddedKey>();

/**
 * HMAC-SHA256 of the bytes, or of the text's UTF-8. Hot path: two hashes, each made in one call, since the object that
 * `createHmac` makes costs more than both.
 */
export function hmacSha256(key: KeyObject, signed: string | Buffer, encoding: 'hex' | 'base64url'): string {
  const length = typeof signed === 'string' ? Buffer.byteLength(signed) : signed.length;
  if (length > mostCopied) return createHmac('sha256', key).update(signed).digest(encoding);
  const { inner, outer } = paddedOf(key);
  if (typeof signed === 'string') inner.write(signed, blockBytes);
  else inner.set(signed, blockBytes);
  outer.write(hash('sha256', inner.subarray(0, blockBytes + length), 'binary'), blockBytes, 'binary');
  return hash('sha256', outer, encoding);
}

/** Compares signatures, as text and in constant time: of the several ways to write the same bytes only the canonical one counts. */
export function isSameSignature(given: string, computed: string): boolean {
  return (
    given.length === computed.length && timingSafeEqual(Buffer.from(given, 'latin1'), Buffer.from(computed, 'latin1'))
  );
}

function paddedOf(key: KeyObject): PaddedKey {
  let padded = paddedKeys.get(key);
  if (padded === undefined) {
    padded = { inner: padOf(key, innerPad, mostCopied), outer: padOf(key, outerPad, digestBytes) };
    paddedKeys.set(key, padded);
  }
  return padded;
}

/** A key that is longer than a block is replaced by its hash. @param room bytes behind it */
function padOf(key: KeyObject, pad: number, room: number): Buffer {
  const bytes = key.export();
  const block = bytes.length > blockBytes ? hash('sha256', bytes, 'buffer') : bytes;
  const padded = Buffer.alloc(blockBytes + room);
  for (let at = 0; at < blockBytes; at += 1) padded[at] = (block[at] ?? 0) ^ pad;
  return padded;
}

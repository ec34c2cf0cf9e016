import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { hmacSha256, isSameSignature } from './hmac.js';

/** One key of a Pusher app. The secret's UTF-8 text is the HMAC key. */
export interface AppKey {
  readonly key: string;
  readonly secret: string | KeyObject;
  /** Unix milliseconds; undefined: before all that have a time. */
  readonly createdAtMs?: number | undefined;
  /** Nothing is signed with one that is not, and nothing that it signed is accepted. */
  readonly active: boolean;
}

/** The same key, with a secret that need not be made ready for each signature: half of what a short one costs. */
export function preparedKey(key: AppKey): AppKey {
  const { secret } = key;
  return typeof secret === 'string' ? { ...key, secret: createSecretKey(Buffer.from(secret, 'utf8')) } : key;
}

/** The key that signs webhooks: the oldest one that is active; of equally old ones the first. [pusher-webhooks 1.5, row 37] */
export function oldestActive<Key extends AppKey>(keys: Iterable<Key>): Key | undefined {
  let oldest: Key | undefined;
  for (const key of keys) {
    if (!key.active) continue;
    if (oldest === undefined || (key.createdAtMs ?? 0) < (oldest.createdAtMs ?? 0)) oldest = key;
  }
  return oldest;
}

/** `key:signature`, the signature as 64 lower-case hex digits. [PW §3.4] */
const shape = /^([^:]+):([0-9a-f]{64})$/;

/** HMAC-SHA256 of the bytes, or of the text's UTF-8, as lower-case hex. [PW §3.4] */
export function signatureOf(secret: string | KeyObject, signed: string | Buffer): string {
  if (typeof secret !== 'string') return hmacSha256(secret, signed, 'hex');
  return createHmac('sha256', secret).update(signed).digest('hex');
}

/** Is the text signed with an active key? @param auth what an app server gave its client for it: `key:signature` [PW §3.4] */
export function isSigned(keys: readonly AppKey[], auth: string, text: string): boolean {
  const [, name, signature] = shape.exec(auth) ?? [];
  const found = keys.find(({ key, active }) => active && key === name);
  if (found === undefined || signature === undefined) return false;
  return isSameSignature(signature, signatureOf(found.secret, text));
}

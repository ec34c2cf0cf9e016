import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';

/** One key of a Pusher app. The secret's UTF-8 text is the HMAC key. */
export interface AppKey {
  readonly key: string;
  readonly secret: string | KeyObject;
  /** Nothing is signed with one that is not, and nothing that it signed is accepted. */
  readonly active: boolean;
}

/** `key:signature`, the signature as 64 lower-case hex digits. [PW §3.4] */
const shape = /^([^:]+):([0-9a-f]{64})$/;

/** HMAC-SHA256 of the text's UTF-8, as lower-case hex. [PW §3.4] */
export function signatureOf(secret: string | KeyObject, text: string): string {
  return createHmac('sha256', secret).update(text, 'utf8').digest('hex');
}

/** Is the text signed with an active key? @param auth what an app server gave its client for it: `key:signature` [PW §3.4] */
export function isSigned(keys: readonly AppKey[], auth: string, text: string): boolean {
  const [, name, signature] = shape.exec(auth) ?? [];
  const found = keys.find(({ key, active }) => active && key === name);
  if (found === undefined || signature === undefined) return false;
  return timingSafeEqual(Buffer.from(signature, 'latin1'), Buffer.from(signatureOf(found.secret, text), 'latin1'));
}

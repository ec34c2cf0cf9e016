import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { signatureOf } from '../auth/pusher-signatures.js';
import { PubSubError } from '../errors.js';

export type SignatureFormat = 'hex' | 'sha256-prefixed';

/** `X-Pusher-Signature` of the bytes of a body: lower-case hex. [pusher-webhooks 1.5, row 38] */
export function pusherSignature(body: Buffer, secret: string | KeyObject, format: SignatureFormat = 'hex'): string {
  const hex = signatureOf(secret, body);
  return format === 'hex' ? hex : `sha256=${hex}`;
}

/** A secret of Standard Webhooks, prepared. */
export interface SigningSecret {
  readonly key: KeyObject;
  /** Unix milliseconds; undefined: never. */
  readonly expiresAtMs: number | undefined;
}

const secretPrefix = 'whsec_';

/**
 * Reads `whsec_` with base64 of 24 to 64 bytes; the prefix may be left out. [Standard Webhooks, Signature scheme]
 * @throws PubSubError `invalid`; the message does not quote the secret
 */
export function signingSecret(text: string, expiresAtMs?: number): SigningSecret {
  const base64 = text.startsWith(secretPrefix) ? text.slice(secretPrefix.length) : text;
  const bytes = Buffer.from(base64, 'base64');
  const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(base64);
  if (!isBase64 || bytes.length < 24 || bytes.length > 64) {
    throw new PubSubError(
      'invalid',
      `a signing secret is ${secretPrefix} and base64 of 24 to 64 random bytes: make one with  echo ${secretPrefix}$(openssl rand -base64 32)`,
    );
  }
  return { key: createSecretKey(bytes), expiresAtMs };
}

/** `webhook-signature`: one `v1,` item for each secret that has not expired, in their order. [Standard Webhooks] */
export function standardSignature(
  secrets: readonly SigningSecret[],
  { id, timestampSeconds, body, nowMs }: { id: string; timestampSeconds: number; body: Buffer; nowMs: number },
): string {
  return secrets
    .filter(({ expiresAtMs }) => expiresAtMs === undefined || nowMs < expiresAtMs)
    .map(({ key }) => {
      const hmac = createHmac('sha256', key).update(`${id}.${timestampSeconds}.`, 'utf8').update(body);
      return `v1,${hmac.digest('base64')}`;
    })
    .join(' ');
}

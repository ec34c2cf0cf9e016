import { createHash, createHmac } from 'node:crypto';
import type { Received } from './app-server.js';

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Is the request signed with the secret? Written from the documentation of AWS, not with its library. [AWS Signature Version 4] */
export function isSignedByAws({ method, path, headers, body }: Received, secret: string): boolean {
  const [, scope = '', signed = '', signature = ''] =
    /^AWS4-HMAC-SHA256 Credential=[^/]+\/(\S+), SignedHeaders=(\S+), Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? '',
    ) ?? [];
  const [pathname = '', query = ''] = path.split('?');
  const canonical = [
    method,
    pathname.split('/').map(encodeURIComponent).join('/'), // once more than on the wire
    query.split('&').sort().join('&'),
    ...signed.split(';').map(name => `${name}:${String(headers[name]).trim()}`),
    '',
    signed,
    sha256(body),
  ].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(canonical)].join('\n');
  const key = scope.split('/').reduce<Buffer | string>((secretSoFar, part) => hmac(secretSoFar, part), `AWS4${secret}`);
  return hmac(key, toSign).toString('hex') === signature;
}

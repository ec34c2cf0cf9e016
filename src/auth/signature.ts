import { createHmac, type KeyObject } from 'node:crypto';
import { type AccessKeys, verifyingKeys } from './key-tokens.js';

/**
 * Makes the `ce-signature` of a connection: one `sha256=` item per key, primary first, joined by a comma without a space.
 * A key's characters are the HMAC key, even when they look like base64. [upstream-events 6.3]
 */
export function signer(keys: AccessKeys): (connectionId: string) => string {
  const prepared = verifyingKeys(keys);
  return connectionId => prepared.map(key => `sha256=${hmac(key, connectionId)}`).join(',');
}

function hmac(key: KeyObject, connectionId: string): string {
  return createHmac('sha256', key).update(connectionId, 'utf8').digest('hex');
}

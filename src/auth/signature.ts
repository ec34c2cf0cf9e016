import { createHmac } from 'node:crypto';

/**
 * Makes the `ce-signature` of a connection: one `sha256=` item per key, primary first, joined by a comma without a space.
 * A key's characters are the HMAC key, even when they look like base64. [upstream-events 6.3]
 */
export function signer(keys: {
  readonly primary: string;
  readonly secondary: string | undefined;
}): (connectionId: string) => string {
  const items = keys.secondary === undefined ? [keys.primary] : [keys.primary, keys.secondary];
  return connectionId => items.map(key => `sha256=${hmac(key, connectionId)}`).join(',');
}

function hmac(key: string, connectionId: string): string {
  return createHmac('sha256', key).update(connectionId, 'utf8').digest('hex');
}

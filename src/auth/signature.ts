import { hmacSha256 } from './hmac.js';
import { type AccessKeys, Keys } from './keys.js';

/** Makes the `ce-signature` of a connection. */
export interface Signer {
  (connectionId: string): string;
  /** Compared by identity: a signature that was made with another version is not the service's any more. */
  readonly version?: unknown;
}

/**
 * Signs a connection's id: one `sha256=` item per key, primary first, joined by a comma without a space. A key's characters
 * are the HMAC key, even when they look like base64. [upstream-events 6.3]
 */
export function signer(given: AccessKeys): Signer {
  const keys = Keys.of(given);
  const sign = (connectionId: string) =>
    keys.current.verifying.map(key => `sha256=${hmacSha256(key, connectionId, 'hex')}`).join(',');
  return Object.defineProperty(sign, 'version', { get: () => keys.current });
}

import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import { type AccessKeys, Keys } from './keys.js';

const macBytes = 16;

/** Keeps what is signed here from being taken for anything else that the keys sign. */
const purpose = 'hubwire.continuation.1';

/**
 * Tokens that contain the connection of one group of one hub after which a list continues. Opaque to callers: a MAC, then the
 * connection's id, in base64url. Nothing is stored, so that any node with the same keys can read them, and each of the
 * two keys serves, so that a rotation breaks no list that is being read. They do not expire. [rest-api 2.6]
 */
export class ContinuationTokens {
  readonly #keys: Keys;

  constructor(keys: AccessKeys) {
    this.#keys = Keys.of(keys);
  }

  /** @param hub canonical */
  issue(hub: string, group: string, connectionId: string): string {
    const mac = macOf(this.#keys.current.signing, hub, group, connectionId);
    return Buffer.concat([mac, Buffer.from(connectionId, 'utf8')]).toString('base64url');
  }

  /** The connection id; undefined for a token that was not issued for this group of this hub. @param hub canonical */
  read(token: string, hub: string, group: string): string | undefined {
    const bytes = Buffer.from(token, 'base64url');
    if (bytes.length <= macBytes || bytes.toString('base64url') !== token) return undefined;
    const mac = bytes.subarray(0, macBytes);
    const connectionId = bytes.toString('utf8', macBytes);
    const isOurs = this.#keys.current.verifying.some(key => timingSafeEqual(mac, macOf(key, hub, group, connectionId)));
    return isOurs ? connectionId : undefined;
  }
}

/** As JSON, so that no two triples are the same text. */
function macOf(key: KeyObject, hub: string, group: string, connectionId: string): Buffer {
  const text = JSON.stringify([purpose, hub, group, connectionId]);
  return createHmac('sha256', key).update(text, 'utf8').digest().subarray(0, macBytes);
}

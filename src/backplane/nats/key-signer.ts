import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Signer } from './frame.js';

/** Access keys of the service, as they are now. */
export interface SigningKeys {
  readonly primary: string;
  readonly secondary: string | undefined;
}

const purpose = 'hubwire bus 1';

/** Signs with a key that is derived from the primary access key; one of the secondary is accepted, so that keys can be changed. [cluster 10] */
export class KeySigner implements Signer {
  readonly #keys: SigningKeys;
  /** By access key. */
  readonly #derived = new Map<string, Buffer>();

  /** @param keys read for each envelope */
  constructor(keys: SigningKeys) {
    this.#keys = keys;
  }

  sign(bytes: Uint8Array): Buffer {
    return this.#mac(this.#keys.primary, bytes);
  }

  accepts(bytes: Uint8Array, mac: Uint8Array): boolean {
    const { primary, secondary } = this.#keys;
    if (timingSafeEqual(this.#mac(primary, bytes), mac)) return true;
    return secondary !== undefined && timingSafeEqual(this.#mac(secondary, bytes), mac);
  }

  #mac(accessKey: string, bytes: Uint8Array): Buffer {
    return createHmac('sha256', this.#derive(accessKey)).update(bytes).digest();
  }

  #derive(accessKey: string): Buffer {
    const known = this.#derived.get(accessKey);
    if (known !== undefined) return known;
    if (this.#derived.size >= 2) this.#derived.clear();
    const derived = createHmac('sha256', accessKey).update(purpose).digest();
    this.#derived.set(accessKey, derived);
    return derived;
  }
}

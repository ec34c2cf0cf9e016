import type { KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { type AccessKeys, Keys } from './keys.js';

/** [client-protocols 5.1] */
const lifetimeSeconds = 7 * 24 * 60 * 60;

/** The claim that binds a token to its hub; its presence also keeps client tokens from being taken for these. */
const hubClaim = 'hubwire.session.hub';

/**
 * Tokens with which a client recovers its session: bound to one connection of one hub, reusable until they expire,
 * opaque to clients. Signed with the access keys, so that any node can check them. [client-protocols 5.1, D33]
 */
export class KeyReconnectionTokens {
  readonly #keys: Keys;
  readonly #now: () => number;

  /** @param now Unix milliseconds */
  constructor(keys: AccessKeys, now: () => number) {
    this.#keys = Keys.of(keys);
    this.#now = now;
  }

  issue(hub: string, connectionId: string): string {
    const exp = Math.floor(this.#now() / 1000) + lifetimeSeconds;
    const claims = { aud: connectionId, exp, [hubClaim]: hub };
    return jwt.sign(claims, this.#keys.current.signing, { algorithm: 'HS256', noTimestamp: true });
  }

  accepts(token: string, hub: string, connectionId: string): boolean {
    return this.#keys.current.verifying.some(key => this.#isSigned(token, hub, connectionId, key));
  }

  #isSigned(token: string, hub: string, connectionId: string, key: KeyObject): boolean {
    try {
      const clockTimestamp = Math.floor(this.#now() / 1000);
      const claims = jwt.verify(token, key, { algorithms: ['HS256'], audience: connectionId, clockTimestamp });
      return typeof claims !== 'string' && claims[hubClaim] === hub;
    } catch {
      return false; // invalid for whatever reason: no recovery
    }
  }
}

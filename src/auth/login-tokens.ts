import { hkdfSync } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { claimStrings } from './claims.js';
import { KeyTokens } from './key-tokens.js';
import { Keys } from './keys.js';

/** What a login token says. */
export interface Login {
  /** As the login named it. */
  readonly tenantId: string | undefined;
}

/**
 * Tokens that the login routes give in exchange for the admin token, signed (HS256) with a key that is derived from it: they
 * are valid on every service with this admin token, and end with it. [management 1.1, 1.6]
 */
export class LoginTokens {
  /** For which a token is valid. [management 1.6] */
  readonly seconds = 3_600;
  readonly #keys: Keys;
  readonly #tokens: KeyTokens;
  readonly #now: () => number;

  /** @param now Unix milliseconds */
  constructor(adminToken: string, now: () => number) {
    const derived = Buffer.from(hkdfSync('sha256', adminToken, '', 'hubwire login tokens', 32));
    this.#keys = new Keys({ primary: derived.toString('base64'), secondary: undefined });
    this.#tokens = new KeyTokens(this.#keys, now);
    this.#now = now;
  }

  /** @param adminUrl the audience: where the login was answered */
  sign(adminUrl: string, { tenantId }: Login): string {
    const now = Math.floor(this.#now() / 1_000);
    const claims = { aud: adminUrl, tid: tenantId, iat: now, nbf: now, exp: now + this.seconds };
    return jwt.sign(claims, this.#keys.current.signing, { algorithm: 'HS256' });
  }

  /** @throws PubSubError `unauthorized`, also for the token of another admin token or another URL */
  verify(token: string, isAdminUrl: (audience: string) => boolean): Login {
    const { tid } = this.#tokens.verify(token, isAdminUrl);
    return { tenantId: claimStrings(tid)[0] };
  }
}

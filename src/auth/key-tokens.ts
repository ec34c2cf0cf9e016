import jwt from 'jsonwebtoken';
import { type AudienceCheck, WrongAudience } from './audience.js';
import { type Claims, checkHeader, checkTimes, claimStrings } from './claims.js';
import { Hs256 } from './hs256.js';
import { type AccessKeys, Keys } from './keys.js';

export type { AccessKeys } from './keys.js';

/** The claims of a minted client token. [client-protocols 2.1] */
export interface ClientClaims {
  readonly userId?: string | undefined;
  readonly roles?: readonly string[] | undefined;
  readonly groups?: readonly string[] | undefined;
}

/** Lifetime of client tokens unless another one is requested. [rest-api 2.7] */
export const defaultTokenMinutes = 60;

/** Longest lifetime that can be requested. [rest-api 2.7] */
export const mostTokenMinutes = 2_147_483_647;

const issuer = 'https://webpubsub.azure.com';

/** JSON Web Tokens signed with an access key (HS256). */
export class KeyTokens {
  readonly #keys: Keys;
  readonly #signatures: Hs256;
  readonly #now: () => number;

  /**
   * @param now Unix milliseconds
   * @param remembered how many tokens are remembered, so that their signature is not checked again; times and audience
   *   are checked at each use
   */
  constructor(keys: AccessKeys, now: () => number, remembered = 0) {
    this.#keys = Keys.of(keys);
    this.#signatures = new Hs256(this.#keys, remembered);
    this.#now = now;
  }

  /**
   * The token's claims, when any key signed it, its times are valid, and one `aud` passes.
   * @throws PubSubError `unauthorized` that names the failed check, without any part of the token; WrongAudience names its `aud`
   */
  verify(token: string, isAudience: AudienceCheck): Claims {
    const { header, claims } = this.#signatures.verify(token);
    checkHeader(header);
    checkTimes(claims, Math.floor(this.#now() / 1000));
    const audiences = claimStrings(claims.aud);
    if (!audiences.some(isAudience)) throw new WrongAudience(audiences);
    return claims;
  }

  /** A client access token in the vendor's shape. [rest-api 1.6] */
  sign(claims: ClientClaims, audience: string, lifetimeMinutes: number): string {
    const now = Math.floor(this.#now() / 1000);
    const body: Record<string, unknown> = {
      aud: audience,
      iat: now,
      nbf: now,
      exp: now + lifetimeMinutes * 60,
      iss: issuer,
    };
    if (claims.userId !== undefined) body.sub = claims.userId;
    if (claims.roles !== undefined && claims.roles.length > 0) body.role = claims.roles;
    if (claims.groups !== undefined && claims.groups.length > 0) body['webpubsub.group'] = claims.groups;
    return jwt.sign(body, this.#keys.current.signing, { algorithm: 'HS256' });
  }
}

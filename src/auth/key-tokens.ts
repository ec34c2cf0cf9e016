import { createSecretKey, type KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { PubSubError } from '../errors.js';
import type { AudienceCheck } from './audience.js';

/** The service's access keys. Their UTF-8 text is the key, although it looks like base64. [rest-api 1.2] */
export interface AccessKeys {
  readonly primary: string;
  readonly secondary: string | undefined;
}

export type Claims = Readonly<Record<string, unknown>>;

/** What a minted client token says. [client-protocols 2.1] */
export interface ClientClaims {
  readonly userId?: string | undefined;
  readonly roles?: readonly string[] | undefined;
  readonly groups?: readonly string[] | undefined;
}

/** Seconds by which clocks may differ, for `exp` and `nbf`. [client-protocols 1.3, rest-api 1.2] */
const clockSkewSeconds = 300;
const issuer = 'https://webpubsub.azure.com';

/** JSON Web Tokens signed with an access key (HS256). */
export class KeyTokens {
  readonly #keys: readonly KeyObject[];
  readonly #now: () => number;

  /** @param now Unix milliseconds */
  constructor(keys: AccessKeys, now: () => number) {
    this.#keys = verifyingKeys(keys);
    this.#now = now;
  }

  /**
   * The token's claims, when any key signed it, `exp` and `nbf` hold, and one `aud` passes.
   * @throws PubSubError `unauthorized` that says which check failed, without any part of the token
   */
  verify(token: string, isAudience: AudienceCheck): Claims {
    const claims = this.#verifySignature(token);
    if (typeof claims.exp !== 'number') throw unauthorized('the token has no exp claim');
    const audiences = claimStrings(claims.aud);
    if (!audiences.some(isAudience)) throw unauthorized('the token is for another audience');
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
    return jwt.sign(body, this.#keys[0] as KeyObject, { algorithm: 'HS256' });
  }

  #verifySignature(token: string): jwt.JwtPayload {
    let failure: unknown;
    for (const key of this.#keys) {
      try {
        const claims = jwt.verify(token, key, {
          algorithms: ['HS256'],
          clockTolerance: clockSkewSeconds,
          clockTimestamp: Math.floor(this.#now() / 1000),
        });
        if (typeof claims === 'string') throw unauthorized('the token holds no claims');
        return claims;
      } catch (error) {
        failure = error;
        if (!isSignatureMismatch(error)) break; // the right key said no for another reason: no other key can help
      }
    }
    throw unauthorized(reasonOf(failure));
  }
}

/** The keys that exist, primary first, which is the one that signs. */
export function verifyingKeys({ primary, secondary }: AccessKeys): readonly KeyObject[] {
  const texts = secondary === undefined ? [primary] : [primary, secondary];
  return texts.map(text => createSecretKey(Buffer.from(text, 'utf8')));
}

/** A claim's values as strings: arrays expanded, numbers and booleans as text. [upstream-events D30] */
export function claimStrings(value: unknown): string[] {
  if (value === undefined || value === null) return [];
  const values: unknown[] = Array.isArray(value) ? value : [value];
  return values.map(item => (typeof item === 'object' ? JSON.stringify(item) : String(item)));
}

function isSignatureMismatch(error: unknown): boolean {
  return error instanceof jwt.JsonWebTokenError && error.message === 'invalid signature';
}

function reasonOf(error: unknown): string {
  if (error instanceof PubSubError) return error.message;
  if (error instanceof jwt.TokenExpiredError) return 'the token has expired';
  if (error instanceof jwt.NotBeforeError) return 'the token is not valid yet';
  if (isSignatureMismatch(error)) return 'the token is not signed with an access key of this service';
  return 'the token is not a JSON Web Token signed with HS256';
}

function unauthorized(message: string): PubSubError {
  return new PubSubError('unauthorized', message);
}

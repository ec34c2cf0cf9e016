import { LRUCache } from 'lru-cache';
import { PubSubError } from '../errors.js';
import type { Claims } from './claims.js';
import { parseExactly } from './exact-json.js';
import { hmacSha256, isSameSignature } from './hmac.js';
import type { KeySet, Keys } from './keys.js';

/** Contents of a JSON Web Token whose signature is valid. */
export interface SignedToken {
  readonly header: object;
  readonly claims: Claims;
}

/** Header, claims and signature in base64url; HMAC-SHA256 makes 32 bytes, which are 43 characters. [RFC 7515 3.1, 7.1] */
const shape = /^([\w-]+)\.([\w-]+)\.([\w-]{43})$/;

/** Most characters of a token that is remembered: SDKs' tokens have fewer. Bounds the memory of those that are remembered. */
const longestRemembered = 4_096;

/** Maximum number of cached headers; libraries write a handful of different ones. */
const mostHeaders = 64;

/**
 * Checks HS256 signatures. Hot path: each connect and each REST call has a token; general JWT libraries are slower. Claims are parsed only after the signature is verified.
 */
export class Hs256 {
  readonly #keys: Keys;
  /** With which everything that is remembered was verified. */
  #verifiedWith: KeySet;
  /** By their text. Only holders of a key can add one, since a header is cached after its token's signature is verified. */
  readonly #headers = new Map<string, object>();
  /** Tokens with a valid signature, by their text; undefined when none are remembered. */
  readonly #signed: LRUCache<string, SignedToken> | undefined;

  /**
   * @param keys any of which may have signed; what is remembered is forgotten when they change
   * @param remembered how many tokens with a valid signature are remembered
   */
  constructor(keys: Keys, remembered = 0) {
    this.#keys = keys;
    this.#verifiedWith = keys.current;
    this.#signed = remembered === 0 ? undefined : new LRUCache({ max: remembered });
  }

  /**
   * What one of the keys signed. Times, audience and critical extensions are the caller's to check.
   * @throws PubSubError `unauthorized` that names the failed check, without any part of the token
   */
  verify(token: string): SignedToken {
    if (this.#verifiedWith !== this.#keys.current) this.#forget();
    return this.#signed?.get(token) ?? this.#check(token);
  }

  #check(token: string): SignedToken {
    const [, headerText, claimsText, signature] = shape.exec(token) ?? [];
    if (headerText === undefined || claimsText === undefined || signature === undefined) throw noToken();
    const header = this.#headers.get(headerText) ?? readHeader(headerText);
    const input = token.slice(0, -1 - signature.length);
    if (!this.#verifiedWith.verifying.some(key => isSameSignature(signature, hmacSha256(key, input, 'base64url')))) {
      throw unauthorized('the token is not signed with an access key of this service');
    }
    this.#remember(headerText, header);
    const signed = { header, claims: readClaims(claimsText) };
    if (token.length <= longestRemembered) this.#signed?.set(token, signed);
    return signed;
  }

  #forget(): void {
    this.#verifiedWith = this.#keys.current;
    this.#headers.clear();
    this.#signed?.clear();
  }

  #remember(text: string, header: object): void {
    if (this.#headers.has(text)) return;
    if (this.#headers.size === mostHeaders) this.#headers.clear(); // in practice never: it takes 64 different libraries
    this.#headers.set(text, header);
  }
}

function readHeader(text: string): object {
  const header = parsed(JSON.parse, text); // not verified yet: the cheaper parser
  if (typeof header === 'object' && header !== null && 'alg' in header && header.alg === 'HS256') return header;
  throw noToken();
}

function readClaims(text: string): Claims {
  const claims = parsed(parseExactly, text);
  if (typeof claims === 'object' && claims !== null && !Array.isArray(claims)) return claims as Claims;
  throw unauthorized('the token contains no claims');
}

/** Undefined for invalid JSON; no valid JSON text has that value. */
function parsed(parse: (text: string) => unknown, text: string): unknown {
  try {
    return parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}

function noToken(): PubSubError {
  return unauthorized('the token is not a JSON Web Token signed with HS256');
}

function unauthorized(message: string): PubSubError {
  return new PubSubError('unauthorized', message);
}

import { PubSubError } from '../errors.js';
import { stringifyExactly } from './exact-json.js';

/** Claims of a token whose signature is valid. An integer beyond 2^53 - 1 is a bigint. */
export type Claims = Readonly<Record<string, unknown>>;

/** Seconds by which clocks may differ, for `exp` and `nbf`. [client-protocols 1.3, rest-api 1.2, 1.4] */
const clockSkewSeconds = 300;

/**
 * No extension of JWS is understood here, so a token that makes one critical is refused. [RFC 7515 4.1.11]
 * @throws PubSubError `unauthorized`
 */
export function checkHeader(header: object): void {
  if (Object.hasOwn(header, 'crit')) {
    throw unauthorized('the crit header of the token names extensions, and this service supports none');
  }
}

/**
 * `exp` is needed, `nbf` is not; both are seconds since 1970, fractions included. [RFC 7519 2, 4.1.4, 4.1.5]
 * @param nowSeconds Unix seconds
 * @throws PubSubError `unauthorized` that names the wrong claim
 */
export function checkTimes(claims: Claims, nowSeconds: number): void {
  const expires = secondsOf('exp', claims.exp);
  const begins = secondsOf('nbf', claims.nbf);
  if (expires === undefined) throw unauthorized('the token has no exp claim');
  if (begins !== undefined && begins > nowSeconds + clockSkewSeconds) throw unauthorized('the token is not valid yet');
  if (nowSeconds >= expires + clockSkewSeconds) throw unauthorized('the token has expired');
}

/**
 * The user whom a client's token names: `""` is an anonymous one, as is a token without `sub`. A whole number is its
 * decimal text, as libraries in the field sign a database's keys.
 * @throws PubSubError `unauthorized` for another type, and for a number that is not written as a whole one
 */
export function subjectOf({ sub }: Claims): string | undefined {
  if (sub === undefined || typeof sub === 'string') return sub;
  if (typeof sub === 'bigint') return String(sub);
  if (typeof sub !== 'number') throw unauthorized(`sub is ${kindOf(sub)}; it must be a string with the user's id`);
  if (Number.isSafeInteger(sub)) return String(sub);
  throw unauthorized('sub is a number that is not whole, or not written in digits; use a string');
}

/** A claim's values as strings: arrays expanded, numbers and booleans as text, integers with all their digits. [upstream-events D30] */
export function claimStrings(value: unknown): string[] {
  if (value === undefined || value === null) return [];
  const values: unknown[] = Array.isArray(value) ? value : [value];
  return values.map(item => (typeof item === 'object' ? stringifyExactly(item) : String(item)));
}

function secondsOf(name: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const seconds = typeof value === 'bigint' ? Number(value) : value;
  if (Number.isFinite(seconds)) return seconds as number;
  throw unauthorized(`${name} is ${kindOf(value)}; it must be a number: seconds since 1970`);
}

/** What JSON calls it; the value itself is not shown. */
function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'number' || typeof value === 'bigint') return 'a number that is too large';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function unauthorized(message: string): PubSubError {
  return new PubSubError('unauthorized', message);
}

import type { PubSubError } from '../../../errors.js';
import { type Member, scanMembers } from '../../json-scan.js';
import type { Metadata } from '../../messages.js';
import { checkNonEmpty, distinct, malformed, metadataOf } from '../rules.js';

/** One JSON object as a client sent it: its parsed values, and where each stood in the bytes. */
export class JsonObject {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #bytes: Buffer;
  readonly #text: string;
  #members: readonly Member[] | undefined;

  /** @param what it is, for the client */
  private constructor(bytes: Buffer, text: string, value: unknown, what: string) {
    this.#bytes = bytes;
    this.#text = text;
    this.#values = objectOf(value, what);
  }

  /** @throws PubSubError `malformed` when the bytes are not one JSON object */
  static parse(bytes: Buffer): JsonObject {
    const text = bytes.toString('utf8');
    return new JsonObject(bytes, text, parseJson(text), 'the message');
  }

  /** Absent and null are distinguished; `__proto__` and its like are never found on a prototype. */
  get(name: string): unknown {
    return Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** The value's own bytes; of repeated names the last counts, as for JSON.parse. */
  raw(name: string): Buffer {
    const member = this.#scan().findLast(each => each.isNamed(name));
    return member === undefined ? Buffer.alloc(0) : this.#bytes.subarray(member.start, member.end);
  }

  string(name: string): string {
    const value = this.get(name);
    if (typeof value !== 'string') throw malformed(`${name} must be a string`);
    return value;
  }

  nonEmptyString(name: string): string {
    return checkNonEmpty(name, this.string(name));
  }

  /** Null is absent. */
  optionalString(name: string): string | undefined {
    return this.get(name) === null || !this.has(name) ? undefined : this.string(name);
  }

  /** A nested object; null is absent. */
  object(name: string): JsonObject | undefined {
    const value = this.get(name);
    if (value === undefined || value === null) return undefined;
    const bytes = this.raw(name);
    return new JsonObject(bytes, bytes.toString('utf8'), value, name);
  }

  boolean(name: string): boolean {
    const value = this.get(name) ?? (this.has(name) ? null : false);
    if (typeof value !== 'boolean') throw malformed(`${name} must be true or false`);
    return value;
  }

  /**
   * An integer from 0 to 2^64-1 whose digits survive; null is absent. Read from the text: numbers above 2^53 lose digits.
   * @param most the largest that the caller takes, for the error's text
   */
  uint64(name: string, most = maxUint64): bigint | undefined {
    const value = this.get(name);
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'number') throw notUint64(name, most);
    if (Number.isSafeInteger(value) && value >= 0 && this.#isPlain(name, value)) return BigInt(value);
    return parseUint64(name, this.raw(name).toString('latin1'), most);
  }

  /**
   * Does the text surely show the number in its shortest digits? Then the members need not be found for its sake, which
   * takes three times as long as all else of an event. Without escapes a name in quotes is a member's key or a whole
   * string; where it stands once, and before a colon, it is the key.
   */
  #isPlain(name: string, value: number): boolean {
    const text = this.#text;
    const key = `"${name}"`;
    const at = text.indexOf(key);
    if (at < 0 || text.indexOf(key, at + key.length) >= 0 || text.includes('\\')) return false;
    const colon = at + key.length;
    const start = text[colon + 1] === ' ' ? colon + 2 : colon + 1;
    const digits = String(value);
    const next = text[start + digits.length];
    return text[colon] === ':' && text.startsWith(digits, start) && (next === ',' || next === '}');
  }

  /** Names and texts of a `metadata` object; null and `{}` are absent. [client-protocols 4.6] */
  metadata(name: string): Metadata | undefined {
    const entries = this.object(name)?.entries(name);
    return entries && metadataOf(entries);
  }

  /** Names and texts of an object of strings; null is absent. */
  strings(name: string): ReadonlyMap<string, string> | undefined {
    const entries = this.object(name)?.entries(name);
    return entries && distinct(name, [...entries]);
  }

  /** All members, which must be strings. Read from the text: a repeated key is not to be a last-one-wins. */
  *entries(name: string): Generator<[string, string]> {
    for (const { key, start, end } of this.#scan()) {
      const value: unknown = JSON.parse(this.#bytes.toString('utf8', start, end));
      if (typeof value !== 'string') throw malformed(`${name} values must be strings`);
      yield [key, value];
    }
  }

  #scan(): readonly Member[] {
    this.#members ??= scanMembers(this.#bytes);
    return this.#members;
  }
}

const maxUint64 = 2n ** 64n - 1n;

/** @throws PubSubError `malformed` for other than the digits of a uint64 */
export function parseUint64(name: string, digits: string, most = maxUint64): bigint {
  if (!/^(0|[1-9]\d{0,19})$/.test(digits)) throw notUint64(name, most);
  const parsed = BigInt(digits);
  if (parsed > maxUint64) throw notUint64(name, most);
  return parsed;
}

function notUint64(name: string, most: bigint): PubSubError {
  return malformed(`${name} must be an integer from 0 to ${most}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw malformed('the message is not JSON', cause);
  }
}

function objectOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed(`${what} must be a JSON object`);
  }
  return value as Readonly<Record<string, unknown>>;
}

import { PubSubError } from '../errors.js';
import { type Member, scanMembers } from './json-scan.js';
import type { Metadata } from './messages.js';
import { checkMetadata } from './metadata.js';

/** One JSON object as a client sent it: its parsed values, and where each stood in the bytes. */
export class JsonObject {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #bytes: Buffer;
  #members: readonly Member[] | undefined;

  /** @throws PubSubError `malformed` when the bytes are not one JSON object */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#values = parseObject(bytes);
  }

  /** Absent and null are told apart; `__proto__` and its like are never found on a prototype. */
  get(name: string): unknown {
    return Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** The value's own bytes; of repeated names the last counts, as for JSON.parse. */
  raw(name: string): Buffer {
    const member = this.#scan().findLast(({ key }) => key === name);
    return member === undefined ? Buffer.alloc(0) : this.#bytes.subarray(member.start, member.end);
  }

  string(name: string): string {
    const value = this.get(name);
    if (typeof value !== 'string') throw malformed(`${name} must be a string`);
    return value;
  }

  nonEmptyString(name: string): string {
    const value = this.string(name);
    if (value === '') throw malformed(`${name} must not be empty`);
    return value;
  }

  boolean(name: string): boolean {
    const value = this.get(name) ?? (this.has(name) ? null : false);
    if (typeof value !== 'boolean') throw malformed(`${name} must be true or false`);
    return value;
  }

  /** An integer from 0 to 2^64-1 whose digits survive; null is absent. Read from the text: numbers above 2^53 lose digits. */
  uint64(name: string): bigint | undefined {
    const value = this.get(name);
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'number') throw notUint64(name);
    return parseUint64(name, this.raw(name).toString('latin1'));
  }

  /** Names and texts of a `metadata` object; null and `{}` are absent. [client-protocols 4.6] */
  metadata(name: string): Metadata | undefined {
    const value = this.get(name);
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'object' || Array.isArray(value)) throw malformed(`${name} must be an object`);
    return readMetadata(name, this.raw(name));
  }

  #scan(): readonly Member[] {
    this.#members ??= scanMembers(this.#bytes);
    return this.#members;
  }
}

const maxUint64 = 2n ** 64n - 1n;

export function malformed(message: string, cause?: unknown): PubSubError {
  return new PubSubError('malformed', message, cause === undefined ? undefined : { cause });
}

/** @throws PubSubError `malformed` for other than the digits of a uint64 */
export function parseUint64(name: string, digits: string): bigint {
  if (!/^(0|[1-9]\d{0,19})$/.test(digits)) throw notUint64(name);
  const parsed = BigInt(digits);
  if (parsed > maxUint64) throw notUint64(name);
  return parsed;
}

function notUint64(name: string): PubSubError {
  return malformed(`${name} must be an integer from 0 to 18446744073709551615`);
}

function parseObject(bytes: Buffer): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw malformed('the message is not JSON', cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed('the message must be a JSON object');
  }
  return value as Readonly<Record<string, unknown>>;
}

/** Read from the members, not from the parsed object: a repeated key is an error, not a last-one-wins. */
function readMetadata(name: string, json: Buffer): Metadata | undefined {
  const entries = scanMembers(json).map(({ key, start, end }): [string, string] => {
    const value: unknown = JSON.parse(json.toString('utf8', start, end));
    if (typeof value !== 'string') throw malformed(`${name} values must be strings`);
    return [key, value];
  });
  try {
    return checkMetadata(entries);
  } catch (cause) {
    throw malformed(PubSubError.from(cause).message, cause);
  }
}

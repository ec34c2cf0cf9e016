import { badHead } from './bad-envelope.js';
import type { BodyReader } from './body-reader.js';

/** How one type of value travels: as a part of the head, which is JSON, with bytes among the bodies. */
export interface Field<T> {
  /** May be left out of its record. */
  readonly isOptional?: boolean;
  /** @param bodies to which its bytes are added. @returns what `JSON.stringify` takes */
  write(value: T, bodies: Uint8Array[]): unknown;
  /** @param json from the head of any sender @throws BadEnvelope `head` when it is not of the type */
  read(json: unknown, bodies: BodyReader): T;
}

/** A value that JSON has too. */
function plain<T>(what: string, isOne: (json: unknown) => json is T): Field<T> {
  return {
    write: value => value,
    read(json) {
      if (isOne(json)) return json;
      throw badHead(`not ${what}`);
    },
  };
}

export const text = plain('a text', json => typeof json === 'string');
export const flag = plain('a truth value', json => typeof json === 'boolean');
export const count = plain('a whole number', (json): json is number => Number.isSafeInteger(json) && Number(json) >= 0);

/** A time or a span of time; with a fraction, where it was measured. */
export const time = plain('a number from 0', (json): json is number => Number.isFinite(json) && Number(json) >= 0);

/** Any JSON object. */
export const anyRecord = plain('an object', isRecord);

/** One of these texts. */
export function oneOf<T extends string>(...texts: readonly T[]): Field<T> {
  const known: ReadonlySet<unknown> = new Set(texts);
  return plain(`one of ${texts.join(', ')}`, (json): json is T => known.has(json));
}

/** 64 bits, as decimal digits: JSON's numbers have 53. */
export const uint64: Field<bigint> = {
  write: String,
  read(json) {
    if (typeof json === 'string' && /^\d{1,20}$/.test(json)) return BigInt(json);
    throw badHead('not a number of 64 bits');
  },
};

/** Bytes among the bodies; the head has their length. */
export const bytes: Field<Buffer> = {
  write(value, bodies) {
    bodies.push(value);
    return value.length;
  },
  read: (json, bodies) => bodies.take(count.read(json, bodies)),
};

/** Undefined is left out. */
export function optional<T>(field: Field<T>): Field<T | undefined> {
  return {
    isOptional: true,
    write: (value, bodies) => (value === undefined ? undefined : field.write(value, bodies)),
    read: (json, bodies) => (json === undefined ? undefined : field.read(json, bodies)),
  };
}

/** A list of which an empty one is left out. */
export function someOf<T>(field: Field<T>): Field<readonly T[]> {
  const all = list(field);
  return {
    isOptional: true,
    write: (value, bodies) => (value.length === 0 ? undefined : all.write(value, bodies)),
    read: (json, bodies) => (json === undefined ? [] : all.read(json, bodies)),
  };
}

export function list<T>(field: Field<T>): Field<readonly T[]> {
  return {
    write: (values, bodies) => values.map(value => field.write(value, bodies)),
    read(json, bodies) {
      if (Array.isArray(json)) return json.map(each => field.read(each, bodies));
      throw badHead('not a list');
    },
  };
}

/** Pairs, so that any text can be a key. */
export const textMap: Field<ReadonlyMap<string, string>> = {
  write: value => [...value],
  read(json) {
    if (Array.isArray(json) && json.every(isPair)) return new Map(json);
    throw badHead('not a list of pairs of texts');
  },
};

type Fields<T> = { readonly [K in keyof T]-?: Field<T[K]> };
type Json = Record<string, unknown>;

/** A field that is an object. */
export interface RecordField<T> extends Field<T> {
  /** Adds what is written to `json`. */
  writeTo(json: Json, value: T, bodies: Uint8Array[]): Json;
  /** Adds what is read to `value`. */
  readTo(value: Json, json: Json, bodies: BodyReader): Json;
}

/** An object with these fields. Others, of a later version, are ignored. Hot path. */
export function record<T extends object>(fields: Fields<T>): RecordField<T> {
  const keys = Object.keys(fields) as (keyof T & string)[];
  const codecs = Object.values(fields) as Field<unknown>[];
  const writeTo = (json: Json, value: T, bodies: Uint8Array[]) => {
    for (let at = 0; at < keys.length; at += 1) {
      const written = codecs[at]!.write(value[keys[at]!], bodies);
      if (written !== undefined) json[keys[at]!] = written;
    }
    return json;
  };
  const readTo = (value: Json, json: Json, bodies: BodyReader) => {
    for (let at = 0; at < keys.length; at += 1) {
      value[keys[at]!] = readField(keys[at]!, codecs[at]!, json[keys[at]!], bodies);
    }
    return value;
  };
  return {
    writeTo,
    readTo,
    write: (value, bodies) => writeTo({}, value, bodies),
    read(json, bodies) {
      if (isRecord(json)) return readTo({}, json, bodies) as T;
      throw badHead('not an object');
    },
  };
}

function readField(key: string, field: Field<unknown>, json: unknown, bodies: BodyReader): unknown {
  if (json === undefined && field.isOptional !== true) throw badHead(`${key} is missing`);
  return field.read(json, bodies);
}

type OfKind<T, K> = T extends { readonly kind: string } ? (K extends T['kind'] ? Omit<T, 'kind'> : never) : never;

/** One of several records, told apart by their `kind`. */
export function byKind<T extends { readonly kind: string }>(
  fields: {
    readonly [K in T['kind']]: RecordField<OfKind<T, K>>;
  },
): Field<T> {
  const known = new Map(Object.entries(fields)) as unknown as ReadonlyMap<unknown, RecordField<object>>;
  return {
    write: (value, bodies) => known.get(value.kind)!.writeTo({ kind: value.kind }, value, bodies),
    read(json, bodies) {
      const kind = isRecord(json) ? json.kind : undefined;
      const field = known.get(kind);
      if (field === undefined) throw badHead('kind is unknown');
      return field.readTo({ kind }, json as Json, bodies) as unknown as T;
    },
  };
}

/** A type of which the other is how it travels. */
export function mapped<T, Sent>(field: Field<Sent>, toSent: (value: T) => Sent, fromSent: (sent: Sent) => T): Field<T> {
  return {
    ...(field.isOptional === true && { isOptional: true }),
    write: (value, bodies) => field.write(toSent(value), bodies),
    read: (json, bodies) => fromSent(field.read(json, bodies)),
  };
}

export function isRecord(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function isPair(json: unknown): json is [string, string] {
  return Array.isArray(json) && json.length === 2 && json.every(each => typeof each === 'string');
}

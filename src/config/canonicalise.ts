import type { TSchema } from '@sinclair/typebox';
import { PubSubError } from '../errors.js';
import { FromEnvironment } from './environment.js';
import { formats, urlFormats } from './formats.js';
import type { Path } from './problems.js';
import { expected } from './reasons.js';
import { oneOrMore, textOrNumber, typeOf } from './schema/fields.js';

/** The file that a tree was read from. */
export interface Origin {
  /** Called with the problem of the value at a path; undefined when it has been reported already. */
  report(path: Path, reason: string | undefined): void;
  /** Called for each text in which variables were filled in. */
  filled(path: Path, from: FromEnvironment): void;
  /** The characters of a number as they are in the file. */
  numberText(path: Path): string | undefined;
}

/**
 * Follows the schema down the tree: environment variables take the type that their field has, words their canonical
 * letter case, a number its text where a text is wanted, and texts with a format are read. What the schema does not know
 * stays as it is.
 */
export function canonicalise(schema: TSchema, value: unknown, path: Path, origin: Origin): unknown {
  if (value instanceof FromEnvironment) origin.filled(path, value);
  const items = schema.items as TSchema | undefined;
  if (Array.isArray(value)) {
    return items ? value.map((item, index) => canonicalise(items, item, [...path, index], origin)) : value;
  }
  if (items !== undefined && isOnlyItem(schema, value)) return [canonicalise(items, value, path, origin)];
  if (value instanceof FromEnvironment) return canonicalVariable(schema, value, path, origin);
  if (typeof value === 'string') return canonicalText(schema, value, value, path, origin);
  if (typeof value === 'number') return canonicalNumber(schema, value, path, origin);
  if (typeof value !== 'object' || value === null) return value;
  const canonical = Object.entries(value).map(([key, item]) => {
    const inner = schemaOf(schema, key);
    return [key, inner ? canonicalise(inner, item, [...path, key], origin) : item];
  });
  return Object.fromEntries(canonical);
}

function isOnlyItem(schema: TSchema, value: unknown): boolean {
  return schema[oneOrMore] === true && (typeof value === 'string' || value instanceof FromEnvironment);
}

/** Not `String(value)`: an id of 20 digits or one that begins with 0 would be another one then. */
function canonicalNumber(schema: TSchema, value: number, path: Path, origin: Origin): unknown {
  if (schema.format !== textOrNumber) return value;
  return canonicalText(schema, origin.numberText(path) ?? String(value), '', path, origin);
}

function schemaOf(schema: TSchema, key: string): TSchema | undefined {
  const properties = (schema.properties ?? {}) as Record<string, TSchema>;
  if (Object.hasOwn(properties, key)) return properties[key];
  const patterns = Object.entries((schema.patternProperties ?? {}) as Record<string, TSchema>);
  return patterns.find(([pattern]) => new RegExp(pattern).test(key))?.[1];
}

function canonicalVariable(schema: TSchema, from: FromEnvironment, path: Path, origin: Origin): unknown {
  const { value, written, isWhole, empty } = from;
  if (value === undefined) {
    origin.report(path, undefined);
    return '';
  }
  const [nothing] = isUrl(schema) ? empty : [];
  if (nothing !== undefined) {
    origin.report(path, `environment variable ${nothing} is empty, so a part of the URL is missing; set the variable`);
    return '';
  }
  const read = isWhole ? readers[typeOf(schema)] : undefined;
  if (!read) return canonicalText(schema, value, written, path, origin);
  const typed = read(value.trim());
  if (typed === undefined) origin.report(path, `the value of ${written} must be ${expected(schema)}`);
  return typed;
}

/** Where a variable without a value would lead to another address. */
function isUrl(schema: TSchema): boolean {
  return urlFormats.includes(String(schema.format));
}

const readers: Readonly<Record<string, (text: string) => number | boolean | undefined>> = {
  integer: readNumber,
  number: readNumber,
  boolean: text => ({ true: true, false: false })[text.toLowerCase()],
};

function readNumber(text: string): number | undefined {
  return /^[-+]?\d+(?:\.\d+)?$/.test(text) ? Number(text) : undefined;
}

function canonicalText(schema: TSchema, text: string, written: string, path: Path, origin: Origin): string {
  const words = ((schema.enum ?? []) as readonly (string | null)[]).filter(word => word !== null);
  const format = formats[String(schema.format)];
  try {
    format?.(text, written);
  } catch (error) {
    if (!(error instanceof PubSubError)) throw error;
    origin.report(path, error.message);
  }
  return words.find(word => word.toLowerCase() === text.toLowerCase()) ?? text;
}

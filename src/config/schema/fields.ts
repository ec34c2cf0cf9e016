import {
  type ObjectOptions,
  type Static,
  type StringOptions,
  type TProperties,
  type TSchema,
  Type,
} from '@sinclair/typebox';
import { httpUrl } from './patterns.js';

/** The field may be left empty in the file (`chat:` and nothing after it), which is the same as leaving it out. */
export function nullable<T extends TSchema>(schema: T) {
  const words = schema.enum === undefined ? {} : { enum: [...schema.enum, null] };
  return Type.Unsafe<Static<T> | null>({ ...schema, type: [schema.type, 'null'], ...words });
}

/** The field may be left out, or left empty. */
export function optional<T extends TSchema>(schema: T) {
  return Type.Optional(nullable(schema));
}

/** A mapping without other keys. */
export function record<T extends TProperties>(properties: T, options: ObjectOptions & { description: string }) {
  return Type.Object(properties, { ...options, additionalProperties: false });
}

/** One of some words, in any letter case; the canonical ones are listed. */
export function oneOf<const T extends readonly string[]>(
  values: T,
  options: { description: string; default?: string },
) {
  return Type.Unsafe<T[number]>({ type: 'string', enum: [...values], ...options });
}

/** `format` of a text that may be written as a number. */
export const textOrNumber = 'text-or-number';

/** A text that is often made of digits: a number in the file stands for its text, `007` for "007". */
export function plainText(options: StringOptions & { description: string }) {
  return Type.String({ ...options, format: textOrNumber });
}

/** A URL that requests are sent to. @param pattern which ones, for editors too */
export function requestUrl(description: string, pattern: string = httpUrl) {
  return Type.String({ pattern, format: 'http-url', description });
}

/** Keyword of a list that may be written as its only item. */
export const oneOrMore = 'oneOrMore';

/** A list, or its only item. */
export function listOf<T extends TSchema>(items: T, options: { description: string; minItems?: number }) {
  return Type.Array(items, { ...options, [oneOrMore]: true });
}

/** Of a schema, with or without `null`. */
export function typeOf(schema: Readonly<Record<string, unknown>>): string {
  return String([schema.type].flat()[0]);
}

import { type ObjectOptions, type Static, type TProperties, type TSchema, Type } from '@sinclair/typebox';

/** The field may be left empty in the file (`chat:` and nothing after it), which is the same as leaving it out. */
export function nullable<T extends TSchema>(schema: T) {
  return Type.Unsafe<Static<T> | null>({ ...schema, type: [schema.type, 'null'] });
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

import type { TSchema } from '@sinclair/typebox';
import { typeOf } from '../schema/fields.js';

/** Of a mapping whose settings are compared as they are: an empty one there may mean something else than none. */
const comparedAsIs = new Set(['webhooks']);

/**
 * What is left of settings without those that change nothing: empty ones, defaults, and other spellings of a word.
 * Undefined: nothing. Values that the schema does not allow stay.
 */
export function significant(schema: TSchema | undefined, value: unknown): unknown {
  if (value === null || value === undefined) return undefined;
  if (schema === undefined) return value;
  const type = Array.isArray(value) ? 'array' : typeof value;
  if ((type === 'array' || type === 'object') && type !== typeOf(schema)) return value;
  if (Array.isArray(value)) return significantList(schema, value);
  if (typeof value === 'object') {
    const settings = significantSettings(schema, value);
    return Object.keys(settings).length === 0 ? undefined : settings;
  }
  const word = typeof value === 'string' ? canonicalWord(schema, value) : value;
  return word === schema.default ? undefined : word;
}

/** Of a mapping that is kept even if nothing is left of it, as a hub is. */
export function significantSettings(schema: TSchema, value: object): Record<string, unknown> {
  const entries = Object.entries(value).flatMap(([key, inner]): [string, unknown][] => {
    const left = comparedAsIs.has(key) ? (inner ?? undefined) : significant(propertyOf(schema, key), inner);
    return left === undefined ? [] : [[key, left]];
  });
  return Object.fromEntries(entries);
}

/** Items are never left out. */
function significantList(schema: TSchema, list: readonly unknown[]): unknown {
  if (list.length === 0) return undefined;
  const items = schema.items as TSchema | undefined;
  return list.map(item => {
    if (items === undefined || typeof item !== 'object' || item === null) {
      return typeof item === 'string' && items !== undefined ? canonicalWord(items, item) : item;
    }
    return Array.isArray(item) ? item : significantSettings(items, item);
  });
}

export function propertyOf(schema: TSchema | undefined, key: string): TSchema | undefined {
  const properties = (schema?.properties ?? {}) as Record<string, TSchema>;
  return Object.hasOwn(properties, key) ? properties[key] : undefined;
}

export function itemsOf(schema: TSchema | undefined): TSchema | undefined {
  return schema?.items as TSchema | undefined;
}

function canonicalWord(schema: TSchema, text: string): string {
  const words = ((schema.enum ?? []) as readonly (string | null)[]).filter(word => word !== null);
  return words.find(word => word.toLowerCase() === text.toLowerCase()) ?? text;
}

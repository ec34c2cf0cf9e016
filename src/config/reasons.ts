import type { TSchema } from '@sinclair/typebox';
import type { ErrorObject } from 'ajv';
import { nearestWord } from './did-you-mean.js';
import { foreignSettingText } from './foreign-settings.js';
import { type Path, quote } from './problems.js';
import { typeOf } from './schema/fields.js';
import { patternTexts } from './schema/patterns.js';

/** A violation of the schema, described for the person who wrote the file. No value is shown: it may come from the environment. */
export interface SchemaProblem {
  readonly path: Path;
  readonly reason: string;
  readonly part: 'key' | 'value';
}

/** Undefined when another error describes the same problem better. `path` is that of the error's `instancePath`. */
export function schemaProblemOf(error: ErrorObject, path: Path): SchemaProblem | undefined {
  const schema = (error.parentSchema ?? {}) as TSchema;
  switch (error.keyword) {
    case 'if':
      return undefined;
    case 'additionalProperties':
      return unknownKey(String(error.params.additionalProperty), schema, path);
    case 'required':
      return missing(String(error.params.missingProperty), path);
    case 'uniqueItems': {
      const later = Math.max(Number(error.params.i), Number(error.params.j));
      return { path: [...path, later], reason: 'is listed twice; remove one', part: 'value' };
    }
    case 'minLength':
      return { path, reason: 'must not be empty', part: 'value' };
    case 'minItems':
      return { path, reason: 'must have at least one item', part: 'value' };
    case 'pattern':
      return { path, reason: `must be ${patternTexts[String(schema.pattern)] ?? expected(schema)}`, part: 'value' };
    case 'maxItems':
      return { path, reason: `must be a list of at most ${error.params.limit} items`, part: 'value' };
    default:
      return { path, reason: `must be ${expected(schema)}${hint(schema, error.data)}`, part: 'value' };
  }
}

/** What the field takes, as in "must be …". */
export function expected(schema: TSchema): string {
  if (Array.isArray(schema.enum)) return `one of ${wordsOf(schema).map(quote).join(', ')}`;
  const type = typeOf(schema);
  switch (type) {
    case 'integer':
    case 'number':
      return `${type === 'integer' ? 'a whole number' : 'a number'}${range(schema)}`;
    case 'boolean':
      return '`true` or `false`';
    case 'array':
      return 'a list';
    case 'object':
      return 'a mapping (lines of `key: value`)';
    case 'null':
      return 'left out unless `type` is `ManagedIdentity`';
    default:
      return 'a string';
  }
}

/** Of an enumeration, without the `null` of a field that may be empty. */
function wordsOf(schema: TSchema): string[] {
  return (schema.enum as (string | null)[]).filter(word => word !== null);
}

function range(schema: TSchema): string {
  const { minimum, exclusiveMinimum, maximum } = schema;
  const least = minimum === undefined ? `above ${exclusiveMinimum}` : String(minimum);
  if (maximum === undefined) return ` of at least ${least}`;
  return minimum === undefined ? ` ${least}, up to ${maximum}` : ` from ${least} to ${maximum}`;
}

function hint(schema: TSchema, data: unknown): string {
  if (typeof data !== 'string') return '';
  if (Array.isArray(schema.enum)) return didYouMean(data, wordsOf(schema));
  if (['integer', 'number', 'boolean'].includes(typeOf(schema))) return ', without quotes';
  return '';
}

/** Settings of the vendor's service that files may contain. */
const unsupported = new Set(['eventlisteners']);

function unknownKey(key: string, schema: TSchema, parent: Path): SchemaProblem {
  const path = [...parent, key];
  if (schema.patternProperties) {
    const rule = 'a name is a letter followed by letters, digits and _ ` , . [ ], at most 128 characters';
    return { path, reason: `${quote(key)} is not a valid hub name; ${rule}`, part: 'key' };
  }
  if (unsupported.has(key.toLowerCase())) {
    return { path, reason: `${quote(key)} is not supported by this version; remove it`, part: 'key' };
  }
  const foreign = foreignSettingText(key, parent);
  if (foreign !== undefined) return { path, reason: foreign, part: 'key' };
  const known = Object.keys((schema.properties ?? {}) as object);
  const suggestion = didYouMean(key, known) || `; known keys are ${known.map(quote).join(', ')}`;
  return { path, reason: `unknown key ${quote(key)}${suggestion}`, part: 'key' };
}

/** Nothing when no word is near. */
function didYouMean(given: string, words: readonly string[]): string {
  const word = nearestWord(given, words);
  return word === undefined ? '' : `, did you mean ${quote(word)}?`;
}

function missing(key: string, parent: Path): SchemaProblem {
  const what: Readonly<Record<string, string>> = {
    urlTemplate: 'add the URL that receives the events',
    managedIdentity: 'type ManagedIdentity needs `managedIdentity: { resource: "api://…" }`, the audience of the token',
    event_types: 'add the events that this endpoint receives, or `["*"]` for all',
    group: 'add the group of the hub',
    channel: 'add the channel that the group is joined with',
    id: 'add the id of the app, which is in the paths of the HTTP API',
    redis: 'driver redis needs the server; add `redis: { url: "redis://…" }`',
    sqs: 'driver sqs needs the queue; add `sqs: { queue_url: "https://…" }`',
    queue_url: 'add the URL of the queue',
    resource: 'type ManagedIdentity needs the audience of the token; add `resource: "api://…"`',
  };
  return { path: [...parent, key], reason: `${quote(key)} is missing: ${what[key] ?? 'add it'}`, part: 'key' };
}

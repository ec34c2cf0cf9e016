import type { TSchema } from '@sinclair/typebox';
import { PubSubError } from '../errors.js';
import { parseEventPattern, parseGroupFilter } from '../upstream/event-pattern.js';
import { parseUrlTemplate } from '../upstream/url-template.js';
import { FromEnvironment } from './environment.js';
import type { Path } from './problems.js';
import { expected } from './reasons.js';
import { secureUrl } from './schema/callers.js';

/** Parsers for the `format`s of the schema. */
const formats: Readonly<Record<string, (text: string, written: string) => unknown>> = {
  'url-template': parseUrlTemplate,
  'event-pattern': parseEventPattern,
  'group-filter': parseGroupFilter,
};

/** Called with the problem of the value at a path; undefined when it has been reported already. */
export type Report = (path: Path, reason: string | undefined) => void;

/** Called for each text in which variables were filled in. */
export type Filled = (path: Path, from: FromEnvironment) => void;

/**
 * Follows the schema down the tree: environment variables take the type that their field has, words their canonical
 * letter case, and texts with a format are read. What the schema does not know stays as it is.
 */
export function canonicalise(
  schema: TSchema,
  value: unknown,
  path: Path,
  report: Report,
  filled: Filled = () => {},
): unknown {
  if (value instanceof FromEnvironment) {
    filled(path, value);
    return canonicalVariable(schema, value, path, report);
  }
  if (typeof value === 'string') return canonicalText(schema, value, value, path, report);
  if (Array.isArray(value)) {
    const items = schema.items as TSchema | undefined;
    return items ? value.map((item, index) => canonicalise(items, item, [...path, index], report, filled)) : value;
  }
  if (typeof value !== 'object' || value === null) return value;
  const canonical = Object.entries(value).map(([key, item]) => {
    const inner = schemaOf(schema, key);
    return [key, inner ? canonicalise(inner, item, [...path, key], report, filled) : item];
  });
  return Object.fromEntries(canonical);
}

function schemaOf(schema: TSchema, key: string): TSchema | undefined {
  const properties = (schema.properties ?? {}) as Record<string, TSchema>;
  if (Object.hasOwn(properties, key)) return properties[key];
  const patterns = Object.entries((schema.patternProperties ?? {}) as Record<string, TSchema>);
  return patterns.find(([pattern]) => new RegExp(pattern).test(key))?.[1];
}

function canonicalVariable(schema: TSchema, from: FromEnvironment, path: Path, report: Report): unknown {
  const { value, written, isWhole, empty } = from;
  if (value === undefined) {
    report(path, undefined);
    return '';
  }
  const [nothing] = isUrl(schema) ? empty : [];
  if (nothing !== undefined) {
    report(path, `environment variable ${nothing} is empty, so a part of the URL is missing; set the variable`);
    return '';
  }
  const read = isWhole ? readers[String(schema.type)] : undefined;
  if (!read) return canonicalText(schema, value, written, path, report);
  const typed = read(value.trim());
  if (typed === undefined) report(path, `the value of ${written} must be ${expected(schema)}`);
  return typed;
}

/** Where a variable without a value would lead to another address. */
function isUrl(schema: TSchema): boolean {
  return schema.format === 'url-template' || schema.pattern === secureUrl;
}

const readers: Readonly<Record<string, (text: string) => number | boolean | undefined>> = {
  integer: readNumber,
  number: readNumber,
  boolean: text => ({ true: true, false: false })[text.toLowerCase()],
};

function readNumber(text: string): number | undefined {
  return /^[-+]?\d+(?:\.\d+)?$/.test(text) ? Number(text) : undefined;
}

function canonicalText(schema: TSchema, text: string, written: string, path: Path, report: Report): string {
  const words = (schema.enum ?? []) as readonly string[];
  const format = formats[String(schema.format)];
  try {
    format?.(text, written);
  } catch (error) {
    if (!(error instanceof PubSubError)) throw error;
    report(path, error.message);
  }
  return words.find(word => word.toLowerCase() === text.toLowerCase()) ?? text;
}

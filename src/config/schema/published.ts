import { oneOrMore, textOrNumber, typeOf } from './fields.js';
import { hubsFileSchema } from './hubs-file.js';

/** Identifies the published schema; contains the major and minor version of the program that accepts such files. */
const schemaId = 'urn:hubwire:schema:hubs:0.2';

/**
 * Content of hubs.schema.json: the schema as editors see the file, where `${NAME}` may replace any single value and words
 * may be in any letter case. It has no keyword or format that strict validators do not know.
 */
export function publishedSchema(): Record<string, unknown> {
  const { $schema: _, ...schema } = forEditors(hubsFileSchema) as Record<string, unknown>;
  return { $schema: 'http://json-schema.org/draft-07/schema#', $id: schemaId, ...schema };
}

const variable = { type: 'string', pattern: '^\\$\\{[A-Za-z_][A-Za-z0-9_]*\\}$' };

function forEditors(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(forEditors);
  if (typeof schema !== 'object' || schema === null) return schema;
  const {
    description,
    default: fallback,
    format,
    [oneOrMore]: isOneOrMore,
    ...rest
  } = schema as Record<string, unknown>;
  const shown = {
    ...(description === undefined ? {} : { description }),
    ...(fallback === undefined ? {} : { default: fallback }),
  };
  const inner = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, forEditors(value)]));
  const others = otherForms(rest, { isNumber: format === textOrNumber, isOnlyItem: isOneOrMore === true });
  return others.length === 0 ? { ...shown, ...inner } : { ...shown, anyOf: [inner, ...others] };
}

/** What the service accepts in place of the value that the schema describes. */
function otherForms(schema: Record<string, unknown>, may: { isNumber: boolean; isOnlyItem: boolean }): unknown[] {
  if (!('type' in schema)) return [];
  return [
    ...('enum' in schema ? [inAnyCase(schema.enum as (string | null)[])] : []),
    ...(may.isNumber ? [{ type: 'number' }] : []),
    ...(may.isOnlyItem ? [forEditors(schema.items)] : []),
    ...(isClosedToText(schema) ? [variable] : []),
  ];
}

/** The service accepts these words in any letter case; the listed spelling is for completion. */
function inAnyCase(words: readonly (string | null)[]): Record<string, unknown> {
  const patterns = words.filter(word => word !== null).map(word => word.replace(/[a-z]|[^\w-]/gi, inEitherCase));
  return { type: 'string', pattern: `^(?:${patterns.join('|')})$` };
}

/** The sign `*` is a word, too. */
function inEitherCase(sign: string): string {
  return /[a-z]/i.test(sign) ? `[${sign.toUpperCase()}${sign.toLowerCase()}]` : `\\${sign}`;
}

/** Would an editor flag `${NAME}` here? */
function isClosedToText(schema: Record<string, unknown>): boolean {
  return 'enum' in schema || 'pattern' in schema || ['integer', 'number', 'boolean'].includes(typeOf(schema));
}

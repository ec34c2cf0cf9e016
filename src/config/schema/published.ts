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
  const { description, default: fallback, format: _, ...rest } = schema as Record<string, unknown>;
  const shown = {
    ...(description === undefined ? {} : { description }),
    ...(fallback === undefined ? {} : { default: fallback }),
  };
  if (typeof rest.type === 'string' && isClosedToText(rest)) {
    return { ...shown, anyOf: [rest, ...('enum' in rest ? [inAnyCase(rest.enum as string[])] : []), variable] };
  }
  const inner = Object.entries(rest).map(([key, value]) => [key, forEditors(value)]);
  return { ...shown, ...Object.fromEntries(inner) };
}

/** The service accepts these words in any letter case; the listed spelling is for completion. */
function inAnyCase(words: readonly string[]): Record<string, unknown> {
  const patterns = words.map(word =>
    word.replace(/[a-z]/gi, letter => `[${letter.toUpperCase()}${letter.toLowerCase()}]`),
  );
  return { type: 'string', pattern: `^(?:${patterns.join('|')})$` };
}

/** Would an editor flag `${NAME}` here? */
function isClosedToText(schema: Record<string, unknown>): boolean {
  return 'enum' in schema || 'pattern' in schema || ['integer', 'number', 'boolean'].includes(String(schema.type));
}

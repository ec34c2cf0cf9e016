import {
  type Document,
  type DocumentOptions,
  isScalar,
  type ParseOptions,
  parseDocument,
  type SchemaOptions,
  visit,
  YAMLParseError,
} from 'yaml';

/**
 * As the library's `parseDocument`, with one difference: keys that occur twice are found in time with the number of keys.
 * The library compares each key with all before it, which takes seconds for some thousand hubs.
 */
export function parseYaml(text: string, options: ParseOptions & DocumentOptions & SchemaOptions): Document {
  const document = parseDocument(text, { ...options, uniqueKeys: false });
  document.errors.push(...repeatedKeys(document));
  return document;
}

/** At each key that a mapping has already, as the library reports it. */
function repeatedKeys(document: Document): YAMLParseError[] {
  const found: YAMLParseError[] = [];
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        // Only scalars are compared, by value; `.nan` is like no other value.
        if (!isScalar(key) || Number.isNaN(key.value)) continue;
        if (seen.has(key.value)) found.push(repetition(key.range?.[0] ?? 0));
        else seen.add(key.value);
      }
    },
  });
  return found;
}

function repetition(offset: number): YAMLParseError {
  return new YAMLParseError([offset, offset + 1], 'DUPLICATE_KEY', 'Map keys must be unique');
}

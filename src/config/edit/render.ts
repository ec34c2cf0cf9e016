import { Document, isCollection, isScalar, isSeq, Scalar, visit } from 'yaml';
import type { Layout } from './yaml-text.js';

/** A pair or an item, as it is written behind `column` spaces. */
export type Entry = { readonly key: string; readonly value: unknown } | { readonly value: unknown };

/** On lines of its own: the first without spaces before it, and without a line break behind the last. */
export function blockEntry(entry: Entry, column: number, layout: Layout): string {
  const document = documentOf('key' in entry ? { [entry.key]: entry.value } : [entry.value], layout);
  return linesOf(document, column, layout);
}

/** The lines of a value that starts on a line of its own. */
export function blockValue(value: unknown, column: number, layout: Layout): string {
  return linesOf(documentOf(value, layout), column, layout);
}

/** A pair or an item between brackets. */
export function flowEntry(entry: Entry, column: number, layout: Layout): string {
  if (!('key' in entry)) return flowValue(entry.value, column, layout);
  if (layout.isJson)
    return `${JSON.stringify(entry.key)}:${layout.isOneLine ? '' : ' '}${flowValue(entry.value, column, layout)}`;
  return withoutBrackets({ [entry.key]: entry.value }, layout);
}

/** In one line, with brackets; in a JSON file in several. In the same quotes as the value before it. */
export function flowValue(value: unknown, column: number, layout: Layout, like?: unknown): string {
  if (!layout.isJson) return withoutBrackets([value], layout, like);
  if (layout.isOneLine) return JSON.stringify(value);
  return JSON.stringify(value, null, layout.indent).replaceAll('\n', layout.newline + ' '.repeat(column));
}

/** What a comma or a bracket means depends on the brackets around it. */
function withoutBrackets(value: object, layout: Layout, like?: unknown): string {
  const document = documentOf(value, layout);
  visit(document, {
    Collection: (_, node) => {
      node.flow = true;
    },
  });
  const [item] = isSeq(document.contents) ? document.contents.items : [];
  quoteLike(item, like);
  return textOf(document, layout).slice(1, -1).trim();
}

/** A value that fits into the line of its key, in the same quotes as the one before it; undefined when it needs lines. */
export function inlineValue(value: unknown, layout: Layout, like?: unknown): string | undefined {
  const document = documentOf(value, layout);
  const { contents } = document;
  if (isScalar(contents)) {
    quoteLike(contents, like);
    const text = textOf(document, layout);
    return text.includes('\n') ? undefined : text;
  }
  return isCollection(contents) && (contents.flow === true || contents.items.length === 0)
    ? textOf(document, layout)
    : undefined;
}

function quoteLike(node: unknown, like: unknown): void {
  if (!isScalar(node) || typeof node.value !== 'string' || !isScalar(like)) return;
  if (like.type === Scalar.QUOTE_DOUBLE || like.type === Scalar.QUOTE_SINGLE) node.type = like.type;
}

/** Lists of words are written in one line: `[connect, connected]`. */
function documentOf(value: unknown, layout: Layout): Document {
  const document = new Document(value, { version: layout.version, aliasDuplicateObjects: false });
  visit(document, {
    Seq: (_, seq) => {
      if (seq.items.every(isScalar)) seq.flow = true;
    },
    Map: (_, map) => {
      if (map.items.length === 0) map.flow = true;
    },
  });
  return document;
}

function textOf(document: Document, { indent, isListIndented }: Layout): string {
  const text = document.toString({
    indent,
    indentSeq: isListIndented,
    lineWidth: 0,
    flowCollectionPadding: false,
    directives: false,
  });
  return text.replace(/\n$/, '');
}

function linesOf(document: Document, column: number, layout: Layout): string {
  const lines = textOf(document, layout).split('\n');
  return lines
    .map((line, index) => (index === 0 || line === '' ? line : ' '.repeat(column) + line))
    .join(layout.newline);
}

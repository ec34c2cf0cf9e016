import { isCollection, isMap, isPair, isScalar, Scalar } from 'yaml';
import { blockEntry, blockValue, type Entry, flowEntry, flowValue, inlineValue } from './render.js';
import { type Place, rangeOf, type Splice, type YamlText } from './yaml-text.js';

/** What has to change in the text. Everything outside keeps its bytes, comments included. */

// ------------------------------------------------------------------------------------------------------------ remove

/** Takes out one of several entries; comments above it stay. */
export function removeEntry(yaml: YamlText, place: Place): readonly Splice[] {
  const start = yaml.startOf(place);
  if (place.parent.flow === true) return removeFlowEntry(yaml, place, start);
  const end = yaml.linesEnd(place);
  if (/^[ \t]*$/.test(yaml.linePrefix(start))) return [{ start: yaml.lineStart(start), end, text: '' }];
  // Behind the `- ` of a list: the next key takes its place.
  const gap = /^\s*/.exec(yaml.text.slice(end))?.[0].length ?? 0;
  return [{ start, end: end + gap, text: '' }];
}

function removeFlowEntry(yaml: YamlText, place: Place, start: number): readonly Splice[] {
  const { parent, index } = place;
  const end = yaml.endOf(place);
  const comma = yaml.commaBefore(place);
  if (comma !== undefined) {
    if (/^,\s*$/.test(yaml.text.slice(comma, start))) return [{ start: comma, end, text: '' }];
    return [
      { start: comma, end: comma + 1, text: '' },
      { start, end, text: '' },
    ];
  }
  const next: Place = { parent, index: index + 1 };
  const nextComma = yaml.commaBefore(next) ?? end;
  const nextStart = yaml.startOf(next);
  const isClose = /^,\s*$/.test(yaml.text.slice(nextComma, nextStart));
  return [{ start, end: isClose ? nextStart : nextComma + 1, text: '' }];
}

// ------------------------------------------------------------------------------------------------------------ insert

/** Puts an entry behind the one at `place`. */
export function insertAfter(yaml: YamlText, place: Place, entry: Entry): readonly Splice[] {
  if (place.parent.flow === true) return insertFlowAfter(yaml, place, entry);
  const column = yaml.column(yaml.startOf(place));
  const { newline } = yaml.layout;
  const at = yaml.linesEnd(place);
  const isOpen = yaml.text[at - 1] !== '\n'; // the last line of a text without a line break at its end
  const text = ' '.repeat(column) + blockEntry(entry, column, yaml.layout) + newline;
  return [{ start: at, end: at, text: isOpen ? newline + text : text }];
}

/** Puts an entry before the first one. */
export function insertFirst(yaml: YamlText, place: Place, entry: Entry): readonly Splice[] {
  const start = yaml.startOf(place);
  const column = yaml.column(start);
  const { newline } = yaml.layout;
  if (place.parent.flow !== true) {
    const text = blockEntry(entry, column, yaml.layout) + newline + ' '.repeat(column);
    return [{ start, end: start, text }];
  }
  const prefix = yaml.linePrefix(start);
  const gap = /^\s*$/.test(prefix) ? newline + prefix : ' ';
  return [{ start, end: start, text: `${flowEntry(entry, indentOf(prefix), yaml.layout)},${gap}` }];
}

function insertFlowAfter(yaml: YamlText, place: Place, entry: Entry): readonly Splice[] {
  const end = yaml.endOf(place);
  const prefix = yaml.linePrefix(yaml.startOf(place));
  const text = flowEntry(entry, indentOf(prefix), yaml.layout);
  const [rest = ''] = /^[ \t]*(#.*)?/.exec(yaml.text.slice(end)) ?? [];
  if (!/^\s*$/.test(prefix)) return [{ start: end, end, text: `, ${text}` }];
  // A comment behind the last entry stays in its line.
  const lineEnd = end + (rest.includes('#') ? rest.length : 0);
  return [
    { start: end, end, text: lineEnd === end ? `,${yaml.layout.newline}${prefix}${text}` : ',' },
    ...(lineEnd === end ? [] : [{ start: lineEnd, end: lineEnd, text: `${yaml.layout.newline}${prefix}${text}` }]),
  ];
}

function indentOf(prefix: string): number {
  return /^\s*/.exec(prefix)?.[0].length ?? 0;
}

// ----------------------------------------------------------------------------------------------------------- replace

/** Another value for the same key, or another item in the same place. */
export function replaceValue(yaml: YamlText, place: Place, value: unknown): readonly Splice[] {
  const item = place.parent.items[place.index];
  const node = isPair(item) ? item.value : item;
  const [start, end] = rangeOf(node);
  if (place.parent.flow === true) return [replaceInFlow(yaml, place, node, value)];
  const inline = inlineValue(value, yaml.layout, node);
  if (inline !== undefined && isInline(node)) return [{ start, end, text: inline }];
  const mark = yaml.markEnd(place);
  const contentEnd = Math.max(yaml.endOf(place), mark);
  if (inline !== undefined) return [{ start: mark, end: contentEnd, text: ` ${inline}` }];
  const column = yaml.column(yaml.startOf(place)) + yaml.layout.indent;
  const { newline } = yaml.layout;
  if (!isMap(place.parent)) {
    const inner = yaml.column(yaml.startOf(place)) + 2;
    return [{ start: mark, end: contentEnd, text: ` ${blockValue(value, inner, yaml.layout)}` }];
  }
  const isList = Array.isArray(value) && !yaml.layout.isListIndented;
  const inner = isList ? column - yaml.layout.indent : column;
  const lines = ' '.repeat(inner) + blockValue(value, inner, yaml.layout);
  if (yaml.text.slice(mark, contentEnd).includes('\n')) {
    return [{ start: mark, end: contentEnd, text: newline + lines }];
  }
  // A comment behind the value stays in the line of the key.
  const at = yaml.lineAfter(Math.max(contentEnd, 1));
  const isOpen = yaml.text[at - 1] !== '\n';
  return [
    { start: mark, end: contentEnd, text: '' },
    { start: at, end: at, text: isOpen ? newline + lines + newline : lines + newline },
  ];
}

function replaceInFlow(yaml: YamlText, place: Place, node: unknown, value: unknown): Splice {
  const item = place.parent.items[place.index];
  const column = indentOf(yaml.linePrefix(yaml.startOf(place)));
  const [start, end] = rangeOf(node);
  if (start < end) return { start, end, text: flowValue(value, column, yaml.layout, node) };
  const from = yaml.startOf(place);
  const key = isPair(item) ? String(isScalar(item.key) ? item.key.value : item.key) : undefined;
  const entry = key === undefined ? { value } : { key, value };
  return { start: from, end: yaml.endOf(place), text: flowEntry(entry, column, yaml.layout) };
}

/** Does it stand in one piece behind its key, so that a value of one line can take its place? */
function isInline(node: unknown): boolean {
  const [start, end] = rangeOf(node);
  if (start === end) return false;
  if (isScalar(node)) return node.type !== Scalar.BLOCK_FOLDED && node.type !== Scalar.BLOCK_LITERAL;
  return isCollection(node) && node.flow === true;
}

import {
  type CST,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  type Pair,
  visit,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { keyText } from '../environment.js';
import { mostAliases } from '../source.js';
import { parseYaml } from '../yaml-document.js';

/** Replaces `text.slice(start, end)`. */
export interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** A mapping's pair or a list's item, by its position. */
export interface Place {
  readonly parent: YAMLMap | YAMLSeq;
  readonly index: number;
}

/** How new lines are written: as those that are there. */
export interface Layout {
  readonly newline: string;
  /** Spaces of one level. */
  readonly indent: number;
  /** Is a list further in than the key that it belongs to? */
  readonly isListIndented: boolean;
  readonly isJson: boolean;
  /** Several lines, or all in one. */
  readonly isOneLine: boolean;
  readonly version: '1.1' | '1.2' | 'next';
}

/** A valid hubs.yaml with the places of its parts, for edits that leave all other bytes as they are. */
export class YamlText {
  readonly document: Document;
  readonly layout: Layout;
  #tree: unknown;

  constructor(readonly text: string) {
    this.document = parseYaml(text, {
      merge: true,
      keepSourceTokens: true,
      logLevel: 'error',
      prettyErrors: false,
    });
    this.layout = layoutOf(this.document, text);
  }

  /** Without variables filled in; aliases are resolved. */
  plain(node: unknown): unknown {
    return isNode(node) ? node.toJS(this.document, { maxAliasCount: mostAliases }) : null;
  }

  /** All of it. @throws ReferenceError for an alias without its anchor */
  get tree(): unknown {
    this.#tree ??= this.plain(this.document.contents);
    return this.#tree;
  }

  /** Can it be read, with an anchor for each alias? */
  get isSound(): boolean {
    try {
      return this.document.errors.length === 0 && this.tree !== undefined;
    } catch {
      return false;
    }
  }

  // --------------------------------------------------------------------------------------------------------- lines

  lineStart(offset: number): number {
    return this.text.lastIndexOf('\n', offset - 1) + 1;
  }

  /** Behind the line break of the line that the character before the offset is in. */
  lineAfter(offset: number): number {
    const at = this.text.indexOf('\n', Math.max(offset - 1, 0));
    return at < 0 ? this.text.length : at + 1;
  }

  /** What stands before the offset in its line. */
  linePrefix(offset: number): string {
    return this.text.slice(this.lineStart(offset), offset);
  }

  column(offset: number): number {
    return offset - this.lineStart(offset);
  }

  // ------------------------------------------------------------------------------------------------------- entries

  /** Where the pair or item begins: its key, `?` or, in a list of lines, its `-`. */
  startOf(place: Place): number {
    const mark = this.#tokenOf(place)?.start.find(({ type }) => type === 'explicit-key-ind' || type === 'seq-item-ind');
    if (mark !== undefined) return mark.offset;
    const { parent, index } = place;
    const first = isMap(parent) ? parent.items[index]?.key : parent.items[index];
    const props = this.#tokenOf(place)?.start.find(({ type }) => type === 'anchor' || type === 'tag');
    return props?.offset ?? rangeOf(first)[0];
  }

  /** Behind its last character; comments that follow it do not count. */
  endOf(place: Place): number {
    const { parent, index } = place;
    const item = parent.items[index];
    const last = isPair(item) ? (item as Pair) : item;
    const end = Math.max(this.#contentEnd(last), this.#markEnd(place));
    // Of a text of several lines (`|`), the line break is its last character.
    return this.text[end - 1] === '\n' ? end - (this.text[end - 2] === '\r' ? 2 : 1) : end;
  }

  /** Behind its last line, and behind comments that are further in than it is. */
  linesEnd(place: Place): number {
    const column = this.column(this.startOf(place));
    let end = this.lineAfter(this.endOf(place));
    for (let at = end; at < this.text.length; ) {
      const next = this.lineAfter(at + 1);
      const [, spaces = '', sign] = /^([ \t]*)(\S?)/.exec(this.text.slice(at, next)) ?? [];
      if (sign === '#' && spaces.length > column) end = next;
      else if (sign !== '') break;
      at = next;
    }
    return end;
  }

  /** Behind the `:` of a pair or the `-` of an item. */
  markEnd(place: Place): number {
    return this.#markEnd(place);
  }

  /** The comma before it, in a list or mapping with brackets. */
  commaBefore(place: Place): number | undefined {
    return this.#tokenOf(place)?.start.find(({ type }) => type === 'comma')?.offset;
  }

  #markEnd(place: Place): number {
    const token = this.#tokenOf(place);
    const mark = isMap(place.parent)
      ? token?.sep?.find(({ type }) => type === 'map-value-ind')
      : token?.start.find(({ type }) => type === 'seq-item-ind');
    return mark === undefined ? 0 : mark.offset + 1;
  }

  #contentEnd(node: unknown): number {
    if (isPair(node)) return Math.max(this.#contentEnd(node.key), this.#contentEnd(node.value));
    if (isCollection(node) && node.flow !== true && node.items.length > 0) {
      return this.endOf({ parent: node as YAMLMap | YAMLSeq, index: node.items.length - 1 });
    }
    const [start, end] = rangeOf(node);
    return start === end ? 0 : end; // a value that is not written has its place behind a comment
  }

  /** Entries that are only comments have no node. */
  #tokenOf({ parent, index }: Place): CST.CollectionItem | undefined {
    const token = parent.srcToken as CST.BlockMap | CST.BlockSequence | CST.FlowCollection | undefined;
    const isEntry = (item: CST.CollectionItem) =>
      item.key != null || item.sep !== undefined || item.value !== undefined || hasMark(item);
    return (token?.items as CST.CollectionItem[] | undefined)?.filter(isEntry)[index];
  }
}

function hasMark({ start }: CST.CollectionItem): boolean {
  return start.some(({ type }) => type === 'seq-item-ind' || type === 'explicit-key-ind');
}

export function rangeOf(node: unknown): readonly [number, number] {
  const [start = 0, end = 0] = (isNode(node) ? node.range : undefined) ?? [];
  return [start, end];
}

/** The position of a key in the mapping itself; -1: it is not there. */
export function indexOfKey(map: YAMLMap, isKey: (key: string) => boolean): number {
  return map.items.findIndex(({ key }) => isKey(keyText(key)));
}

/** Nothing, or the scalar `null`. */
export function isBlank(node: unknown): boolean {
  return node === null || node === undefined || (isScalar(node) && node.value === null);
}

export function applySplices(text: string, splices: readonly Splice[]): string {
  return [...splices]
    .sort((a, b) => b.start - a.start || b.end - a.end)
    .reduce((edited, splice) => edited.slice(0, splice.start) + splice.text + edited.slice(splice.end), text);
}

function layoutOf(document: Document, text: string): Layout {
  const column = (offset: number) => offset - text.lastIndexOf('\n', offset - 1) - 1;
  let indent: number | undefined;
  let isListIndented: boolean | undefined;
  visit(document, {
    Pair(_, { key, value }) {
      if (!isCollection(value) || isAlias(value) || value.flow === true || value.items.length === 0) return undefined;
      const further = column(rangeOf(value)[0]) - column(rangeOf(key)[0]);
      if (isMap(value) && further > 0) indent ??= further;
      if (isSeq(value)) isListIndented ??= further > 0;
      return indent !== undefined && isListIndented !== undefined ? visit.BREAK : undefined;
    },
  });
  return {
    newline: /\r?\n/.exec(text)?.[0] ?? '\n',
    indent: indent ?? 2,
    isListIndented: isListIndented ?? true,
    isJson: isJson(text),
    isOneLine: !/\n\s*\S/.test(text),
    version: document.directives?.yaml.version ?? '1.2',
  };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  visit,
  type YAMLMap,
} from 'yaml';
import { findCutOff } from './cut-off.js';
import { type Environment, fillIn, keyText, pathOf } from './environment.js';
import { ConfigError, type ConfigProblem, formatPath, inOrder, type Path } from './problems.js';
import { syntaxProblems, unquoted } from './syntax.js';
import { parseYaml } from './yaml-document.js';

/** An honest file has a handful; each costs time when the tree is built. */
export const mostAliases = 10_000;

/** The parsed text of a hubs.yaml, with the way back from a path to its line. */
export interface Source {
  /** Plain values, with `FromEnvironment` where variables were filled in. */
  readonly tree: unknown;
  /** Found while reading. */
  readonly problems: readonly ConfigProblem[];
  /** A suspicion, for a file with which nothing else is wrong. */
  readonly cutOff: ConfigProblem | undefined;
  /** `part` says what to point at: the value or its key. */
  problem(path: Path, reason: string, part: 'key' | 'value'): ConfigProblem;
  /** The characters of the number at the path. */
  numberText(path: Path): string | undefined;
}

/** @throws ConfigError when the text is not YAML; nothing else can be said of it then */
export function readSource(text: string, file: string, env: Environment): Source {
  const reader = new Reader(text, file);
  reader.checkAliases();
  const problems: ConfigProblem[] = [];
  fillIn(reader.document, env, (path, { reason, variable }, node) => {
    const problem = reader.at(node, path, reason);
    problems.push(variable === undefined ? problem : { ...problem, variable });
  });
  const cutOff = findCutOff(reader.document, text);
  return {
    tree: reader.tree(),
    problems,
    cutOff: cutOff && reader.problem(cutOff.path, cutOff.reason, 'key'),
    problem: (path, reason, part) => reader.problem(path, reason, part),
    numberText: path => reader.numberText(path),
  };
}

class Reader {
  readonly #lines = new LineCounter();
  readonly #anchors = new Map<Alias, Node>();
  readonly #keys = new WeakMap<YAMLMap, ReadonlyMap<string, Pair>>();
  #pathOf: ((offset: number) => Path) | undefined;
  #openBrackets: ((offset: number) => number | undefined) | undefined;
  readonly document: Document;

  constructor(
    private readonly text: string,
    private readonly file: string,
  ) {
    this.document = this.#parse(text);
    const errors = [...this.document.errors, ...this.document.warnings];
    const found = syntaxProblems(errors, text, offset => this.#openBracket(offset));
    if (found.length === 0) return;
    const problems = found.map(({ offset, reason, isUnquoted }) => {
      return this.#placed(offset, isUnquoted ? this.#pathAt(offset) : [], reason);
    });
    throw new ConfigError(inOrder(problems));
  }

  #parse(text: string): Document {
    try {
      return parseYaml(text, { lineCounter: this.#lines, merge: true, prettyErrors: false, logLevel: 'error' });
    } catch (cause) {
      // Only the call stack can end it: everything else is in `errors`.
      throw ConfigError.ofFile(this.file, 'lists or mappings are nested too deeply to be read', cause);
    }
  }

  /** Of the lists and mappings in brackets around the offset, where the innermost one that has no end begins. */
  #openBracket(offset: number): number | undefined {
    this.#openBrackets ??= this.#unclosedBrackets();
    return this.#openBrackets(offset);
  }

  /** One walk for all errors: a text may have as many of them as brackets. */
  #unclosedBrackets(): (offset: number) => number | undefined {
    const starts: number[] = [];
    const ends: number[] = [];
    visit(this.document, {
      Collection: (_, { flow, range }) => {
        const [start = 0, end = 0] = range ?? [];
        const isClosed = end - start > 1 && /[\]}]/.test(this.text.charAt(end - 1));
        if (flow !== true || isClosed) return;
        starts.push(start);
        ends.push(end);
      },
    });
    return offset => {
      let at = countUpTo(starts, offset - 1) - 1;
      while (at >= 0 && ends[at]! < offset - 1) at -= 1;
      return starts[at];
    };
  }

  /** @throws ConfigError */
  checkAliases(): void {
    const problems: ConfigProblem[] = [];
    const named = new Map<string, Node>();
    visit(this.document, {
      Alias: (_, alias) => {
        const problem = this.#resolve(alias, named.get(alias.source));
        if (problem !== undefined) problems.push(this.at(alias, this.#pathAt(startOf(alias)), problem));
        return this.#anchors.size > mostAliases ? visit.BREAK : undefined;
      },
      Value: (_, node, ancestors) => {
        if (node.anchor) named.set(node.anchor, node);
        const sign = signBefore(node, this.text);
        if (sign === undefined) return;
        problems.push(this.#placed(sign, pathOf([...ancestors, node]), unquoted(this.text, sign)));
      },
    });
    if (problems.length > 0) throw new ConfigError(problems);
  }

  /** Remembers what the alias stands for, or answers what is wrong with it. */
  #resolve(alias: Alias, anchor: Node | undefined): string | undefined {
    if (!anchor) {
      return `the alias refers to no anchor above it; ${unquoted(this.text, startOf(alias))}`;
    }
    if (isInside(alias, anchor)) return 'the alias is inside the value that it refers to; remove it';
    this.#anchors.set(alias, anchor);
    return this.#anchors.size > mostAliases ? `there are more than ${mostAliases} aliases; use fewer` : undefined;
  }

  /** @throws ConfigError when aliases multiply, or a merge has no mapping */
  tree(): unknown {
    try {
      return this.document.toJS({ maxAliasCount: mostAliases });
    } catch (cause) {
      const first = this.#anchors.keys().next().value;
      const reason =
        'the aliases and merged keys (`<<`) cannot be resolved: they expand to too many values, or a merged value is not a mapping';
      throw new ConfigError([this.at(first ?? this.document.contents, [], reason)], { cause });
    }
  }

  problem(path: Path, reason: string, part: 'key' | 'value'): ConfigProblem {
    return this.at(this.#find(path, part), path, reason);
  }

  numberText(path: Path): string | undefined {
    const node = this.#follow(this.#find(path, 'value'));
    return isScalar(node) && typeof node.value === 'number' ? node.source : undefined;
  }

  at(node: unknown, path: Path, reason: string): ConfigProblem {
    return this.#placed(startOf(node), path, reason);
  }

  #placed(offset: number, path: Path, reason: string): ConfigProblem {
    const { line, col } = this.#lines.linePos(offset);
    // An empty text has no lines, and the counter then answers 0.
    return { file: this.file, line: Math.max(line, 1), column: Math.max(col, 1), path: formatPath(path), reason };
  }

  /** The way to the last key or list item that begins at the offset, or before it. */
  #pathAt(offset: number): Path {
    this.#pathOf ??= this.#pathsByOffset();
    return this.#pathOf(offset);
  }

  /** A walk through the whole document, for all offsets that are looked up. */
  #pathsByOffset(): (offset: number) => Path {
    const places: { readonly start: number; readonly nodes: readonly unknown[] }[] = [];
    const addItem = (node: Node, ancestors: readonly unknown[]) => {
      if (isSeq(ancestors.at(-1))) places.push({ start: startOf(node), nodes: [...ancestors, node] });
    };
    visit(this.document, {
      Pair: (_, pair, ancestors) => {
        if (!isMisread(pair.key, this.text)) places.push({ start: startOf(pair.key), nodes: [...ancestors, pair] });
      },
      Value: (_, node, ancestors) => addItem(node, ancestors),
      Alias: (_, alias, ancestors) => addItem(alias, ancestors),
    });
    // What is misread may have no place; a place counts from where no later one begins before it.
    const starts = places.map(({ start }) => start);
    for (let at = starts.length - 2; at >= 0; at -= 1) starts[at] = Math.min(starts[at]!, starts[at + 1]!);
    return offset => pathOf(places[countUpTo(starts, offset) - 1]?.nodes ?? []);
  }

  /** What stands at the path, or the last thing on the way to it. */
  #find(path: Path, part: 'key' | 'value'): unknown {
    let node: unknown = this.document.contents;
    for (const [index, segment] of path.entries()) {
      const container = this.#follow(node);
      const pair = isMap(container) ? this.#pairOf(container, segment) : undefined;
      const next = isSeq(container) ? container.items[Number(segment)] : pair?.value;
      // A value that is not written has no place of its own.
      const isBlank = pair !== undefined && (next === null || (isScalar(next) && next.value === null));
      if (pair && (isBlank || (part === 'key' && index === path.length - 1))) return pair.key;
      if (next === undefined) return node;
      node = next;
    }
    return node;
  }

  #pairOf(map: YAMLMap, key: string | number): Pair | undefined {
    const own = this.#keysOf(map).get(String(key));
    return (
      own ??
      this.#mergedInto(map)
        .map(source => this.#pairOf(source, key))
        .find(pair => pair !== undefined)
    );
  }

  /** A file may have thousands of hubs and as many problems. */
  #keysOf(map: YAMLMap): ReadonlyMap<string, Pair> {
    const known = this.#keys.get(map);
    if (known) return known;
    const keys = new Map(map.items.map(pair => [keyText(pair.key), pair] as const));
    this.#keys.set(map, keys);
    return keys;
  }

  #mergedInto(map: YAMLMap): YAMLMap[] {
    const merged = map.items.filter(pair => keyText(pair.key) === '<<').map(pair => this.#follow(pair.value));
    return merged
      .flatMap(value => (isSeq(value) ? value.items.map(item => this.#follow(item)) : [value]))
      .filter(isMap);
  }

  #follow(node: unknown): unknown {
    return isAlias(node) ? this.#anchors.get(node) : node;
  }
}

/** Characters from the start of the text. */
function startOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}

/** How many of the ascending numbers are not above the limit. */
function countUpTo(ascending: readonly number[], limit: number): number {
  let [from, to] = [0, ascending.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (ascending[middle]! <= limit) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** Is it the `$` of a variable without quotes, which the parser takes for the key of a mapping? */
function isMisread(key: unknown, text: string): boolean {
  return isScalar(key) && text.startsWith('${', (key.range?.[1] ?? 0) - 1);
}

/**
 * Where the `&` or `!` stands, when that is all there is to a value: YAML reads `userEventPattern: !x` as nothing, with a
 * tag, and `&x` as nothing, with a name. Nobody means that.
 */
function signBefore(node: Node, text: string): number | undefined {
  const [start = 0, end = 0] = node.range ?? [];
  if (!isScalar(node) || start !== end || (node.anchor === undefined && node.tag === undefined)) return undefined;
  const sign = Math.max(text.lastIndexOf('&', start), text.lastIndexOf('!', start));
  return sign < 0 ? undefined : sign;
}

function isInside(inner: Node, outer: Node): boolean {
  const [start = 0] = inner.range ?? [];
  const [from = 0, to = 0] = outer.range ?? [];
  return from <= start && start < to;
}

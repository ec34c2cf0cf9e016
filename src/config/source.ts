import {
  type Alias,
  type Document,
  type ErrorCode,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
  type YAMLMap,
} from 'yaml';
import { type Environment, fillIn, keyText } from './environment.js';
import { ConfigError, type ConfigProblem, formatPath, inOrder, type Path } from './problems.js';

/** An honest file has a handful; each costs time when the tree is built. */
const mostAliases = 10_000;

/** What the parser's codes mean for the person who wrote the file. Its own messages quote the file, so they are not shown. */
const syntaxReasons: Record<ErrorCode, string> = {
  ALIAS_PROPS: 'an alias has an anchor or a tag of its own; remove it',
  BAD_ALIAS: 'the alias is not complete; write `*name`',
  BAD_COLLECTION_TYPE: 'the tag does not fit the list or mapping; remove the tag',
  BAD_DIRECTIVE: 'the `%` directive is not known; remove the line',
  BAD_DQ_ESCAPE: 'a backslash in double quotes starts no known escape; write \\\\ or use single quotes',
  BAD_INDENT: 'the indentation does not fit the lines above; indent with the same number of spaces',
  BAD_PROP_ORDER: 'an anchor or tag stands in the wrong place; write it right before the value',
  BAD_SCALAR_START: 'the text starts with a character that means something else in YAML; put the text in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a mapping starts in the middle of a line; put the text in quotes, or start a new line',
  BLOCK_IN_FLOW: 'an indented list or mapping stands inside [ ] or { }; write it in one style',
  DUPLICATE_KEY: 'the key stands twice in the same mapping; remove one',
  IMPOSSIBLE: 'the text cannot be read as YAML; check the quotes and brackets around it',
  KEY_OVER_1024_CHARS: 'the key is too long; is a quote or a `:` missing?',
  MISSING_CHAR: 'something is missing here: a closing quote or bracket, a `:`, or a space',
  MULTILINE_IMPLICIT_KEY: 'the key goes over several lines; is a `:` or a quote missing?',
  MULTIPLE_ANCHORS: 'a value has two anchors; remove one',
  MULTIPLE_DOCS: 'a second document starts here; keep one and remove the `---` line',
  MULTIPLE_TAGS: 'a value has two tags; remove one',
  NON_STRING_KEY: 'the key is not a text; put it in quotes',
  RESOURCE_EXHAUSTION: 'lists or mappings are nested too deeply',
  TAB_AS_INDENT: 'a tab is used for indentation; use spaces',
  TAG_RESOLVE_FAILED: 'the `!` tag is not known or does not fit; remove it, or put the text in quotes',
  UNEXPECTED_TOKEN:
    'something stands here that cannot; put texts with brackets or braces in quotes, and check the indentation',
};

/** The parsed text of a hubs.yaml, with the way back from a path to its line. */
export interface Source {
  /** Plain values, with `FromEnvironment` where variables were filled in. */
  readonly tree: unknown;
  /** Found while reading. */
  readonly problems: readonly ConfigProblem[];
  /** `part` says what to point at: the value or its key. */
  problem(path: Path, reason: string, part: 'key' | 'value'): ConfigProblem;
}

/** @throws ConfigError when the text is not YAML; nothing else can be said of it then */
export function readSource(text: string, file: string, env: Environment): Source {
  const reader = new Reader(text, file);
  reader.checkAliases();
  const problems: ConfigProblem[] = [];
  fillIn(reader.document, env, (path, reason, node) => problems.push(reader.at(node, path, reason)));
  return { tree: reader.tree(), problems, problem: (path, reason, part) => reader.problem(path, reason, part) };
}

class Reader {
  readonly #lines = new LineCounter();
  readonly #anchors = new Map<Alias, Node>();
  readonly #keys = new WeakMap<YAMLMap, ReadonlyMap<string, Pair>>();
  readonly document: Document;

  constructor(
    text: string,
    private readonly file: string,
  ) {
    this.document = this.#parse(text);
    const faults = [...this.document.errors, ...this.document.warnings];
    if (faults.length === 0) return;
    throw new ConfigError(inOrder(faults.map(({ pos, code }) => this.#placed(pos[0], [], syntaxReasons[code]))));
  }

  #parse(text: string): Document {
    try {
      return parseDocument(text, { lineCounter: this.#lines, merge: true, prettyErrors: false, logLevel: 'error' });
    } catch (cause) {
      // Only the call stack can end it: everything else is in `errors`.
      throw ConfigError.ofFile(this.file, 'lists or mappings are nested too deeply to be read', cause);
    }
  }

  /** @throws ConfigError */
  checkAliases(): void {
    const problems: ConfigProblem[] = [];
    const named = new Map<string, Node>();
    visit(this.document, {
      Alias: (_, alias) => {
        const fault = this.#resolve(alias, named.get(alias.source));
        if (fault !== undefined) problems.push(this.at(alias, [], fault));
        return this.#anchors.size > mostAliases ? visit.BREAK : undefined;
      },
      Value: (_, node) => {
        if (node.anchor) named.set(node.anchor, node);
      },
    });
    if (problems.length > 0) throw new ConfigError(problems);
  }

  /** Remembers what the alias stands for, or answers what is wrong with it. */
  #resolve(alias: Alias, anchor: Node | undefined): string | undefined {
    if (!anchor) return 'the alias names no anchor above it; define it with `&`';
    if (isInside(alias, anchor)) return 'the alias stands inside what it stands for; remove it';
    this.#anchors.set(alias, anchor);
    return this.#anchors.size > mostAliases ? `there are more than ${mostAliases} aliases; write fewer` : undefined;
  }

  /** @throws ConfigError when aliases multiply, or a merge has no mapping */
  tree(): unknown {
    try {
      return this.document.toJS({ maxAliasCount: mostAliases });
    } catch (cause) {
      const first = this.#anchors.keys().next().value;
      const reason =
        'the aliases and merged keys (`<<`) cannot be resolved: they multiply, or what is merged is no mapping';
      throw new ConfigError([this.at(first ?? this.document.contents, [], reason)], { cause });
    }
  }

  problem(path: Path, reason: string, part: 'key' | 'value'): ConfigProblem {
    return this.at(this.#find(path, part), path, reason);
  }

  at(node: unknown, path: Path, reason: string): ConfigProblem {
    return this.#placed(isNode(node) ? (node.range?.[0] ?? 0) : 0, path, reason);
  }

  #placed(offset: number, path: Path, reason: string): ConfigProblem {
    const { line, col } = this.#lines.linePos(offset);
    // An empty text has no lines, and the counter then answers 0.
    return { file: this.file, line: Math.max(line, 1), column: Math.max(col, 1), path: formatPath(path), reason };
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

function isInside(inner: Node, outer: Node): boolean {
  const [start = 0] = inner.range ?? [];
  const [from = 0, to = 0] = outer.range ?? [];
  return from <= start && start < to;
}

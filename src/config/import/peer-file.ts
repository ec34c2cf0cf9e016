import { LineCounter } from 'yaml';
import { ConfigError, inOrder, type Path } from '../problems.js';
import { syntaxProblems } from '../syntax.js';
import { parseYaml } from '../yaml-document.js';
import type { PeerMap } from './peer-settings.js';

/** Aliases of a file that someone wrote by hand. */
const mostAliases = 100;

/**
 * Reads the configuration of a peer: JSON, or YAML. Mappings are Maps, so that no key is special; whole numbers are
 * bigints, so that no digit of an id is lost. A key with dots stands for mappings in one another.
 * @param text of at most 1 MiB
 * @throws ConfigError
 */
export function readPeerFile(text: string, file: string): unknown {
  try {
    const tree = parse(text, file);
    if (typeof tree === 'object' || !isToml(text)) return undotted(tree);
  } catch (error) {
    if (!isToml(text)) throw error;
  }
  throw ConfigError.ofFile(file, 'the file is TOML, which is not read here; convert it to JSON');
}

function parse(text: string, file: string): unknown {
  const lines = new LineCounter();
  try {
    const document = parseYaml(text, {
      lineCounter: lines,
      intAsBigInt: true,
      prettyErrors: false,
      logLevel: 'error',
    });
    const found = syntaxProblems([...document.errors, ...document.warnings], text);
    if (found.length === 0) return document.toJS({ mapAsMap: true, maxAliasCount: mostAliases });
    const problems = found.map(({ offset, reason }) => {
      const { line, col } = lines.linePos(offset);
      return { file, line: Math.max(line, 1), column: Math.max(col, 1), path: '', reason };
    });
    throw new ConfigError(inOrder(problems));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw ConfigError.ofFile(
      file,
      'its lists, mappings or aliases cannot be read: they are too deep or too many',
      error,
    );
  }
}

/** `[section]` or `key = value` at the beginning of a line, before anything else. */
function isToml(text: string): boolean {
  const first = /^(?!\s*(?:#|$)).+$/m.exec(text)?.[0] ?? '';
  return /^\s*\[\[?[\w.-]+\]\]?\s*$/.test(first) || /^\s*[\w.-]+\s*=/.test(first);
}

/** soketi's files may have `appManager.array.apps` as one key, and `appManager.array.apps.0.id` for a setting of its first app. */
function undotted(tree: unknown): unknown {
  if (!(tree instanceof Map)) return tree;
  const result = new Map<string, unknown>();
  for (const [key, value] of tree as Map<unknown, unknown>) put(result, String(key).split('.'), value);
  return withLists(result);
}

/** A list of which single items are named, by their index; the others are left as they are. */
class Items extends Map<string, unknown> {}

const index = /^\d{1,3}$/;

function put(into: Map<string, unknown>, [name = '', ...rest]: readonly string[], value: unknown): void {
  const known = into.get(name);
  if (rest.length > 0) {
    const inner =
      known instanceof Map ? known : index.test(rest[0] ?? '') ? itemsOf(known) : new Map<string, unknown>();
    into.set(name, inner);
    put(inner, rest, value);
  } else if (known instanceof Map && !(known instanceof Items) && value instanceof Map) {
    for (const [key, inner] of value) known.set(String(key), inner);
  } else into.set(name, value instanceof Map ? new Map(value) : value);
}

function itemsOf(known: unknown): Items {
  return new Items(Array.isArray(known) ? known.map((item, at) => [String(at), item]) : []);
}

/** An item that is not named is an empty mapping: soketi has defaults for it. */
function withLists(node: unknown): unknown {
  if (!(node instanceof Map)) return node;
  for (const [key, value] of node) node.set(key, withLists(value));
  if (!(node instanceof Items) || ![...node.keys()].every(key => index.test(key))) return node;
  const length = Math.max(...[...node.keys()].map(Number)) + 1;
  return Array.from({ length }, (_, at) => node.get(String(at)) ?? new Map<string, unknown>());
}

/** The mapping at the path. */
export function mapAt(tree: unknown, path: Path): PeerMap | undefined {
  const found = path.reduce<unknown>((node, key) => (node instanceof Map ? node.get(key) : undefined), tree);
  return found instanceof Map ? found : undefined;
}

import { type Document, isAlias, isPair, isScalar, isSeq, type Node, visit, type YAMLSeq } from 'yaml';
import type { Insertion } from '../upstream/options.js';
import type { Path } from './problems.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A text of the file with the environment variables it names filled in. Stands in the tree in place of the text. */
export class FromEnvironment {
  constructor(
    /** As in the file; the only form that messages may show. */
    readonly written: string,
    /** Undefined when a variable is missing, which has been reported. */
    readonly value: string | undefined,
    /** `${NAME}` and no other text, quoted or not, so it may stand for a number or a boolean. */
    readonly isWhole: boolean,
    /** Names of variables in it that are set, but empty. */
    readonly empty: readonly string[],
    /** Where in the value the texts of variables stand: they may be secrets. */
    readonly insertions: readonly Insertion[],
  ) {}
}

/** A `${` that cannot be filled in. */
export interface VariableProblem {
  readonly reason: string;
  /** Name of the variable that is not set; undefined: no name follows. */
  readonly variable: string | undefined;
}

type Report = (path: Path, problem: VariableProblem, node: Node) => void;

/**
 * Fills in `${NAME}` in the document's values, after parsing, so that no value of a variable is read as YAML. `$${` is a
 * literal `${`. Keys stay as they are. [design 2]
 */
export function fillIn(document: Document, env: Environment, report: Report): void {
  visit(document, {
    Scalar(key, node, ancestors) {
      if (key === 'key' || typeof node.value !== 'string' || !node.value.includes('${')) return;
      const { value, problems, empty, insertions } = substitute(node.value, env);
      for (const problem of problems) report(pathOf([...ancestors, node]), problem, node);
      const isWhole = /^\$\{\w+\}$/.test(node.value);
      const filled = problems.length > 0 ? undefined : value;
      node.value = new FromEnvironment(node.value, filled, isWhole, empty, insertions);
    },
  });
}

interface Substituted {
  readonly value: string;
  readonly problems: readonly VariableProblem[];
  readonly empty: readonly string[];
  readonly insertions: readonly Insertion[];
}

const variablePattern = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{/g;

function substitute(text: string, env: Environment): Substituted {
  const problems = new Map<string | undefined, VariableProblem>();
  const empty = new Set<string>();
  const insertions: Insertion[] = [];
  let shift = 0; // how much further a text stands in the value than in `text`
  const insert = (match: string, found: string, at: number): string => {
    insertions.push({ start: at + shift, end: at + shift + found.length });
    shift += found.length - match.length;
    return found;
  };
  const value = text.replace(variablePattern, (match, name: string | undefined, at: number) => {
    if (match === '$${') {
      shift -= 1;
      return '${';
    }
    const found = name !== undefined && Object.hasOwn(env, name) ? env[name] : undefined;
    if (found === undefined) problems.set(name, problemOf(name));
    else if (found === '' && name !== undefined) empty.add(name);
    return insert(match, found ?? '', at);
  });
  return { value, problems: [...problems.values()], empty: [...empty], insertions };
}

function problemOf(variable: string | undefined): VariableProblem {
  const literal = 'write `$${` for a literal `${`';
  const reason =
    variable === undefined
      ? `a variable name and \`}\` must follow \`\${\`; ${literal}`
      : `environment variable ${variable} is not set; set it, or ${literal}`;
  return { reason, variable };
}

/** The way down through `nodes`, each holding the next. */
export function pathOf(nodes: readonly unknown[]): Path {
  return nodes.flatMap((node, index): Path => {
    if (isSeq(node)) return [positionIn(node, nodes[index + 1])];
    if (isPair(node)) return [keyText(node.key)];
    return [];
  });
}

/** Lists may be long, with a problem at each item. */
const positions = new WeakMap<YAMLSeq, ReadonlyMap<unknown, number>>();

function positionIn(list: YAMLSeq, item: unknown): number {
  const known = positions.get(list) ?? new Map(list.items.map((each, position) => [each, position]));
  positions.set(list, known);
  return known.get(item) ?? -1;
}

/** A mapping's key as the parsed configuration spells it. */
export function keyText(key: unknown): string {
  if (isAlias(key)) return `*${key.source}`;
  const value = isScalar(key) ? key.value : key;
  // The merge key `<<` is a symbol.
  if (typeof value === 'symbol') return String(value.description);
  try {
    return String(value ?? '');
  } catch {
    return '[…]'; // a mapping as a key, with a merge in it that has no mapping
  }
}

import { PubSubError } from '../errors.js';

/** A place in the configuration: keys and list positions from the top. */
export type Path = readonly (string | number)[];

/** One thing that is wrong with the file. */
export interface ConfigProblem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** `hubs.chat.eventHandlers[0].urlTemplate`; empty when it is the file as a whole. */
  readonly path: string;
  /** What is wrong and what to do. Contains no value that came from the environment. */
  readonly reason: string;
  /** Name of the environment variable that is not set, where that is the problem. */
  readonly variable?: string;
}

/** By place, and each once: what is used by several aliases is still one mistake. */
export function inOrder(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  const byPlace = new Map<string, ConfigProblem>();
  for (const problem of problems) {
    const place = `${problem.line}:${problem.column}:${problem.reason}`;
    if (!byPlace.has(place)) byPlace.set(place, problem);
  }
  return [...byPlace.values()].sort((a, b) => a.line - b.line || a.column - b.column);
}

/** More lines than this would bury the first ones; `problems` has all. */
const mostLinesShown = 50;

/** The configuration cannot be used. The message has a line for each problem: `file:line:column path: reason`. */
export class ConfigError extends PubSubError {
  constructor(
    readonly problems: readonly ConfigProblem[],
    options?: { cause?: unknown },
  ) {
    super('invalid', describe(problems), options);
  }

  /** The file as a whole, so there is no line to point at. */
  static ofFile(file: string, reason: string, cause?: unknown): ConfigError {
    return new ConfigError([{ file, line: 1, column: 1, path: '', reason }], cause === undefined ? {} : { cause });
  }
}

function describe(problems: readonly ConfigProblem[]): string {
  const lines = problems.slice(0, mostLinesShown).map(({ file, line, column, path, reason }) => {
    return `${file}:${line}:${column}${path === '' ? '' : ` ${path}`}: ${reason}`;
  });
  const hidden = problems.length - lines.length;
  return (hidden > 0 ? [...lines, `and ${hidden} more`] : lines).join('\n');
}

/** As design 2 writes paths; a key that would be read as several is quoted. */
export function formatPath(path: Path): string {
  return path.reduce<string>((text, segment) => {
    if (typeof segment === 'number') return `${text}[${segment}]`;
    if (!/^[\w$-]+$/.test(segment)) return `${text}[${shorten(JSON.stringify(segment))}]`;
    return text === '' ? segment : `${text}.${segment}`;
  }, '');
}

/** A key as messages quote it: on one line, whatever it holds. */
export function quote(key: string): string {
  return /^[\w.$-]{1,64}$/.test(key) ? `\`${key}\`` : shorten(JSON.stringify(key));
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

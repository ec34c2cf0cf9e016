import type { Node } from './tree.js';

/** What can come after a command: its commands, else the values of its argument, and its flags. */
export function wordsOf({ commands, choices, flags }: Node): readonly string[] {
  return [...commands.map(({ name }) => name), ...choices, ...flags.map(({ name }) => name)];
}

/** `/hub`, `/hub/create`, …: without the program itself. */
export function pathsOf(nodes: readonly Node[]): readonly string[] {
  return nodes.map(({ path }) => path).filter(path => path !== '');
}

/** As a pattern of `case`. */
export function pathPattern(nodes: readonly Node[]): string {
  return pathsOf(nodes).join('|');
}

/** Flags whose value is the name of a file, wherever they are. */
export function fileFlags(nodes: readonly Node[]): readonly string[] {
  const names = nodes.flatMap(({ flags }) => flags.filter(({ isFile }) => isFile).map(({ name }) => name));
  return [...new Set(names)];
}

/** Flags that take one of a few values: patterns of `case` for command and flag. */
export function flagChoices(
  nodes: readonly Node[],
): readonly { readonly pattern: string; readonly choices: readonly string[] }[] {
  return nodes.flatMap(({ path, flags }) =>
    flags
      .filter(({ choices }) => choices.length > 0)
      .map(({ name, short, choices }) => ({
        pattern: [name, ...(short === undefined ? [] : [short])].map(each => `'${path} ${each}'`).join('|'),
        choices,
      })),
  );
}

/** In single quotes of fish. */
export function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

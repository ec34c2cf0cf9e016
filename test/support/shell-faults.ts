/** Set or read-only in zsh, the default shell of macOS: `path` is PATH as a list. */
const variablesOfZsh =
  /(?:^|[;&|(]|\b(?:export|local|read)) *(path|cdpath|fpath|manpath|status|argv|options|prompt)\b=?/gm;
const hereDocument = /<<-?\s*(['"]?)(\w+)\1([^\n]*)\n[\s\S]*?\n\s*\2(?=\n|$)/g;
const quotedText = /'[^']*'|"(?:[^"\\]|\\.)*"/g;

/** What of a script does not work when it is pasted into an interactive shell, zsh among them. */
export function shellFaults(script: string): string[] {
  const read = script.replace(hereDocument, '<< $3');
  const bare = read.replace(quotedText, "''");
  return [
    ...(/(?:^|\s)#/m.test(bare) ? ['a comment: zsh runs it as arguments of the command'] : []),
    ...(read.replace(/'[^']*'/g, "''").includes('`') ? ['a backtick: what is between two of them is run'] : []),
    ...(/[[\]?*]/.test(bare) ? ['a pattern without quotes: zsh refuses what matches no file'] : []),
    ...[...bare.matchAll(variablesOfZsh)].map(([, name]) => `the variable "${name}": zsh has its own of this name`),
  ];
}

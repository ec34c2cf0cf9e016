/** Patterns of group names, as in the role `webpubsub.sendToGroups.chat-*`. [client-protocols 2.2] */

export const maxPatternLength = 1024;
export const maxStars = 5;

type Token =
  | { readonly kind: 'char'; readonly char: string }
  /** `?`: one character, not `.` */
  | { readonly kind: 'one' }
  /** `*`: any run without `.` */
  | { readonly kind: 'run' }
  /** `**` or longer: any run */
  | { readonly kind: 'anyRun' };

export type GroupPattern = (group: string) => boolean;

/** Undefined when the text is not a valid pattern: too long, too many stars, or a stray backslash. */
export function compilePattern(text: string): GroupPattern | undefined {
  const tokens = tokenize(text);
  return tokens && (group => matches(tokens, group));
}

function tokenize(text: string): readonly Token[] | undefined {
  if (text === '' || text.length > maxPatternLength) return undefined;
  const tokens: Token[] = [];
  let stars = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at] as string;
    if (char === '*') {
      const run = /^\*+/.exec(text.slice(at))?.[0].length ?? 1;
      stars += run; // every star character counts, those of ** too
      tokens.push({ kind: run > 1 ? 'anyRun' : 'run' });
      at += run - 1;
    } else if (char === '?') {
      tokens.push({ kind: 'one' });
    } else if (char === '\\') {
      at += 1;
      const escaped = text[at];
      if (escaped !== '*' && escaped !== '?' && escaped !== '\\') return undefined;
      tokens.push({ kind: 'char', char: escaped });
    } else {
      tokens.push({ kind: 'char', char });
    }
  }
  return stars > maxStars ? undefined : tokens;
}

/**
 * Walks the text once, keeping the set of token positions that are still possible: at most length × tokens steps. A
 * regular expression with five stars would need the fifth power of the length for a hostile group name.
 */
function matches(tokens: readonly Token[], text: string): boolean {
  let possible = new Uint8Array(tokens.length + 1);
  possible[0] = 1;
  passRuns(tokens, possible);
  for (let index = 0; index < text.length; index += 1) {
    const char = text[index] as string;
    const next = new Uint8Array(tokens.length + 1);
    let isAlive = false;
    for (let at = 0; at < tokens.length; at += 1) {
      if (possible[at] === 0) continue;
      const step = consume(tokens[at] as Token, char);
      if (step === undefined) continue;
      next[at + step] = 1;
      isAlive = true;
    }
    if (!isAlive) return false;
    passRuns(tokens, next);
    possible = next;
  }
  return possible[tokens.length] === 1;
}

/** How far the position moves when the token takes the character: a run stays where it is. */
function consume(token: Token, char: string): 0 | 1 | undefined {
  switch (token.kind) {
    case 'char':
      return token.char === char ? 1 : undefined;
    case 'one':
      return char === '.' ? undefined : 1;
    case 'run':
      return char === '.' ? undefined : 0;
    case 'anyRun':
      return 0;
  }
}

/** A run may be empty: wherever it can start, what follows it can start too. */
function passRuns(tokens: readonly Token[], possible: Uint8Array): void {
  for (let at = 0; at < tokens.length; at += 1) {
    const kind = tokens[at]?.kind;
    if (possible[at] === 1 && (kind === 'run' || kind === 'anyRun')) possible[at + 1] = 1;
  }
}

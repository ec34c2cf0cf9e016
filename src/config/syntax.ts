import type { ErrorCode } from 'yaml';

/** What the parser's codes mean for the person who wrote the file. Its own messages quote the file, so they are not shown. */
const reasons: Record<ErrorCode, string> = {
  ALIAS_PROPS: 'an alias has an anchor or a tag of its own; remove it',
  BAD_ALIAS: 'the alias is incomplete; write `*name`',
  BAD_COLLECTION_TYPE: 'the tag does not fit the list or mapping; remove the tag',
  BAD_DIRECTIVE: 'the `%` directive is unknown; remove the line',
  BAD_DQ_ESCAPE: 'a backslash in double quotes starts no known escape; write \\\\ or use single quotes',
  BAD_INDENT: 'the indentation does not fit the lines above; indent with the same number of spaces',
  BAD_PROP_ORDER: 'an anchor or tag is in the wrong place; write it directly before the value',
  BAD_SCALAR_START: 'the value starts with a character that has a special meaning in YAML; put the value in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a mapping starts in the middle of a line; put the text in quotes, or start a new line',
  BLOCK_IN_FLOW: 'an indented list or mapping is inside [ ] or { }; use one style for both',
  DUPLICATE_KEY: 'the key occurs twice in the same mapping; remove one',
  IMPOSSIBLE: 'the text cannot be read as YAML; check the quotes and brackets around it',
  KEY_OVER_1024_CHARS: 'the key is too long; is a quote or a `:` missing?',
  MISSING_CHAR: 'something is missing here: a closing quote or bracket, a `:`, or a space',
  MULTILINE_IMPLICIT_KEY: 'the key spans several lines; is a `:` or a quote missing?',
  MULTIPLE_ANCHORS: 'a value has two anchors; remove one',
  MULTIPLE_DOCS: 'a second document starts here; keep one and remove the `---` line',
  MULTIPLE_TAGS: 'a value has two tags; remove one',
  NON_STRING_KEY: 'the key is not a string; put it in quotes',
  RESOURCE_EXHAUSTION: 'lists or mappings are nested too deeply',
  TAB_AS_INDENT: 'a tab is used for indentation; use spaces',
  TAG_RESOLVE_FAILED: 'the `!` tag is unknown or does not fit; remove it, or put the value in quotes',
  UNEXPECTED_TOKEN: 'unexpected text; put values with brackets or braces in quotes, and check the indentation',
};

/** A syntax error, described for the person who wrote the file. */
export interface SyntaxProblem {
  /** Characters from the start of the text. */
  readonly offset: number;
  readonly reason: string;
  /** Of a text that is not quoted: the place is a value, and has a path. */
  readonly isUnquoted: boolean;
}

/** The parser's errors; a variable without quotes alone, since all that follows it is misread. */
export function syntaxProblems(
  errors: readonly { readonly code: ErrorCode; readonly pos: readonly [number, number]; readonly message: string }[],
  text: string,
  openBracket: (offset: number) => number | undefined = () => undefined,
): readonly SyntaxProblem[] {
  const variable = errors.find(({ pos: [offset] }) => isVariable(text, offset));
  if (variable !== undefined) return [problemOf(variable.code, text, variable.pos[0])];
  return errors.map(({ code, pos: [offset], message }) => {
    const bracket = /^Flow (?:sequence|map) .* end with a/.test(message) ? openBracket(offset) : undefined;
    return bracket === undefined ? problemOf(code, text, offset) : unclosed(text, bracket);
  });
}

/** The parser points at the line where it gives up. */
function unclosed(text: string, offset: number): SyntaxProblem {
  const [open, close] = text.charAt(offset) === '[' ? '[]' : '{}';
  const reason = `the bracket \`${open}\` is not closed; write the \`${close}\`, and indent what is between them`;
  return { offset, reason, isUnquoted: false };
}

function problemOf(code: ErrorCode, text: string, offset: number): SyntaxProblem {
  if (isVariable(text, offset)) {
    const reason = `within [ ] and { } a value with a variable must be quoted: "$\{NAME}"`;
    return { offset: offset - 1, reason, isUnquoted: true };
  }
  const isUnquoted = code === 'BAD_ALIAS' || code === 'BAD_SCALAR_START';
  const reason = isUnquoted ? unquoted(text, offset) : reasons[code];
  return { offset, reason, isUnquoted: isUnquoted || code === 'TAG_RESOLVE_FAILED' };
}

/** The parser stumbles over the brace of `${NAME}` in a flow list or mapping. */
function isVariable(text: string, offset: number): boolean {
  return text.startsWith('${', offset - 1);
}

/** A text that begins with a character which means something else in YAML: `*`, `&`, `!`, `%`, `@`, a backtick. */
export function unquoted(text: string, offset: number): string {
  const sign = text.charAt(offset);
  const isAlone = /^.\s*(?:[,\]}#\r\n]|$)/.test(text.slice(offset));
  return isAlone
    ? `${code(sign)} must be quoted: "${sign}"`
    : `a value that starts with ${code(sign)} must be quoted: "${sign}…"`;
}

function code(sign: string): string {
  return sign === '`' ? 'a backtick' : `\`${sign}\``;
}

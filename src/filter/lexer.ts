import { syntaxError } from './invalid-filter.js';

/** One token; `start` and `end` are offsets in UTF-16 units, `end` the one after its last. */
export type Token = { readonly start: number; readonly end: number } & (
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'integer'; readonly value: number }
  /** Identifiers, keywords, and what OData has a meaning for but a filter has not: dates, aliases, typed literals. */
  | { readonly kind: 'word'; readonly text: string }
  /** The last three are never part of a valid filter. */
  | { readonly kind: 'symbol'; readonly text: '(' | ')' | ',' | '/' | '-' | '+' }
  | { readonly kind: 'end' }
);

/** Words that are operators where one can stand. */
export const operatorWords: ReadonlySet<string> = new Set([
  ...['not', 'in', 'and', 'or'],
  ...['eq', 'ne', 'gt', 'ge', 'lt', 'le'],
]);

const maxInteger = 2 ** 31 - 1;
const minInteger = -(2 ** 31);

const space = /\s*/y;
const guid = /[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}/y;
const name = /[@$]?[A-Za-z_][A-Za-z0-9_.]*/y;
/** With all that a decimal, a date or a time of day can hold. */
const numeral = /-?[0-9][A-Za-z0-9_.:+-]*/y;
const symbol = /[(),/+-]/y;

/**
 * The first token at or after `from`; every character is looked at a fixed number of times.
 * @throws PubSubError `invalid` for an unterminated string or a character that no token starts with [rest-api 4.3]
 */
export function readToken(text: string, from: number): Token {
  const start = from + match(space, text, from).length;
  if (start === text.length) return { kind: 'end', start, end: start };
  if (text[start] === "'") return readString(text, start);
  return readGuid(text, start) ?? readNumeral(text, start) ?? readName(text, start) ?? readSymbol(text, start);
}

/** What the sticky pattern matches at the offset, or `""`. */
function match(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}

function word(text: string, start: number, end: number): Token {
  return { kind: 'word', text: text.slice(start, end), start, end };
}

function readString(text: string, start: number): Token {
  const end = endOfString(text, start);
  return { kind: 'string', value: text.slice(start + 1, end - 1).replaceAll("''", "'"), start, end };
}

/** @param start the opening quote; two quotes inside are one character */
function endOfString(text: string, start: number): number {
  let quote = text.indexOf("'", start + 1);
  while (quote !== -1 && text[quote + 1] === "'") quote = text.indexOf("'", quote + 2);
  if (quote === -1) throw syntaxError(text, start, 'Unterminated string');
  return quote + 1;
}

function readGuid(text: string, start: number): Token | undefined {
  const found = match(guid, text, start);
  return found === '' ? undefined : word(text, start, start + found.length);
}

function readNumeral(text: string, start: number): Token | undefined {
  const found = match(numeral, text, start);
  if (found === '') return undefined;
  const end = start + found.length;
  const value = Number(found);
  if (!/^-?[0-9]+$/.test(found) || value < minInteger || value > maxInteger) return word(text, start, end);
  return { kind: 'integer', value, start, end };
}

/** A name with a string right after it is a literal of another type, `duration'PT1S'`. */
function readName(text: string, start: number): Token | undefined {
  const found = match(name, text, start);
  if (found === '') return undefined;
  const end = start + found.length;
  const isTypedLiteral = text[end] === "'" && !operatorWords.has(found);
  return word(text, start, isTypedLiteral ? endOfString(text, end) : end);
}

function readSymbol(text: string, start: number): Token {
  const found = match(symbol, text, start);
  if (found === '') {
    const character = String.fromCodePoint(text.codePointAt(start) as number);
    throw syntaxError(text, start, `Unexpected character '${character}'`);
  }
  return { kind: 'symbol', text: found as '(', start, end: start + 1 };
}

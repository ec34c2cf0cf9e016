import { randomUUID } from 'node:crypto';

/** With fewer digits an integer is a number without loss. */
const longDigits = 16;

/** Strings and numbers of a text that is valid JSON. */
const literals = /"(?:[^"\\]+|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g;

const integer = /^-?\d+$/;

/** Before the digits of a long integer while it is a string; in no text that comes in. */
const mark = `${randomUUID()}:`;

const marked = new RegExp(`"${mark}(-?\\d+)"`, 'g');

/**
 * As JSON.parse, but integers beyond 2^53 - 1 are bigint and keep their digits: other languages sign ids of 64 bits.
 * @throws SyntaxError
 */
export function parseExactly(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (!hasLongRun(text)) return value; // nearly always; hot path
  const markedText = text.replace(literals, literal => (isLong(literal) ? `"${mark}${literal}"` : literal));
  return JSON.parse(markedText, (_name, each: unknown) =>
    typeof each === 'string' && each.startsWith(mark) ? BigInt(each.slice(mark.length)) : each,
  );
}

/** As JSON.stringify, with a bigint as a number. */
export function stringifyExactly(value: unknown): string {
  const text = JSON.stringify(value, (_name, each: unknown) => (typeof each === 'bigint' ? `${mark}${each}` : each));
  return text.replace(marked, '$1');
}

function isLong(literal: string): boolean {
  return integer.test(literal) && !Number.isSafeInteger(Number(literal));
}

/** Has the text a run of many digits? Hot path: one of such a run's digits is at each so many-th place, the others are not looked at. */
function hasLongRun(text: string): boolean {
  for (let at = longDigits - 1; at < text.length; at += longDigits) {
    if (isDigit(text, at) && runAround(text, at) >= longDigits) return true;
  }
  return false;
}

/** The number of digits in a row, of which one is at this place. */
function runAround(text: string, at: number): number {
  let first = at;
  let end = at + 1;
  while (isDigit(text, first - 1)) first -= 1;
  while (isDigit(text, end)) end += 1;
  return end - first;
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0x30 && code <= 0x39;
}

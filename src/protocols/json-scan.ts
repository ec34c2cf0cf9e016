/** One member of an object, and its position in the bytes. */
export class Member {
  readonly #json: Buffer;
  /** The opening quote of the key, and the byte after the closing one. */
  readonly #keyStart: number;
  readonly #keyEnd: number;
  /** First byte of the value, and the one after its last. */
  readonly start: number;
  readonly end: number;

  constructor(json: Buffer, keyStart: number, keyEnd: number, start: number, end: number) {
    this.#json = json;
    this.#keyStart = keyStart;
    this.#keyEnd = keyEnd;
    this.start = start;
    this.end = end;
  }

  /** Without its escapes. */
  get key(): string {
    return JSON.parse(this.#json.toString('utf8', this.#keyStart, this.#keyEnd)) as string;
  }

  /** Is this its key? Compared byte by byte, as making the key costs more than the rest of the scan. @param name in ASCII */
  isNamed(name: string): boolean {
    const json = this.#json;
    const from = this.#keyStart + 1;
    for (let at = 0; at < name.length; at += 1) {
      const byte = json[from + at];
      if (byte === backslash) return this.key === name;
      if (byte !== name.charCodeAt(at)) return false;
    }
    return json[from + name.length] === quote;
  }
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/**
 * Finds where the members of the object that starts at or after `from` stand, in order, duplicates included, so that a
 * payload can be passed on exactly as it came: parsing and re-serialising would change `1.0`, 20-digit integers and key
 * order. The text must already be known to be valid JSON (JSON.parse accepted it): nothing is checked here. [client-protocols 0]
 */
export function scanMembers(json: Buffer, from = 0): Member[] {
  const members: Member[] = [];
  let at = skipSpace(json, from) + 1; // past {
  for (;;) {
    at = skipSpace(json, at);
    if (json[at] === closeBrace) return members;
    if (json[at] === comma) {
      at += 1;
      continue;
    }
    const keyEnd = skipString(json, at);
    const start = skipSpace(json, skipSpace(json, keyEnd) + 1); // past :
    const end = skipValue(json, start);
    members.push(new Member(json, at, keyEnd, start, end));
    at = end;
  }
}

/** Where the items of the array that starts at or after `from` stand. The text must be valid JSON, as for `scanMembers`. */
export function scanItems(json: Buffer, from = 0): { readonly start: number; readonly end: number }[] {
  const items: { start: number; end: number }[] = [];
  let at = skipSpace(json, from) + 1; // past [
  for (;;) {
    at = skipSpace(json, at);
    if (json[at] === closeBracket) return items;
    if (json[at] === comma) {
      at += 1;
      continue;
    }
    const end = skipValue(json, at);
    items.push({ start: at, end });
    at = end;
  }
}

function skipSpace(json: Buffer, at: number): number {
  while (isSpace(json[at])) at += 1;
  return at;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Bytes that are looked at one by one before the search that suits long strings begins. */
const shortString = 24;

/** @param at the opening quote */
function skipString(json: Buffer, at: number): number {
  const shortEnd = at + shortString;
  let byte = json[++at];
  while (byte !== quote && byte !== backslash && at < shortEnd) byte = json[++at];
  if (byte === quote) return at + 1;
  let end = json.indexOf(quote, at);
  while (isEscaped(json, end)) end = json.indexOf(quote, end + 1);
  return end + 1;
}

function isEscaped(json: Buffer, at: number): boolean {
  let backslashes = 0;
  while (json[at - 1 - backslashes] === backslash) backslashes += 1;
  return backslashes % 2 === 1;
}

function skipValue(json: Buffer, at: number): number {
  const first = json[at];
  if (first === quote) return skipString(json, at);
  if (first === openBrace || first === openBracket) return skipNested(json, at);
  while (!endsScalar(json[at])) at += 1;
  return at;
}

function endsScalar(byte: number | undefined): boolean {
  return byte === undefined || byte === comma || byte === closeBrace || byte === closeBracket || isSpace(byte);
}

function skipNested(json: Buffer, at: number): number {
  let depth = 0;
  for (;;) {
    const byte = json[at];
    if (byte === quote) {
      at = skipString(json, at);
      continue;
    }
    if (byte === openBrace || byte === openBracket) depth += 1;
    else if (byte === closeBrace || byte === closeBracket) depth -= 1;
    at += 1;
    if (depth === 0) return at;
  }
}

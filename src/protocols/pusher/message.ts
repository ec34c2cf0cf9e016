import { scanMembers } from '../json-scan.js';

/** A client's message: its event, its channel if it has one, and its data. [PW §3.2] */
export class ClientMessage {
  readonly event: string;
  readonly channel: unknown;
  readonly data: unknown;
  readonly #bytes: Buffer;

  private constructor(event: string, { channel, data }: Fields, bytes: Buffer) {
    this.event = event;
    this.channel = channel;
    this.data = data;
    this.#bytes = bytes;
  }

  /** @returns why it is no message, for its client */
  static parse(bytes: Buffer): ClientMessage | string {
    const value = parseJson(bytes.toString('utf8'));
    if (!isFields(value)) return 'A message must be a JSON object.';
    if (typeof value.event !== 'string') return 'A message must have an event, which is a string.';
    return new ClientMessage(value.event, value, bytes);
  }

  /** What a command says. Some clients write it as an object, others as a string that contains one. */
  get fields(): Fields {
    const data = typeof this.data === 'string' ? parseJson(this.data) : this.data;
    return isFields(data) ? data : {};
  }

  /** The data as receivers get it: a string as it is, any other value as its text, with its digits and the order of its keys. */
  get text(): Buffer {
    if (typeof this.data === 'string') return Buffer.from(this.data, 'utf8');
    const member = scanMembers(this.#bytes).findLast(each => each.isNamed('data'));
    return member === undefined ? noData : this.#bytes.subarray(member.start, member.end);
  }
}

/** Of an event that has none: JSON's word for nothing. */
const noData = Buffer.from('null');

export interface Fields {
  readonly [name: string]: unknown;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Undefined for what is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A value of the object as it is written; empty when it is not there. @param json of a valid object */
export function rawMember(json: string, name: string): Buffer {
  const bytes = Buffer.from(json, 'utf8');
  const member = scanMembers(bytes).findLast(each => each.isNamed(name));
  return member === undefined ? Buffer.alloc(0) : bytes.subarray(member.start, member.end);
}

/** Arrays and objects within one another, at most: reading a value takes stack for each. @param json valid */
export function depthOf(json: Buffer): number {
  let [depth, deepest, isText] = [0, 0, false];
  for (let at = 0; at < json.length; at += 1) {
    const char = json[at];
    if (isText && char === backslash) at += 1;
    else if (char === quote) isText = !isText;
    else if (isText) continue;
    else if (char === openBrace || char === openBracket) deepest = Math.max(deepest, ++depth);
    else if (char === closeBrace || char === closeBracket) depth -= 1;
  }
  return deepest;
}

const [quote, backslash, openBrace, closeBrace, openBracket, closeBracket] = Buffer.from('"\\{}[]');

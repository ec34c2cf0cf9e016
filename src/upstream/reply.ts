import { isUtf8 } from 'node:buffer';
import { ConnectRefused, PubSubError } from '../errors.js';
import type { ConnectReply } from '../hub/ports.js';
import type { DataType, Metadata, Payload } from '../protocols/messages.js';
import { metadataFromHeaders, metadataHeaderPrefix } from '../protocols/metadata.js';
import { isGroupName } from '../protocols/names.js';
import { type BodyLimit, noBody, type Response, type ResponseHeaders } from './exchange.js';

/** What of a refusal's text goes on to the client. [upstream-events D17] */
const maxRefusalBytes = 4096;

const dataTypes: ReadonlyMap<string, DataType> = new Map([
  ['text/plain', 'text'],
  ['application/json', 'json'],
  ['application/octet-stream', 'binary'],
  ['application/x-protobuf', 'protobuf'],
]);

const unchanged: ConnectReply = { userId: undefined, roles: undefined, groups: undefined, subprotocol: undefined };

export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/** How much of the body of a `connect` answer is read. */
export function connectBodyLimit(status: number, maxResponseBytes: number): BodyLimit {
  if (isSuccess(status)) return { bytes: maxResponseBytes, beyond: 'fail' };
  return { bytes: isRedirect(status) ? 0 : maxRefusalBytes, beyond: 'cut' };
}

/** How much of the body of a user event's answer is read. */
export function eventBodyLimit(status: number, maxResponseBytes: number): BodyLimit {
  return isSuccess(status) ? { bytes: maxResponseBytes, beyond: 'fail' } : noBody;
}

/**
 * Fields of a `connect` answer, whatever its Content-Type says. `offered` are the client's subprotocols. [upstream-events 3.2]
 * @throws ConnectRefused for a refusal; PubSubError `eventFailed` for a redirect or an answer that is of no use
 */
export function readConnectReply(response: Response, offered: readonly string[]): ConnectReply {
  if (isSuccess(response.status)) return connectReply(response.body, offered);
  if (isRedirect(response.status)) throw unexpectedStatus(response.status);
  const text = refusalText(response.body);
  throw new ConnectRefused(response.status, text, text && refusalType(response.headers));
}

/**
 * The message that a user event's answer asks to send back; undefined: none. [upstream-events 3.3]
 * @throws PubSubError `eventFailed` for another status than 2xx, or a body that no client could be sent
 */
export function readEventReply(response: Response): Payload | undefined {
  requireSuccess(response);
  const metadata = replyMetadata(response.headers);
  if (response.body.length > 0) return { dataType: dataTypeOf(response), bytes: response.body, metadata };
  return metadata && { dataType: 'text', bytes: response.body, metadata };
}

/** @throws PubSubError `eventFailed` for another status than 2xx */
export function requireSuccess(response: Response): void {
  if (!isSuccess(response.status)) throw unexpectedStatus(response.status);
}

/** The state to keep, byte for byte; undefined: unchanged. Of several lines the last counts. [upstream-events 3.5] */
export function replyState(headers: ResponseHeaders): string | undefined {
  return linesOf(headers, 'ce-connectionstate').at(-1);
}

/** Every line of a header; `name` in lower case. */
export function linesOf(headers: ResponseHeaders, name: string): readonly string[] {
  const value = headers[name];
  return value === undefined ? [] : typeof value === 'string' ? [value] : value;
}

function isRedirect(status: number): boolean {
  return status >= 300 && status < 400;
}

function unexpectedStatus(status: number): PubSubError {
  const hint = isRedirect(status) ? '; redirects are not followed' : '';
  return new PubSubError('eventFailed', `the event handler answered ${status}${hint}`);
}

// ---------------------------------------------------------------------------------------------------------- connect

function connectReply(body: Buffer, offered: readonly string[]): ConnectReply {
  if (body.length === 0) return unchanged;
  const fields = parseConnectBody(body);
  if (fields === null) return unchanged;
  return {
    userId: optionalText(fields, 'userId'),
    roles: optionalList(fields, 'roles', () => true),
    groups: optionalList(fields, 'groups', isGroupName),
    subprotocol: offeredSubprotocol(optionalText(fields, 'subprotocol'), offered),
  };
}

function parseConnectBody(body: Buffer): Record<string, unknown> | null {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    // The parser's message would quote the body.
    throw unusable('its body is not JSON');
  }
  if (typeof value !== 'object' || Array.isArray(value)) throw unusable('its body is not a JSON object');
  return value as Record<string, unknown> | null;
}

function optionalText(fields: Record<string, unknown>, name: string): string | undefined {
  const value = fields[name] ?? undefined;
  if (value !== undefined && typeof value !== 'string') throw unusable(`${name} is not a string`);
  return value;
}

function optionalList(
  fields: Record<string, unknown>,
  name: string,
  isItem: (item: string) => boolean,
): readonly string[] | undefined {
  const value = fields[name] ?? undefined;
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw unusable(`${name} is not a list of strings`);
  return value.map((item: unknown) => {
    if (typeof item !== 'string' || !isItem(item)) throw unusable(`an item of ${name} is not allowed`);
    return item;
  });
}

/** Blank or not offered: a client could not accept it. Letter case does not count. [upstream-events D23] */
function offeredSubprotocol(subprotocol: string | undefined, offered: readonly string[]): string | undefined {
  const name = subprotocol?.toLowerCase();
  if (name === undefined || offered.some(offer => offer.toLowerCase() === name)) return subprotocol;
  throw unusable('its subprotocol is not one that the client offered');
}

function unusable(why: string): PubSubError {
  return new PubSubError('eventFailed', `the answer to connect is of no use: ${why}`);
}

/** Only text goes on, and a character that the limit cuts in two is left out. */
function refusalText(body: Buffer): Buffer | undefined {
  let end = body.length;
  if (end === maxRefusalBytes) end = wholeCharacters(body);
  const text = body.subarray(0, end);
  return text.length > 0 && isUtf8(text) ? text : undefined;
}

/** Where the last UTF-8 character that is not cut off ends. */
function wholeCharacters(bytes: Buffer): number {
  for (let end = bytes.length; end > bytes.length - 4; end -= 1) if (isUtf8(bytes.subarray(0, end))) return end;
  return bytes.length;
}

function refusalType(headers: ResponseHeaders): string | undefined {
  const type = linesOf(headers, 'content-type').at(-1);
  return type !== undefined && /^[\x20-\x7e]+$/.test(type) ? type : undefined;
}

// -------------------------------------------------------------------------------------------------------- user event

/** A missing type means binary. [upstream-events D41] */
function dataTypeOf(response: Response): DataType {
  const type = linesOf(response.headers, 'content-type').at(-1) ?? '';
  const mediaType = type.split(';', 1)[0]!.trim().toLowerCase();
  const dataType = mediaType ? dataTypes.get(mediaType) : 'binary';
  if (!dataType) throw new PubSubError('eventFailed', 'the answer has a Content-Type that clients cannot be sent');
  requireReadable(response.body, dataType);
  return dataType;
}

/** Text and JSON go into text frames as they are, so what is not such would end the client's connection. */
function requireReadable(body: Buffer, dataType: DataType): void {
  if (dataType !== 'text' && dataType !== 'json') return;
  if (!isUtf8(body)) throw new PubSubError('eventFailed', `the answer is declared as ${dataType} but is not UTF-8`);
  if (dataType === 'json' && !isJson(body)) {
    throw new PubSubError('eventFailed', 'the answer is declared as JSON but does not parse');
  }
}

function isJson(body: Buffer): boolean {
  try {
    JSON.parse(body.toString('utf8'));
    return true;
  } catch {
    // The question was whether it parses.
    return false;
  }
}

/** @throws PubSubError `eventFailed` beyond the limits [upstream-events 3.3, D42] */
function replyMetadata(headers: ResponseHeaders): Metadata | undefined {
  const flat: string[] = [];
  for (const name of Object.keys(headers)) {
    if (name.startsWith(metadataHeaderPrefix)) for (const line of linesOf(headers, name)) flat.push(name, line);
  }
  if (flat.length === 0) return undefined;
  try {
    return metadataFromHeaders(flat);
  } catch (cause) {
    throw new PubSubError('eventFailed', `the answer's metadata is not allowed: ${(cause as Error).message}`, {
      cause,
    });
  }
}

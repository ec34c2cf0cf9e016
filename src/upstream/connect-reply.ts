import { isUtf8 } from 'node:buffer';
import { type BodyLimit, noBody, type Response, type ResponseHeaders } from '../egress/exchange.js';
import { ConnectRefused, PubSubError } from '../errors.js';
import type { ConnectReply, ConnectRequest } from '../hub/ports.js';
import { groupNameRule, isGroupName, isUserId, userIdRule } from '../protocols/names.js';
import { utf8Of, withoutMark } from '../protocols/text.js';
import { charsetOf } from './content-type.js';
import { asSent } from './misread.js';
import {
  type Answered,
  type Answerer,
  aboutAnswer,
  isRedirect,
  isSuccess,
  linesOf,
  notFoundText,
  requireUncoded,
  shown,
  unexpectedStatus,
} from './reply.js';

/** What of a refusal's text goes on to the client. [upstream-events D17] */
const maxRefusalBytes = 4096;

/** Items of `groups`, and of `roles`: a client joins them in one turn. */
const mostItems = 10_000;

const fieldNames = ['userId', 'roles', 'groups', 'subprotocol'] as const satisfies readonly (keyof ConnectReply)[];
type FieldName = (typeof fieldNames)[number];
type Fields = Readonly<Record<string, unknown>>;

const unchanged: ConnectReply = { userId: undefined, roles: undefined, groups: undefined, subprotocol: undefined };

/** How much of the body of a `connect` answer is read. */
export function connectBodyLimit(status: number, maxResponseBytes: number): BodyLimit {
  if (isSuccess(status)) return { bytes: maxResponseBytes, beyond: 'fail' };
  return isRedirect(status) ? noBody : { bytes: maxRefusalBytes, beyond: 'cut' };
}

/**
 * Fields of a `connect` answer, whatever its media type. [upstream-events 3.2]
 * @param request the request: its names are recognised if they come back misdecoded
 * @param warn called for parts of the response that have no effect
 * @throws ConnectRefused for a refusal; PubSubError `eventFailed` for a redirect or an invalid response
 */
export function readConnectReply(
  response: Response,
  event: Answered,
  by: Answerer,
  request: ConnectRequest,
  warn: (warning: string) => void,
): ConnectReply {
  const { status, headers } = response;
  if (isRedirect(status)) throw unexpectedStatus(response, event, by);
  if (!isSuccess(status)) {
    if (status === 404) warn(notFoundText(event, by));
    const text = refusalText(response.body);
    throw new ConnectRefused(status, text, text && refusalType(headers));
  }
  requireUncoded(response);
  const fields = response.body.length === 0 ? null : parseBody(textOf(response));
  if (fields === null) return unchanged;
  for (const warning of misspelled(fields)) warn(aboutAnswer(event, by, warning));
  return fieldsOf(fields, request);
}

function fieldsOf(fields: Fields, request: ConnectRequest): ConnectReply {
  return {
    userId: userIdOf(fields, request),
    roles: optionalList(fields, 'roles', request),
    groups: groupsOf(fields, request),
    subprotocol: optionalText(fields, 'subprotocol'),
  };
}

/** In UTF-8 unless its `Content-Type` has another charset that is known here. */
function textOf({ headers, body }: Response): string {
  const charset = charsetOf(linesOf(headers, 'content-type').at(-1) ?? '');
  const text = utf8Of(body, charset);
  return (Buffer.isBuffer(text) ? text : withoutMark(body)).toString('utf8');
}

function parseBody(text: string): Fields | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's message would quote the body.
    throw unusable('its body is not JSON');
  }
  if (typeof value !== 'object' || Array.isArray(value)) throw unusable('its body is not a JSON object');
  return value as Fields | null;
}

/** A field in another letter case is an unknown one, and unknown fields are ignored, which may leave a client more roles than was meant. */
function misspelled(fields: Fields): string[] {
  return Object.keys(fields).flatMap(given => {
    const meant = fieldNames.find(name => name !== given && name.toLowerCase() === given.toLowerCase());
    return meant === undefined ? [] : [`field "${given}" is ignored: write "${meant}"`];
  });
}

/** `""` makes the client anonymous. One that its own later events could not carry unchanged is refused. [upstream-events D20] */
function userIdOf(fields: Fields, request: ConnectRequest): string | undefined {
  const given = optionalText(fields, 'userId');
  const userId = given && asSent(given, request);
  if (userId && !isUserId(userId)) throw unusable(`its userId is not a valid user id, which has ${userIdRule}`);
  return userId;
}

function groupsOf(fields: Fields, request: ConnectRequest): readonly string[] | undefined {
  const groups = optionalList(fields, 'groups', request);
  if (groups?.every(isGroupName) === false)
    throw unusable(`an item of groups is not a valid group name, which has ${groupNameRule}`);
  return groups;
}

function optionalText(fields: Fields, name: FieldName): string | undefined {
  const value = fields[name] ?? undefined;
  if (value !== undefined && typeof value !== 'string') throw unusable(`${name} is not a string`);
  return value;
}

function optionalList(fields: Fields, name: FieldName, request: ConnectRequest): readonly string[] | undefined {
  const value = fields[name] ?? undefined;
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw unusable(`${name} is not a list of strings`);
  if (value.length > mostItems) throw unusable(`${name} has ${value.length} items; at most ${mostItems} are allowed`);
  return value.map((item: unknown) => {
    if (typeof item !== 'string') throw unusable(`an item of ${name} is not a string`);
    return asSent(item, request);
  });
}

/**
 * Blank or not offered: a client could not accept it. Letter case does not count. [upstream-events D23]
 * @throws PubSubError `eventFailed`
 */
export function requireOffered({ subprotocol }: ConnectReply, { subprotocols: offered }: ConnectRequest): void {
  const name = subprotocol?.toLowerCase();
  if (subprotocol === undefined || offered.some(offer => offer.toLowerCase() === name)) return;
  throw unusable(`its subprotocol "${shown(subprotocol)}" was not offered by the client`);
}

function unusable(why: string): PubSubError {
  return new PubSubError('eventFailed', `the answer to connect is invalid: ${why}`);
}

// ---------------------------------------------------------------------------------------------------------- refusals

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

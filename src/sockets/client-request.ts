import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { bearerToken } from '../auth/bearer.js';
import { PubSubError } from '../errors.js';
import { invalidHost, requestTarget } from '../listener/request-target.js';
import { groupNameRule, isGroupName, isHttpToken } from '../protocols/names.js';
import type { Protocol } from '../protocols/protocol.js';
import { simpleEvents, simplePublisher } from '../protocols/webpubsub/simple.js';
import { isWebSocketUpgrade } from './other-upgrade.js';
import { type Query, readQuery } from './query.js';
import { RefusedUpgrade } from './refusal.js';

/** What a client's upgrade request asks for, before it is authorised. */
export interface ClientTarget {
  /** As written in the URL, decoded once. */
  readonly hub: string;
  /** `/client/?hub=` instead of `/client/hubs/`. */
  readonly isLegacyPath: boolean;
  readonly query: Query;
}

/** Letter case counts in the hub's name only, where it is for `Hubs` to ignore. */
const hubPath = /^\/client\/hubs\/([^/]+)\/?$/i;
const legacyPath = /^\/client\/?$/i;
const tokenParameter = 'access_token';

/**
 * @param basePaths of the endpoints, which may stand in front of the path
 * @throws PubSubError `notFound` for another path, `invalid` when it names no hub [client-protocols 1.1, 1.4]
 */
export function readTarget(request: IncomingMessage, basePaths: readonly string[] = []): ClientTarget {
  const url = requestTarget(request, basePaths);
  const queryAt = url.indexOf('?');
  const path = queryAt < 0 ? url : url.slice(0, queryAt);
  const query = readQuery(queryAt < 0 ? '' : url.slice(queryAt + 1));
  const encoded = hubPath.exec(path)?.[1];
  if (encoded !== undefined) return { hub: decode(encoded), isLegacyPath: false, query };
  if (!legacyPath.test(path)) throw new PubSubError('notFound', 'clients connect at /client/hubs/{hub}');
  const hub = query.get('hub');
  if (hub === null) throw new PubSubError('invalid', 'the hub query parameter is missing');
  return { hub, isLegacyPath: true, query };
}

/**
 * Refused before the `connect` event; ws would refuse it only afterwards. What ws is stricter about than HTTP is written
 * down as ws wants it: `websocket` among other protocols, and empty items of a list. [RFC 6455 4.2.1, RFC 9110 5.6.1]
 * @throws PubSubError `invalid`
 */
export function checkHandshake(request: IncomingMessage): void {
  const { headers, method } = request;
  const fault = invalidHost(request);
  if (fault !== undefined) throw new PubSubError('invalid', fault);
  const hasKey = /^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '');
  if (method !== 'GET' || !isWebSocketUpgrade(request) || !hasKey) {
    throw new PubSubError('invalid', 'expected a WebSocket upgrade: GET with a Sec-WebSocket-Key, version 13');
  }
  headers.upgrade = 'websocket';
  checkVersion(headers['sec-websocket-version']);
  checkOffer(request);
}

/** The answer to an unknown version names the one to use. [RFC 6455 4.4] */
function checkVersion(version: string | undefined): void {
  if (version === '13' || version === '8') return;
  const given = version === undefined ? 'none is given' : `not ${version.slice(0, 32)}`;
  throw new RefusedUpgrade('invalid', `Sec-WebSocket-Version must be 13; ${given}`, { 'Sec-WebSocket-Version': '13' });
}

/** Absent, empty, or distinct names that are HTTP tokens. [RFC 6455 4.1, RFC 9110 5.6.1] */
function checkOffer({ headers }: IncomingMessage): void {
  const offer = headers['sec-websocket-protocol'];
  if (offer === undefined) return;
  const names = listed(offer);
  if (!names.every(isHttpToken) || (names.length > 1 && new Set(names).size < names.length)) {
    throw new PubSubError('invalid', 'Sec-WebSocket-Protocol must be a list of distinct names');
  }
  if (names.length === 0) delete headers['sec-websocket-protocol'];
  else headers['sec-websocket-protocol'] = names.join(',');
}

/** The query's token wins over the header's; undefined when there is none. [client-protocols 1.3] */
export function tokenOf(request: IncomingMessage, query: Query): string | undefined {
  for (const [name, value] of query) if (name.toLowerCase() === tokenParameter && value !== '') return value;
  return bearerToken(request.headers.authorization);
}

/** Offered subprotocols, in the client's order and spelling. */
export function subprotocolsOf(request: IncomingMessage): readonly string[] {
  return listed(request.headers['sec-websocket-protocol'] ?? '');
}

/** The items of a comma list, without empty ones; nearly always there is one. [RFC 9110 5.6.1] */
function listed(header: string): string[] {
  const items = header.includes(',') ? header.split(',').map(name => name.trim()) : [header.trim()];
  return items.filter(name => name !== '');
}

/** The query as the `connect` event shows it: repeated names keep their order, tokens are left out. [upstream-events 2.5] */
export function queryOf(query: Query): Record<string, string[]> {
  const values = new Map<string, string[]>();
  for (const [name, value] of query) if (name.toLowerCase() !== tokenParameter) add(values, name, value);
  return Object.fromEntries(values);
}

/** Headers of the vendor's own front end, which mean something to its service: a client cannot set them. */
const internalHeaders = /^x-asrs-internal-/i;

/**
 * The headers as the client spelled them, without its credentials. A value that is UTF-8 is that text, any other is read
 * as Latin-1, which is how HTTP has it. [upstream-events 2.5, D18, D19, RFC 9110 5.5]
 */
export function headersOf(request: IncomingMessage): Record<string, string[]> {
  const { rawHeaders } = request;
  const values = new Map<string, string[]>();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    if (name.toLowerCase() === 'authorization' || internalHeaders.test(name)) continue;
    add(values, name, textOf(rawHeaders[at + 1] as string));
  }
  return Object.fromEntries(values);
}

/** @param value as Node reads it: one character for each byte */
function textOf(value: string): string {
  if (!/[\x80-\xff]/.test(value)) return value;
  const bytes = Buffer.from(value, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : value;
}

/**
 * The protocol of a simple client with this URL; checked for every client, since the subprotocol may not be selected yet.
 * Of repeated parameters the last counts. [client-protocols 1.1, 1.4]
 * @throws PubSubError `invalid`
 */
export function simpleProtocolOf(query: Query): Protocol {
  const mode = query.getAll('webpubsub_mode').at(-1)?.toLowerCase() ?? 'sendevent';
  if (mode === 'sendevent') return simpleEvents;
  if (mode !== 'sendtogroup') throw new PubSubError('invalid', 'webpubsub_mode must be sendEvent or sendToGroup');
  const group = query.getAll('group').at(-1) ?? '';
  if (!isGroupName(group)) throw new PubSubError('invalid', `group must be ${groupNameRule}`);
  return simplePublisher(group, noEchoOf(query));
}

function noEchoOf(query: Query): boolean {
  const text = query.getAll('noEcho').at(-1)?.toLowerCase() ?? 'false';
  if (text !== 'true' && text !== 'false') throw new PubSubError('invalid', 'noEcho must be true or false');
  return text === 'true';
}

function add(values: Map<string, string[]>, name: string, value: string): void {
  const known = values.get(name);
  if (known === undefined) values.set(name, [value]);
  else known.push(value);
}

function decode(text: string): string {
  if (!text.includes('%')) return text; // nearly always; hot path
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new PubSubError('invalid', 'the hub name has a malformed percent-escape', { cause });
  }
}

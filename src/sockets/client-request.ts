import type { IncomingMessage } from 'node:http';
import { bearerToken } from '../auth/bearer.js';
import { PubSubError } from '../errors.js';
import type { Codec } from '../protocols/codec.js';
import { groupNameRule, isGroupName } from '../protocols/names.js';
import { simpleEvents, simplePublisher } from '../protocols/simple.js';

/** What a client's upgrade request asks for, before anybody is asked whether it may. */
export interface ClientTarget {
  /** As written in the URL, decoded once. */
  readonly hub: string;
  /** `/client/?hub=` instead of `/client/hubs/`. */
  readonly isLegacyPath: boolean;
  readonly query: URLSearchParams;
}

const hubPath = /^\/client\/hubs\/([^/]+)\/?$/;
const legacyPath = /^\/client\/?$/;
const tokenParameter = 'access_token';
const httpToken = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** @throws PubSubError `notFound` for another path, `invalid` for a request that is not a client's WebSocket upgrade [client-protocols 1.1, 1.4] */
export function readTarget(request: IncomingMessage): ClientTarget {
  const url = request.url ?? '/';
  const queryAt = url.indexOf('?');
  const path = queryAt < 0 ? url : url.slice(0, queryAt);
  const query = new URLSearchParams(queryAt < 0 ? '' : url.slice(queryAt + 1));
  const encoded = hubPath.exec(path)?.[1];
  if (encoded !== undefined) return { hub: decode(encoded), isLegacyPath: false, query };
  if (!legacyPath.test(path)) throw new PubSubError('notFound', 'clients connect at /client/hubs/{hub}');
  const hub = query.get('hub');
  if (hub === null) throw new PubSubError('invalid', 'the hub query parameter is missing');
  return { hub, isLegacyPath: true, query };
}

/** Refused before the upstream is asked; ws would refuse it only afterwards. [RFC 6455 4.2.1] */
export function checkHandshake(request: IncomingMessage): void {
  const isWebSocket = request.headers.upgrade?.toLowerCase() === 'websocket';
  const hasKey = /^[+/0-9A-Za-z]{22}==$/.test(request.headers['sec-websocket-key'] ?? '');
  const version = request.headers['sec-websocket-version'];
  if (request.method !== 'GET' || !isWebSocket || !hasKey || (version !== '13' && version !== '8')) {
    throw new PubSubError('invalid', 'expected a WebSocket upgrade: GET with a Sec-WebSocket-Key, version 13');
  }
  if (!isOffer(request.headers['sec-websocket-protocol'])) {
    throw new PubSubError('invalid', 'Sec-WebSocket-Protocol must list names, each of them once');
  }
}

/** Absent, or distinct names that are HTTP tokens. [RFC 6455 4.1] */
function isOffer(header: string | undefined): boolean {
  if (header === undefined) return true;
  const names = listed(header);
  return names.every(name => httpToken.test(name)) && (names.length === 1 || new Set(names).size === names.length);
}

/** The query's token wins over the header's; undefined when there is none. [client-protocols 1.3] */
export function tokenOf(request: IncomingMessage, query: URLSearchParams): string | undefined {
  for (const [name, value] of query) if (name.toLowerCase() === tokenParameter && value !== '') return value;
  return bearerToken(request.headers.authorization);
}

/** Offered subprotocols, in the client's order and spelling. */
export function subprotocolsOf(request: IncomingMessage): readonly string[] {
  return listed(request.headers['sec-websocket-protocol'] ?? '').filter(name => name !== '');
}

/** The parts of a comma list; nearly always there is one. */
function listed(header: string): string[] {
  return header.includes(',') ? header.split(',').map(name => name.trim()) : [header.trim()];
}

/** The query as the `connect` event shows it: repeated names keep their order, tokens are left out. [upstream-events 2.5] */
export function queryOf(query: URLSearchParams): Record<string, string[]> {
  const values = new Map<string, string[]>();
  for (const [name, value] of query) if (name.toLowerCase() !== tokenParameter) add(values, name, value);
  return Object.fromEntries(values);
}

/** The headers as the client spelled them, without its credentials. [upstream-events 2.5, D18, D19] */
export function headersOf(request: IncomingMessage): Record<string, string[]> {
  const { rawHeaders } = request;
  const values = new Map<string, string[]>();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    if (name.toLowerCase() !== 'authorization') add(values, name, rawHeaders[at + 1] as string);
  }
  return Object.fromEntries(values);
}

/**
 * What a simple client on this URL would speak; checked for every client, as its subprotocol may not be known yet.
 * Of repeated parameters the last counts. [client-protocols 1.1, 1.4]
 * @throws PubSubError `invalid`
 */
export function simpleCodecOf(query: URLSearchParams): Codec {
  const mode = query.getAll('webpubsub_mode').at(-1)?.toLowerCase() ?? '';
  if (mode === '' || mode === 'sendevent') return simpleEvents;
  if (mode !== 'sendtogroup') throw new PubSubError('invalid', 'webpubsub_mode must be sendEvent or sendToGroup');
  const group = query.getAll('group').at(-1) ?? '';
  if (!isGroupName(group)) throw new PubSubError('invalid', `group must be ${groupNameRule}`);
  return simplePublisher(group, noEchoOf(query));
}

function noEchoOf(query: URLSearchParams): boolean {
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
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new PubSubError('invalid', 'the hub name has a malformed percent-escape', { cause });
  }
}

import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { PubSubError } from '../errors.js';
import { headerOf } from '../listener/header-lines.js';
import { invalidHost } from '../listener/request-target.js';
import { isHttpToken } from '../protocols/names.js';
import { addValue, type NamedValues } from './named-values.js';
import { isWebSocketUpgrade } from './other-upgrade.js';
import { RefusedUpgrade } from './refusal.js';

/**
 * Is the request a WebSocket handshake? `websocket` may be one of several protocols, and a list may have empty items.
 * [RFC 6455 4.2.1, RFC 9110 5.6.1, 7.8]
 * @throws PubSubError `invalid`
 */
export function checkHandshake(request: IncomingMessage): void {
  const fault = invalidHost(request);
  if (fault !== undefined) throw new PubSubError('invalid', fault);
  const hasKey = /^[+/0-9A-Za-z]{22}==$/.test(headerOf(request, 'sec-websocket-key') ?? '');
  if (request.method !== 'GET' || !isWebSocketUpgrade(request) || !hasKey) {
    throw new PubSubError('invalid', 'expected a WebSocket upgrade: GET with a Sec-WebSocket-Key, version 13');
  }
  checkVersion(headerOf(request, 'sec-websocket-version'));
  checkOffer(headerOf(request, 'sec-websocket-protocol'));
}

/** The answer to an unknown version names the one to use. [RFC 6455 4.4] */
function checkVersion(version: string | undefined): void {
  if (version === '13' || version === '8') return;
  const given = version === undefined ? 'none is given' : `not ${version.slice(0, 32)}`;
  throw new RefusedUpgrade('invalid', `Sec-WebSocket-Version must be 13; ${given}`, { 'Sec-WebSocket-Version': '13' });
}

/** Absent, empty, or distinct names that are HTTP tokens. [RFC 6455 4.1, RFC 9110 5.6.1] */
function checkOffer(offer: string | undefined): void {
  if (offer === undefined) return;
  const names = listed(offer);
  if (!names.every(isHttpToken) || (names.length > 1 && new Set(names).size < names.length)) {
    throw new PubSubError('invalid', 'Sec-WebSocket-Protocol must be a list of distinct names');
  }
}

/** Offered subprotocols, in the client's order and spelling. */
export function subprotocolsOf(request: IncomingMessage): readonly string[] {
  return listed(headerOf(request, 'sec-websocket-protocol') ?? '');
}

/** The items of a comma list, without empty ones; nearly always there is one. [RFC 9110 5.6.1] */
function listed(header: string): string[] {
  const items = header.includes(',') ? header.split(',').map(name => name.trim()) : [header.trim()];
  return items.filter(name => name !== '');
}

/** Credentials, and headers of the vendor's own front end, which mean something to its service: a client cannot set them. */
const internalHeaders = /^(?:authorization$|x-asrs-internal-)/i;

/**
 * The headers as the client spelled them, without its credentials. Letter case does not count in a name, so that a line which a
 * proxy adds is with those of the client, under the first spelling. A value that is UTF-8 is that text, any other is read as
 * Latin-1, which is how HTTP has it. [upstream-events 2.5, D18, D19, RFC 9110 5.1, 5.5]
 */
export function headersOf(request: IncomingMessage): Record<string, string[]> {
  const { rawHeaders } = request;
  const values: NamedValues = {};
  const spellings = new Map<string, string>();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    if (internalHeaders.test(name)) continue;
    const folded = name.toLowerCase();
    const spelling = spellings.get(folded) ?? name;
    spellings.set(folded, spelling);
    addValue(values, spelling, textOf(rawHeaders[at + 1] as string));
  }
  return values;
}

/** @param value as Node reads it: one character for each byte */
function textOf(value: string): string {
  if (!/[\x80-\xff]/.test(value)) return value;
  const bytes = Buffer.from(value, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : value;
}

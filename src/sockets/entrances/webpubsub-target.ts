import type { IncomingMessage } from 'node:http';
import { bearerToken } from '../../auth/bearer.js';
import { PubSubError } from '../../errors.js';
import { isParameter } from '../../listener/parameter-names.js';
import { groupNameRule, isGroupName } from '../../protocols/names.js';
import type { Protocol } from '../../protocols/protocol.js';
import { simpleEvents, simplePublisher } from '../../protocols/webpubsub/simple.js';
import { addValue, type NamedValues } from '../named-values.js';
import { type Query, readQuery, valuesOf } from '../query.js';
import type { Upgrade } from '../upgrade.js';

/** What a client's upgrade request is for, before it is authorised. */
export interface ClientTarget {
  /** As written in the URL, decoded once. */
  readonly hub: string;
  /** `/client/?hub=` instead of `/client/hubs/`. */
  readonly isLegacyPath: boolean;
  readonly query: Query;
}

/** What a client gives to recover its session. */
export interface Recovery {
  /** Empty for a new session. */
  readonly connectionId: string;
  readonly token: string;
}

/** Where clients connect. */
export const location = '/client/hubs/{hub}';

/** Letter case counts in the hub's name only, where it is for `Hubs` to ignore. */
const hubPath = /^\/client\/hubs\/([^/]+)\/?$/i;
const legacyPath = /^\/client\/?$/i;
const tokenParameter = 'access_token';

/** @throws PubSubError `notFound` for another path, `invalid` when it names no hub [client-protocols 1.1, 1.4] */
export function readTarget({ path, query: text }: Pick<Upgrade, 'path' | 'query'>): ClientTarget {
  const query = readQuery(text);
  const encoded = hubPath.exec(path)?.[1];
  if (encoded !== undefined) return { hub: decode(encoded), isLegacyPath: false, query };
  if (!legacyPath.test(path)) throw new PubSubError('notFound', `clients connect at ${location}`);
  const [hub] = valuesOf(query, 'hub');
  if (hub === undefined) throw new PubSubError('invalid', 'the hub query parameter is missing');
  return { hub, isLegacyPath: true, query };
}

/** The query's token wins over the header's; undefined when there is none. [client-protocols 1.3] */
export function tokenOf(request: IncomingMessage, query: Query): string | undefined {
  for (const [name, value] of query) if (isParameter(name, tokenParameter) && value !== '') return value;
  return bearerToken(request.headers.authorization);
}

/** A token without a connection id recovers nothing. [client-protocols 1.1, 5.3] */
export function recoveryOf(query: Query): Recovery {
  const [connectionId = ''] = valuesOf(query, 'awps_connection_id');
  const [token = ''] = connectionId === '' ? [] : valuesOf(query, 'awps_reconnection_token');
  return { connectionId, token };
}

/** The query as the `connect` event shows it: repeated names keep their order, tokens are left out. [upstream-events 2.5] */
export function queryOf(query: Query): Record<string, string[]> {
  const values: NamedValues = {};
  for (const [name, value] of query) if (!isParameter(name, tokenParameter)) addValue(values, name, value);
  return values;
}

/**
 * The protocol of a simple client with this URL; checked for every client, since the subprotocol may not be selected yet.
 * Of repeated parameters the last counts. [client-protocols 1.1, 1.4]
 * @throws PubSubError `invalid`
 */
export function simpleProtocolOf(query: Query): Protocol {
  const mode = valuesOf(query, 'webpubsub_mode').at(-1)?.toLowerCase() ?? 'sendevent';
  if (mode === 'sendevent') return simpleEvents;
  if (mode !== 'sendtogroup') throw new PubSubError('invalid', 'webpubsub_mode must be sendEvent or sendToGroup');
  const group = valuesOf(query, 'group').at(-1) ?? '';
  if (!isGroupName(group)) throw new PubSubError('invalid', `group must be ${groupNameRule}`);
  return simplePublisher(group, noEchoOf(query));
}

function noEchoOf(query: Query): boolean {
  const text = valuesOf(query, 'noEcho').at(-1)?.toLowerCase() ?? 'false';
  if (text !== 'true' && text !== 'false') throw new PubSubError('invalid', 'noEcho must be true or false');
  return text === 'true';
}

function decode(text: string): string {
  if (!text.includes('%')) return text; // nearly always; hot path
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new PubSubError('invalid', 'the hub name has a malformed percent-escape', { cause });
  }
}

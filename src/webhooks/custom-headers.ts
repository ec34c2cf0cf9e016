import { validateHeaderName, validateHeaderValue } from 'node:http';
import { PubSubError } from '../errors.js';

/** Names in lower case that only the service sets. [pusher-webhooks 1.1, row 5] */
const reserved: ReadonlySet<string> = new Set([
  'content-type',
  'content-length',
  'host',
  'transfer-encoding',
  'connection',
]);
const reservedPrefixes = ['x-pusher-', 'x-webhook-', 'webhook-'];

export interface CustomHeaders {
  /** Names and values in turn, as written. */
  readonly flat: readonly string[];
  /** Names that are left out because the service sets them: worth one warning. */
  readonly dropped: readonly string[];
}

/**
 * Reads `headers` of an endpoint.
 * @throws PubSubError `invalid` for a name or value that is not allowed in a header; the value is not quoted, it may be a secret
 */
export function customHeaders(headers: Readonly<Record<string, string>> = {}): CustomHeaders {
  const flat: string[] = [];
  const dropped: string[] = [];
  for (const [name, value] of Object.entries(headers)) {
    checkHeader(name, value);
    if (isReserved(name)) dropped.push(name);
    else flat.push(name, value);
  }
  return { flat, dropped };
}

function isReserved(name: string): boolean {
  const lower = name.toLowerCase();
  return reserved.has(lower) || reservedPrefixes.some(prefix => lower.startsWith(prefix));
}

function checkHeader(name: string, value: string): void {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
  } catch {
    throw new PubSubError(
      'invalid',
      `header ${JSON.stringify(name.slice(0, 100))} cannot be sent: its name or value has characters that HTTP does not allow`,
    );
  }
}

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

/** Names in lower case with which the HTTP client sends no request at all, the last one by way of a proxy. */
const refused: ReadonlySet<string> = new Set(['expect', 'keep-alive', 'upgrade', 'proxy-authorization']);

export interface CustomHeaders {
  /** Names and values in turn, as written. */
  readonly flat: readonly string[];
  /** What is left out: worth one warning. */
  readonly dropped: readonly DroppedHeader[];
}

export interface DroppedHeader {
  readonly name: string;
  /** As the rest of a sentence. */
  readonly why: string;
}

/**
 * Reads `headers` of an endpoint.
 * @throws PubSubError `invalid` for a name or value that is not allowed in a header; the value is not quoted, it may be a secret
 */
export function customHeaders(headers: Readonly<Record<string, string>> = {}): CustomHeaders {
  const flat: string[] = [];
  const dropped: DroppedHeader[] = [];
  for (const [name, value] of Object.entries(headers)) {
    checkHeader(name, value);
    const why = whyDropped(name.toLowerCase());
    if (why === undefined) flat.push(name, value);
    else dropped.push({ name, why });
  }
  return { flat, dropped };
}

/** @param name in lower case */
function whyDropped(name: string): string | undefined {
  if (reserved.has(name) || reservedPrefixes.some(prefix => name.startsWith(prefix))) return 'the service sets it';
  return refused.has(name) ? 'no request can be sent with it' : undefined;
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

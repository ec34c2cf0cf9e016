import type { ConnectRequest } from '../hub/ports.js';
import { systemContentType } from './event-headers.js';
import type { Content } from './event-sender.js';
import { largeStateBytes } from './reply.js';

/** Of `connected`. */
export const connectedContent: Content = { type: systemContentType, body: Buffer.from('{}'), metadata: undefined };

/** [upstream-events 2.5] */
export function connectBody(request: ConnectRequest): object {
  const { claims, query, headers, subprotocols, clientCertificates } = request;
  return { claims, query, headers, subprotocols, clientCertificates };
}

export function json(value: object): Content {
  return { type: systemContentType, body: Buffer.from(JSON.stringify(value)), metadata: undefined };
}

/** A warning, as is the next one. */
export const largeState = `ce-connectionState is larger than ${largeStateBytes} bytes; many servers accept 16 KiB of headers in all`;

/** CloudEvents over HTTP percent-encodes header values; the vendor's service does not. [upstream-events D20] */
export const percentInUserId =
  'a user id contains "%": ce-userId contains it unchanged, and CloudEvents libraries that decode percent signs read a different user id; use claims.sub of the connect body instead';

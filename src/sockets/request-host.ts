import type { IncomingMessage } from 'node:http';
import { type TrustProxy, trustedPeers } from '../listener/client-address.js';
import { headerOf } from '../listener/header-lines.js';

/**
 * The host of the client's request. Of several forwarded ones the last is the one our own proxy wrote; an empty one is none, as
 * for Fastify, which reads them for REST. [design 6]
 */
export function requestHostReader(trustProxy: TrustProxy): (request: IncomingMessage) => string | undefined {
  const isTrusted = trustedPeers(trustProxy);
  return request => {
    const forwarded = headerOf(request, 'x-forwarded-host');
    if (forwarded === undefined || !isTrusted(request.socket.remoteAddress ?? '')) return headerOf(request, 'host');
    return forwarded.split(',').at(-1)?.trim() || headerOf(request, 'host');
  };
}

import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';

/** Headers that are about the offered upgrade only. */
const offerHeaders = new Set(['upgrade', 'http2-settings']);
const offerTokens = /^(upgrade|http2-settings)$/i;

export function isWebSocketUpgrade(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === 'websocket';
}

/**
 * Serves the request as if nothing had been offered: a server may ignore an upgrade [RFC 9110 7.8]. Some HTTP clients
 * offer h2c with every request, and Node hands all offers to the `upgrade` event. The request line and headers go back
 * in front of what is still unread, and the socket back to the HTTP server.
 */
export function ignoreUpgrade(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`];
  for (let at = 0; at + 1 < request.rawHeaders.length; at += 2) {
    const name = request.rawHeaders[at] as string;
    const value = withoutOffer(name.toLowerCase(), request.rawHeaders[at + 1] as string);
    if (value !== undefined) lines.push(`${name}: ${value}`);
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  server.emit('connection', socket);
}

/** Undefined when nothing of the header is left. */
function withoutOffer(name: string, value: string): string | undefined {
  if (offerHeaders.has(name)) return undefined;
  if (name !== 'connection') return value;
  const tokens = value
    .split(',')
    .map(token => token.trim())
    .filter(token => !offerTokens.test(token));
  return tokens.length === 0 ? undefined : tokens.join(', ');
}

import { createServer, type IncomingMessage, type Server, type ServerOptions } from 'node:http';
import type { Duplex } from 'node:stream';
import { headerOf } from '../listener/header-lines.js';
import { responseUnderWay } from '../listener/response-under-way.js';

/** `websocket` may be one of several protocols that are offered. [RFC 9110 7.8] */
export function isWebSocketUpgrade(request: IncomingMessage): boolean {
  const offered = headerOf(request, 'upgrade')?.toLowerCase();
  if (offered === 'websocket' || offered?.includes('websocket') !== true) return offered === 'websocket';
  return offered.split(',').some(protocol => protocol.trim() === 'websocket');
}

/** Headers that are about the offered upgrade only. */
const offerHeaders = new Set(['upgrade', 'http2-settings']);
const offerTokens = /^(upgrade|http2-settings)$/i;

/**
 * Serves requests that offer another protocol as if nothing had been offered: a server may ignore an upgrade [RFC 9110 7.8].
 * Some HTTP clients offer h2c with every request, some proxies a WebSocket, and Node hands all offers to the `upgrade` event. The request line and
 * headers go back in front of what is still unread, and the socket on to a second server: to the first one it would be new,
 * and would have to begin with a TLS handshake where that is spoken.
 */
export class OtherUpgrades {
  readonly #server: Server;

  /** @param options of the server that the sockets come from: its limits and timeouts hold on the second one too */
  constructor(main: Server, options: ServerOptions) {
    this.#server = createServer(options);
    this.#server.keepAliveTimeout = main.keepAliveTimeout;
    for (const event of ['request', 'upgrade', 'clientError']) {
      this.#server.on(event, (...args: unknown[]) => void main.emit(event, ...args));
    }
    this.#server.emit('listening'); // it never does, but only so it starts to check its timeouts
  }

  ignore(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const earlier = responseUnderWay(socket);
    if (earlier !== undefined) {
      earlier.once('close', () => this.ignore(request, socket, head)); // or this one's answer would never have its turn
      return;
    }
    if (socket.destroyed) return;
    socket.unshift(Buffer.concat([headWithoutOffer(request), head]));
    this.#server.emit('connection', socket);
  }

  /** Ends the sockets and the timer. */
  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

function headWithoutOffer({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    const value = withoutOffer(name.toLowerCase(), rawHeaders[at + 1] as string);
    if (value !== undefined) lines.push(`${name}: ${value}`);
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
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

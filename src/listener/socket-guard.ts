import type { Server, Socket } from 'node:net';
import { type TLSSocket, Server as TlsServer } from 'node:tls';
import { networkOf } from './client-address.js';
import { type Place, Strangers } from './strangers.js';

/** Read for each new socket: a reload applies at once. */
export interface SocketLimits {
  /** Sockets of one client address. @param address as the operating system or a trusted proxy names it */
  perAddress(address: string): number;
  /** Sockets without an authenticated request. */
  unauthenticated(): number;
}

export interface SocketGuardOptions {
  readonly limits: SocketLimits;
  /** Is the peer a proxy, whose sockets are those of many clients? */
  isProxy(address: string): boolean;
  /** Sockets were refused. Called at most once a minute. */
  onLimit?(message: string): void;
  /** Milliseconds of a clock that is never set. */
  monotonicMs(): number;
}

/** Seconds after which a refused client may try again. */
export const retryAfterSeconds = 5;

/** Where a socket has its place. */
const placeKey = Symbol('place');

type GuardedSocket = Socket & { [placeKey]?: SocketPlace };

/** A socket that may stay, until it closes. */
interface SocketPlace extends Place {
  /** What it is counted under; undefined when it is not counted. */
  network: string | undefined;
}

/** How long a refused socket may take to read the reason, and how many may do so at a time. */
const leaving = { timeMs: 1_000, most: 64 };

const noticeGapMs = 60_000;

const tooManyText = 'your address has too many connections';
const tooMany = [
  'HTTP/1.1 429 Too Many Requests',
  'Connection: close',
  `Retry-After: ${retryAfterSeconds}`,
  'Content-Type: text/plain; charset=utf-8',
  `Content-Length: ${tooManyText.length}`,
  '',
  tooManyText,
].join('\r\n');

/**
 * Limits the sockets of a listener. For each address: further sockets are rejected with 429. For all sockets without an
 * authenticated request together: for each further socket the oldest one is closed, those that have received no response
 * before the others, so that a client with a valid token can always connect. Each step costs the same for any number of sockets.
 */
export class SocketGuard {
  readonly #options: SocketGuardOptions;
  readonly #strangers = new Strangers();
  readonly #counts = new Map<string, number>();
  /** TCP sockets whose TLS handshake is under way, by their peer. */
  readonly #handshakes = new Map<string, Place>();
  #leaving = 0;
  #noticedMs = Number.NEGATIVE_INFINITY;
  /** One function for all sockets. */
  readonly #onClose: (this: Socket) => void;

  constructor(options: SocketGuardOptions) {
    this.#options = options;
    const forget = (socket: Socket) => this.#forget(socket);
    this.#onClose = function onClose() {
      forget(this);
    };
  }

  /** Sockets on which no request was authenticated. */
  get strangers(): number {
    return this.#strangers.size;
  }

  /** Takes the server's new sockets, and hands on those that may stay. To be called before the server listens. */
  watch(server: Server): void {
    const serve = server.listeners('connection') as ((socket: Socket) => void)[];
    const isTls = server instanceof TlsServer;
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      if (this.#admit(socket, isTls)) for (const each of serve) each.call(server, socket);
    });
    if (isTls) server.prependListener('secureConnection', socket => this.#secured(socket));
  }

  /** A request on the socket was authenticated: it is not closed for others. */
  recognize(socket: Socket): void {
    this.#introduce(placeOf(socket));
  }

  /** A request that needs no authentication was answered on the socket: it goes after those that have none. */
  answered(socket: Socket): void {
    this.#strangers.answered(placeOf(socket));
  }

  /** Counts a socket under its client's address until it closes. False when that address has as many as it may. */
  claim(socket: Socket, address: string): boolean {
    const limit = this.#options.limits.perAddress(address);
    if (limit === Number.POSITIVE_INFINITY) return true;
    const place = placeOf(socket);
    if (place.network !== undefined) return true;
    const network = networkOf(address);
    const count = this.#counts.get(network) ?? 0;
    if (count >= limit) {
      this.#notice(
        `${network} has ${count} connections, as many as limits.connectionsPerAddress allows; more are refused. If it is a proxy, set HUBWIRE_TRUST_PROXY`,
      );
      return false;
    }
    this.#counts.set(network, count + 1);
    place.network = network;
    return true;
  }

  /** Ends every socket without an authenticated request, those in a TLS handshake too. */
  dropStrangers(): void {
    for (const socket of this.#strangers) socket.destroy();
  }

  #admit(socket: Socket, isTls: boolean): boolean {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined) {
      socket.destroy(); // it is gone already
      return false;
    }
    if (!this.#options.isProxy(remoteAddress) && !this.claim(socket, remoteAddress)) {
      this.#turnAway(socket, isTls);
      return false;
    }
    const place = this.#addStranger(socket);
    if (isTls) this.#handshakes.set(peerOf(socket), place);
    return true;
  }

  /** From here on the TLS socket, which requests refer to, replaces the TCP socket below it. */
  #secured(secure: TLSSocket): void {
    const raw = this.#handshakes.get(peerOf(secure));
    if (raw === undefined) return;
    this.#handshakes.delete(peerOf(secure));
    this.#introduce(raw);
    this.#addStranger(secure);
  }

  #addStranger(socket: Socket): Place {
    const place = placeOf(socket);
    socket.on('close', this.#onClose);
    this.#strangers.add(place);
    const limit = this.#options.limits.unauthenticated();
    if (this.#strangers.size > limit) this.#closeBeyond(limit);
    return place;
  }

  /** It is no stranger any more. */
  #introduce(place: Place): void {
    if (place.socket === undefined) return;
    this.#strangers.delete(place);
    place.socket = undefined;
  }

  #closeBeyond(limit: number): void {
    this.#notice(
      `${limit} connections without an authenticated request are open, as many as limits.unauthenticatedConnections and the open-file limit allow; the oldest are closed to accept new ones`,
    );
    for (
      let first = this.#strangers.takeBeyond(limit);
      first !== undefined;
      first = this.#strangers.takeBeyond(limit)
    ) {
      first.destroy();
    }
  }

  /** Without TLS the reason is sent first: a response that is followed by a reset at once may be lost. */
  #turnAway(socket: Socket, isTls: boolean): void {
    socket.on('error', ignore);
    if (isTls || this.#leaving >= leaving.most) {
      socket.destroy();
      return;
    }
    this.#leaving += 1;
    const timer = setTimeout(() => socket.destroy(), leaving.timeMs);
    socket.once('close', () => {
      clearTimeout(timer);
      this.#leaving -= 1;
    });
    socket.resume();
    socket.end(tooMany);
  }

  #forget(socket: Socket): void {
    const place = placeOf(socket);
    this.#introduce(place);
    if (this.#handshakes.size > 0 && this.#handshakes.get(peerOf(socket)) === place) {
      this.#handshakes.delete(peerOf(socket));
    }
    const { network } = place;
    if (network === undefined) return;
    place.network = undefined;
    const left = (this.#counts.get(network) ?? 1) - 1;
    if (left > 0) this.#counts.set(network, left);
    else this.#counts.delete(network);
  }

  #notice(message: string): void {
    const nowMs = this.#options.monotonicMs();
    if (nowMs - this.#noticedMs < noticeGapMs) return;
    this.#noticedMs = nowMs;
    this.#options.onLimit?.(message);
  }
}

/** Made for a socket that has none yet. */
function placeOf(socket: GuardedSocket): SocketPlace {
  socket[placeKey] ??= { socket, network: undefined };
  return socket[placeKey];
}

/** The same for a TCP socket and the TLS socket on it. */
function peerOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}

/** A refused client may reset the connection. */
function ignore(): void {}

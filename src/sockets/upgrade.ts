import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../clock.js';
import { PubSubError } from '../errors.js';
import { closeText } from '../hub/endings.js';
import { loggedPath, requestTarget } from '../listener/request-target.js';
import type { Protocol } from '../protocols/protocol.js';
import type { ClientWebSocket } from './client-web-socket.js';
import { switchingProtocols, webSocketOn } from './handshake.js';
import { ClosedUpgrade, refusalOf, refuse } from './refusal.js';

/** What all upgrades of a gateway share. */
export interface UpgradeParts {
  /** Their base paths may precede the path of a request. */
  readonly endpoints: { readonly basePaths: readonly string[] };
  readonly clock: Pick<Clock, 'monotonicMs'>;
  onSocketOpened(): void;
  /** One function for all sockets. */
  readonly onSocketClosed: () => void;
}

/** How a client was refused, for logs. */
export interface Refused {
  /** HTTP status, or WebSocket close code. */
  readonly status: number;
  readonly reason: string;
}

/** What of a protocol a client is refused with that has a WebSocket. */
export type EndsIn = Pick<Protocol, 'closeCodes' | 'encoder'>;

/** A client's request for a WebSocket, until it is answered: with 101, or with a refusal. */
export class Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Socket;
  /** Without the base path of an endpoint and without the query. */
  readonly path: string;
  /** What follows the first `?`; `''` where there is none. */
  readonly query: string;
  /** The hub that the client named, in its spelling; `''` until that is known. */
  hub = '';
  readonly #head: Buffer;
  readonly #parts: UpgradeParts;
  readonly #startedMs: number;
  #webSocket: ClientWebSocket | undefined;
  #endsIn: EndsIn | undefined;
  #isRefused = false;

  /** @param head what came behind the request */
  constructor(request: IncomingMessage, socket: Socket, head: Buffer, parts: UpgradeParts) {
    const target = requestTarget(request, parts.endpoints.basePaths);
    const queryAt = target.indexOf('?');
    this.request = request;
    this.socket = socket;
    this.path = queryAt < 0 ? target : target.slice(0, queryAt);
    this.query = queryAt < 0 ? '' : target.slice(queryAt + 1);
    this.#head = head;
    this.#parts = parts;
    this.#startedMs = parts.clock.monotonicMs();
  }

  /** The path as the client sent it, for logs. */
  get loggedPath(): string {
    return loggedPath(this.request.url ?? '');
  }

  /** Since the request came in. */
  get durationMs(): number {
    return this.#parts.clock.monotonicMs() - this.#startedMs;
  }

  /** Is there a WebSocket? */
  get isFinished(): boolean {
    return this.#webSocket !== undefined;
  }

  /**
   * Answers with 101. The handshake must have been checked.
   * @param subprotocol to be echoed, in the client's spelling
   * @param endsIn the protocol in which the client may still be refused; the usual close codes when left out
   * @returns undefined when the client has left
   */
  finish(subprotocol: string | undefined, endsIn?: EndsIn): ClientWebSocket | undefined {
    const webSocket = this.openSocket();
    if (webSocket === undefined) return undefined;
    this.#endsIn = endsIn;
    this.socket.write(this.response(subprotocol));
    return webSocket;
  }

  /** The head of a 101 response, for a caller that writes it with the first message. */
  response(subprotocol: string | undefined): string {
    return switchingProtocols(this.request, subprotocol);
  }

  /** The WebSocket, which reads from the next turn on. Undefined when the client has left. */
  openSocket(): ClientWebSocket | undefined {
    if (this.#webSocket !== undefined) return this.#webSocket;
    const webSocket = webSocketOn(this.socket, this.#head);
    if (webSocket === undefined) return undefined;
    webSocket.begin(this.socket, this.#parts.onSocketClosed);
    this.#parts.onSocketOpened();
    this.#webSocket = webSocket;
    return webSocket;
  }

  /**
   * Refuses the client: with an HTTP error or, once it has a WebSocket, with a close code.
   * @returns undefined when it was refused before
   */
  refuse(cause: unknown): Refused | undefined {
    if (this.#isRefused) return undefined;
    this.#isRefused = true;
    if (this.#webSocket !== undefined) return this.#closeSocket(this.#webSocket, PubSubError.from(cause));
    const refusal = refusalOf(cause);
    if (this.socket.writable) refuse(this.socket, refusal);
    else this.socket.destroy();
    return refusal;
  }

  /** The reason, and a message before the close, are for clients whose protocol has them. */
  #closeSocket(webSocket: ClientWebSocket, error: PubSubError): Refused {
    const { kind, message, outcome, publicText } = error;
    const own = error instanceof ClosedUpgrade ? error.closeCode : this.#endsIn?.closeCodes[kind];
    const status = own ?? outcome.close;
    const last = this.#endsIn?.encoder.encode({ kind: 'disconnected', reason: publicText, code: status });
    if (last !== undefined) webSocket.send(last.bytes, { binary: last.isBinary });
    webSocket.close(status, own === undefined ? undefined : closeText(publicText));
    return { status, reason: message };
  }
}

import type { Socket } from 'node:net';
import { type RawData, WebSocket } from 'ws';
import type { Connection } from '../hub/connection.js';
import { type Ending, endings, slowClient } from '../hub/endings.js';
import type { Hub } from '../hub/hub.js';
import type { Outlet } from '../hub/ports.js';
import type { KeepAlive, Peer, Watched } from './keep-alive.js';
import type { SlowWatcher } from './socket-outlet.js';

/** What all sockets share. */
export interface ClientSocketHost {
  readonly settings: {
    keepAliveIntervalMs(hub: string): number;
    /** Does a client's close with this code end a reliable connection? [client-protocols D3] */
    isFinalClose(code: number): boolean;
  };
  readonly keepAlive: KeepAlive;
  /** One socket is gone. */
  onClosed(): void;
}

/** An outlet that can be stopped from writing. */
export type AbandonedOutlet = Outlet & { abandon(): void; watch(watcher: SlowWatcher): void };

/** ws's part of a client. Its listeners are the same functions for all sockets: closures would cost each socket 0.7 KB. */
export class ClientWebSocket extends WebSocket {
  client: ClientSocket | undefined = undefined;
}

/** One client's socket, from its upgrade to its end: what comes in goes to its connection, and how it ends to its hub. */
export class ClientSocket implements Peer, SlowWatcher {
  readonly ws: ClientWebSocket;
  readonly socket: Socket;
  readonly #outlet: AbandonedOutlet;
  readonly #hub: Hub;
  readonly #connection: Connection;
  readonly #host: ClientSocketHost;
  /** Undefined when the protocol has pings of its own. */
  readonly #watched: Watched | undefined;

  constructor(
    ws: ClientWebSocket,
    socket: Socket,
    outlet: AbandonedOutlet,
    hub: Hub,
    connection: Connection,
    host: ClientSocketHost,
  ) {
    this.ws = ws;
    this.socket = socket;
    this.#outlet = outlet;
    this.#hub = hub;
    this.#connection = connection;
    this.#host = host;
    ws.client = this;
    ws.on('message', onMessage);
    ws.on('error', onError);
    ws.on('close', onClose);
    this.#watched = connection.protocol.silence === 'webSocketPing' ? host.keepAlive.watch(this) : undefined;
    outlet.watch(this);
  }

  /** Read at each look: a reload applies to open sockets. */
  get intervalMs(): number {
    return this.#host.settings.keepAliveIntervalMs(this.#hub.name);
  }

  onSilent(): void {
    this.#lose(endings.pingTimeout, false);
    this.ws.terminate();
  }

  onSlow(): void {
    this.#hub.lifecycle.fail(this.#connection, slowClient.tooMuchQueued());
  }

  receive(bytes: Buffer, isBinary: boolean): void {
    // What was read from a socket before a newer one replaced it is as lost as what was still on its way.
    if (this.#connection.isOn(this.#outlet)) this.#connection.receive({ bytes, isBinary });
  }

  /** ws has already sent the Close frame that the error calls for (1002, 1007 or 1009). */
  fail(error: Error): void {
    this.#lose(endings.notWebSocket(error.message), true);
  }

  close(code: number, reason: Buffer): void {
    if (this.#watched !== undefined) this.#host.keepAlive.unwatch(this.#watched);
    this.#lose(endingOf(code, reason), this.#host.settings.isFinalClose(code));
    this.#host.onClosed();
  }

  #lose(ending: Ending, isFinal: boolean): void {
    this.#outlet.abandon();
    this.#hub.lifecycle.lose(this.#connection, this.#outlet, ending, isFinal);
  }
}

function onMessage(this: WebSocket, bytes: RawData, isBinary: boolean): void {
  (this as ClientWebSocket).client?.receive(bytes as Buffer, isBinary);
}

function onError(this: WebSocket, error: Error): void {
  (this as ClientWebSocket).client?.fail(error);
}

function onClose(this: WebSocket, code: number, reason: Buffer): void {
  (this as ClientWebSocket).client?.close(code, reason);
}

/** How the peer ended it. [upstream-events 1.4] */
function endingOf(code: number, reason: Buffer): Ending {
  if (code === 1006) return endings.lost; // no Close frame came
  return endings.closedByClient(reason.toString('utf8'));
}

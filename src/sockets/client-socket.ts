import type { Socket } from 'node:net';
import type { Connection } from '../hub/connection.js';
import { type Ending, endings, slowClient } from '../hub/endings.js';
import type { Hub } from '../hub/hub.js';
import type { Outlet } from '../hub/ports.js';
import type { MessagePing } from '../protocols/protocol.js';
import type { ClientWebSocket, SocketReader } from './client-web-socket.js';
import type { KeepAlive, Peer, Watched } from './keep-alive.js';
import type { SlowWatcher } from './socket-outlet.js';

/** What all sockets need. */
export interface ClientSocketNeeds {
  readonly settings: ClientSocketSettings;
  readonly keepAlive: KeepAlive;
}

/** Read at each use: a reload applies to open sockets. */
export interface ClientSocketSettings {
  keepAliveIntervalMs(hub: string): number;
  /** Does a client's close with this code end a reliable connection? [client-protocols D3] */
  isFinalClose(code: number): boolean;
}

/** An outlet that can be stopped from writing. */
export type AbandonedOutlet = Outlet & { abandon(): void; watch(watcher: SlowWatcher): void };

/** A connection, and the WebSocket that it is on from now on. */
export interface ClientSocketParts {
  readonly ws: ClientWebSocket;
  readonly outlet: AbandonedOutlet;
  readonly hub: Hub;
  readonly connection: Connection;
}

/** One client's socket, from its admission or recovery on: what comes in goes to its connection, and how it ends to its hub. */
export class ClientSocket implements SocketReader, Peer, SlowWatcher {
  readonly ws: ClientWebSocket;
  readonly #outlet: AbandonedOutlet;
  readonly #hub: Hub;
  readonly #connection: Connection;
  readonly #needs: ClientSocketNeeds;
  /** Undefined when the client sends the pings. */
  readonly #watched: Watched | undefined;

  constructor({ ws, outlet, hub, connection }: ClientSocketParts, needs: ClientSocketNeeds) {
    this.ws = ws;
    this.#outlet = outlet;
    this.#hub = hub;
    this.#connection = connection;
    this.#needs = needs;
    ws.reader = this;
    this.#watched = connection.protocol.silence === 'protocolPing' ? undefined : needs.keepAlive.watch(this);
    outlet.watch(this);
  }

  get socket(): Socket {
    return this.ws.socket;
  }

  get intervalMs(): number {
    return this.#needs.settings.keepAliveIntervalMs(this.#hub.name);
  }

  get messagePing(): MessagePing | undefined {
    const { silence } = this.#connection.protocol;
    return typeof silence === 'string' ? undefined : silence;
  }

  sendPing({ frames }: MessagePing): void {
    this.#connection.say(frames);
  }

  /** A peer that reads no pings of WebSocket is cut off; one that read a message is told why. */
  onSilent(): void {
    if (this.messagePing !== undefined) {
      this.#hub.lifecycle.closeSilent(this.#connection);
      return;
    }
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

  fail(error: Error): void {
    this.#lose(endings.notWebSocket(error.message), true);
  }

  close(code: number, reason: Buffer): void {
    if (this.#watched !== undefined) this.#needs.keepAlive.unwatch(this.#watched);
    this.#lose(endingOf(code, reason), this.#needs.settings.isFinalClose(code));
  }

  #lose(ending: Ending, isFinal: boolean): void {
    this.#outlet.abandon();
    this.#hub.lifecycle.lose(this.#connection, this.#outlet, ending, isFinal);
  }
}

/** How the peer ended it. [upstream-events 1.4] */
function endingOf(code: number, reason: Buffer): Ending {
  if (code === 1006) return endings.lost; // no Close frame came
  return endings.closedByClient(code, reason.toString('utf8'));
}

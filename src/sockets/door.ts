import type { Clock } from '../clock.js';
import { PubSubError } from '../errors.js';
import type { Admission, Candidate } from '../hub/admission.js';
import type { Connection } from '../hub/connection.js';
import type { Hub } from '../hub/hub.js';
import type { HubName, Hubs } from '../hub/hubs.js';
import { forwardedAddress, type TrustProxy, trustedPeers } from '../listener/client-address.js';
import { retryAfterSeconds, type SocketGuard } from '../listener/socket-guard.js';
import type { Protocol } from '../protocols/protocol.js';
import type { Readiness } from '../readiness.js';
import { Capacity, type ConnectLimits } from './capacity.js';
import { ClientSocket, type ClientSocketNeeds, type ClientSocketSettings } from './client-socket.js';
import type { ClientWebSocket } from './client-web-socket.js';
import type { Arrival } from './entrances/entrance.js';
import { KeepAlive } from './keep-alive.js';
import { RefusedUpgrade } from './refusal.js';
import { type OutboundLimits, SocketOutlet } from './socket-outlet.js';
import type { EventLoopTurn } from './turn.js';
import type { Upgrade } from './upgrade.js';

/** Settings of hubs.yaml for sockets; read at each use, so that a reload applies to open ones. */
export interface DoorSettings extends ClientSocketSettings, ConnectLimits {
  outboundLimits(): OutboundLimits;
}

export interface DoorOptions {
  readonly hubs: Hubs;
  readonly settings: DoorSettings;
  readonly trustProxy: TrustProxy;
  /** Of the server's sockets. */
  readonly guard: Pick<SocketGuard, 'claim' | 'recognize'>;
  /** Of the service: clients are admitted while it is ready. */
  readonly readiness: Pick<Readiness, 'isReady'>;
  readonly clock: Clock;
  /** The hubs' own. */
  readonly turn: EventLoopTurn;
}

/** What all entrances do for their clients: limits, the admission by the core, and the sockets of connections. */
export class Door {
  readonly hubs: Hubs;
  readonly #options: DoorOptions;
  readonly #capacity: Capacity;
  readonly #isTrustedPeer: (address: string) => boolean;
  readonly #socketNeeds: ClientSocketNeeds;

  constructor(options: DoorOptions) {
    const { hubs, settings, clock, turn } = options;
    this.hubs = hubs;
    this.#options = options;
    this.#capacity = new Capacity(hubs, settings, () => clock.monotonicMs());
    this.#isTrustedPeer = trustedPeers(options.trustProxy);
    this.#socketNeeds = { settings, keepAlive: new KeepAlive(clock, turn) };
  }

  /** Are clients admitted? */
  get isOpen(): boolean {
    return this.#options.readiness.isReady;
  }

  /** @throws PubSubError `shuttingDown` */
  checkOpen(): void {
    if (!this.isOpen) throw new PubSubError('shuttingDown', 'the service is starting or shutting down');
  }

  /** The client is authenticated: its socket is not closed to make room for others. */
  recognize({ socket }: Upgrade): void {
    this.#options.guard.recognize(socket);
  }

  /**
   * The hub that an authenticated client may enter, as far as limits are concerned.
   * @param known of that name, with clients
   * @throws RefusedUpgrade `tooMany`
   */
  enter(upgrade: Upgrade, name: HubName, known: Hub | undefined): Hub {
    this.recognize(upgrade);
    this.#checkAddress(upgrade);
    this.#capacity.check(known);
    return this.hubs.get(name); // not `known`: the check may end the last session of a hub, which is then removed
  }

  /**
   * The core's decision; the client counts as connected meanwhile. A promise while the app server or another node has not answered.
   * @throws as `Lifecycle.admit`
   */
  admit(hub: Hub, candidate: Candidate): Admission | Promise<Admission> {
    return hub.lifecycle.admit(candidate);
  }

  /**
   * Opens the connection of an admitted client. If the upgrade is not finished, the 101 and `connected` are sent in one write,
   * when the connection is in its hub already. A client that has left is abandoned.
   */
  open(upgrade: Upgrade, hub: Hub, admission: Admission): Arrival {
    const { protocol, subprotocol } = admission;
    const head = upgrade.isFinished ? undefined : upgrade.response(subprotocol);
    const ws = upgrade.openSocket();
    if (ws === undefined || ws.readyState !== ws.OPEN) {
      hub.lifecycle.abandon(admission);
      return 'left';
    }
    const outlet = this.#outletOn(ws, protocol, head);
    const connection = hub.lifecycle.open(admission, outlet);
    new ClientSocket({ ws, outlet, hub, connection }, this.#socketNeeds);
    outlet.flush();
    return connection;
  }

  /** Continues a session on the WebSocket of this upgrade. @param subprotocol to be echoed */
  resume(upgrade: Upgrade, hub: Hub, connection: Connection, subprotocol: string | undefined): Arrival {
    const ws = upgrade.finish(subprotocol);
    if (ws === undefined) return 'left';
    const outlet = this.#outletOn(ws, connection.protocol);
    hub.lifecycle.resume(connection, outlet);
    new ClientSocket({ ws, outlet, hub, connection }, this.#socketNeeds);
    return connection;
  }

  stop(): void {
    this.#socketNeeds.keepAlive.stop();
  }

  /** Behind a proxy the sockets are the proxy's; there each client counts under its forwarded address. */
  #checkAddress({ request, socket }: Upgrade): void {
    const address = forwardedAddress(request, this.#options.trustProxy, this.#isTrustedPeer);
    if (address === undefined || this.#options.guard.claim(socket, address)) return;
    throw new RefusedUpgrade('tooMany', 'your address has as many connections as limits.connectionsPerAddress allows', {
      'Retry-After': String(retryAfterSeconds),
    });
  }

  #outletOn(ws: ClientWebSocket, protocol: Protocol, head?: string): SocketOutlet {
    const { clock, settings, turn } = this.#options;
    const limits = outboundLimits(settings.outboundLimits(), protocol);
    return new SocketOutlet({ ws, socket: ws.socket, turn, clock, limits, head });
  }
}

/** A reliable connection's socket may queue more: its whole replay buffer may be sent at once. [client-protocols 5.1, 8.4, D24] */
function outboundLimits(configured: OutboundLimits, { reliability }: Protocol): OutboundLimits {
  if (reliability === undefined) return configured;
  const { window, stateWindow } = reliability;
  return {
    maxMessages: configured.maxMessages + window.messages + stateWindow.messages,
    maxBytes: configured.maxBytes + window.bytes + stateWindow.bytes,
  };
}

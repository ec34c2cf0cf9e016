import type { IncomingMessage, Server, ServerOptions } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { clientAudience, WrongAudience } from '../auth/audience.js';
import type { Claims } from '../auth/claims.js';
import type { Endpoints } from '../auth/endpoints.js';
import type { KeyTokens } from '../auth/key-tokens.js';
import type { Clock } from '../clock.js';
import { PubSubError } from '../errors.js';
import type { Admission } from '../hub/admission.js';
import type { Connection } from '../hub/connection.js';
import { cannotRecoverCode } from '../hub/endings.js';
import type { Hub } from '../hub/hub.js';
import type { Hubs } from '../hub/hubs.js';
import type { Observer } from '../hub/ports.js';
import { forwardedAddress, type TrustProxy, trustedPeers } from '../listener/client-address.js';
import { loggedPath } from '../listener/request-target.js';
import { retryAfterSeconds, type SocketGuard } from '../listener/socket-guard.js';
import { canonicalHubName } from '../protocols/names.js';
import type { Protocol } from '../protocols/protocol.js';
import type { Readiness } from '../readiness.js';
import { RequestedCandidate } from './candidate.js';
import { Capacity, type ConnectLimits } from './capacity.js';
import { type ClientTarget, checkHandshake, readTarget, subprotocolsOf, tokenOf } from './client-request.js';
import { ClientSocket, type ClientSocketHost, type ClientWebSocket } from './client-socket.js';
import { Departure } from './departure.js';
import { switchingProtocols, webSocketOn } from './handshake.js';
import { KeepAlive } from './keep-alive.js';
import { isWebSocketUpgrade, OtherUpgrades } from './other-upgrade.js';
import type { Query } from './query.js';
import { RefusedUpgrade, refusalOf, refuse } from './refusal.js';
import { requestHostReader } from './request-host.js';
import { type OutboundLimits, SocketOutlet } from './socket-outlet.js';
import type { EventLoopTurn } from './turn.js';

/** Settings of hubs.yaml for sockets; read when needed, so that a reload applies to open ones. */
export type SocketSettings = ClientSocketHost['settings'] &
  ConnectLimits & {
    isAnonymousAllowed(hub: string): boolean;
    outboundLimits(): OutboundLimits;
  };

export interface GatewayOptions {
  readonly hubs: Hubs;
  readonly tokens: KeyTokens;
  readonly endpoints: Endpoints;
  readonly settings: SocketSettings;
  readonly trustProxy: TrustProxy;
  /** Of the server's sockets. */
  readonly guard: Pick<SocketGuard, 'claim' | 'recognize'>;
  /** Of the service: clients are admitted while it is ready. */
  readonly readiness: Pick<Readiness, 'isReady'>;
  readonly clock: Clock;
  /** The hubs' own. */
  readonly turn: EventLoopTurn;
  readonly observer: Observer;
  /** Are successful upgrades reported to the observer? */
  readonly tracesUpgrades: boolean;
}

/** The result of an upgrade: a connection, a session that could not be recovered, or a client that has left. */
type Arrival = Connection | 'turnedAway' | 'left';

/** Turns upgrade requests into connections of hubs: authenticates, authorises, and selects the subprotocol. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #keepAlive: KeepAlive;
  readonly #host: ClientSocketHost;
  readonly #capacity: Capacity;
  readonly #requestHost: (request: IncomingMessage) => string | undefined;
  readonly #isTrustedPeer: (address: string) => boolean;
  #others: OtherUpgrades | undefined;
  /** Handshakes under way. */
  #pending = 0;
  /** Sockets that are open or closing. */
  #sockets = 0;
  #emptied: (() => void)[] = [];

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#capacity = new Capacity(options.hubs, options.settings, () => options.clock.monotonicMs());
    this.#requestHost = requestHostReader(options.trustProxy);
    this.#isTrustedPeer = trustedPeers(options.trustProxy);
    this.#keepAlive = new KeepAlive(options.clock, options.turn);
    this.#host = { settings: options.settings, keepAlive: this.#keepAlive, onClosed: () => this.#onClosed() };
  }

  /** Takes the server's WebSocket upgrades from now on. @param options that the server was made with */
  serve(server: Server, options: ServerOptions): void {
    const others = new OtherUpgrades(server, options);
    this.#others = others;
    server.on('upgrade', (request, socket, head) => {
      if (isWebSocketUpgrade(request)) this.#handle(request, socket, head);
      else others.ignore(request, socket, head);
    });
  }

  /** Never throws or rejects. */
  #handle(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', ignore);
    this.#pending += 1;
    const startedMs = this.#options.clock.monotonicMs();
    const refuse = (error: unknown) => this.#refuse(request, socket, error, startedMs);
    let arrival: Arrival | Promise<Arrival> = 'left';
    try {
      arrival = this.#accept(request, socket as Socket, head);
    } catch (error) {
      refuse(error);
    }
    const tell = (arrived: Arrival) => this.#tell(request, arrived, startedMs);
    if (arrival instanceof Promise) void arrival.then(tell, refuse).finally(() => this.#handshakeOver());
    else {
      this.#handshakeOver();
      tell(arrival);
    }
  }

  /** One handshake is over, however it ended. */
  #handshakeOver(): void {
    this.#pending -= 1;
    this.#tellWhenEmpty();
  }

  /** Settles once no handshake is under way and every socket is closed. */
  whenEmpty(): Promise<void> {
    if (this.#isEmpty()) return Promise.resolve();
    return new Promise(resolve => this.#emptied.push(resolve));
  }

  stop(): void {
    this.#keepAlive.stop();
    this.#others?.close();
  }

  #isEmpty(): boolean {
    return this.#pending === 0 && this.#sockets === 0;
  }

  #tellWhenEmpty(): void {
    if (!this.#isEmpty()) return;
    for (const tell of this.#emptied.splice(0)) tell();
  }

  /** A promise while the `connect` event is in progress. Without a `connect` handler, admission is synchronous: hot path. */
  #accept(request: IncomingMessage, socket: Socket, head: Buffer): Arrival | Promise<Arrival> {
    const target = readTarget(request, this.#options.endpoints.basePaths);
    checkHandshake(request);
    const known = this.#options.hubs.find(target.hub);
    const recovering = target.query.get('awps_connection_id') ?? '';
    if (recovering !== '') return this.#recover(request, socket, head, known, recovering, target.query);
    this.#checkOpen();
    const candidate = new RequestedCandidate(request, target.query, this.#authenticate(request, target));
    this.#options.guard.recognize(socket);
    this.#checkAddress(request, socket);
    this.#capacity.check(known);
    const hub = this.#options.hubs.get(target.hub); // not before: the check may end the last session of a hub, which is then removed
    const admission = hub.lifecycle.admit(candidate);
    if (admission instanceof Promise) {
      const departure = new Departure(socket, () => candidate.leave());
      return this.#upgradeOnceAdmitted(request, socket, head, hub, admission, departure);
    }
    return this.#upgrade(request, socket, head, hub, admission);
  }

  async #upgradeOnceAdmitted(
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
    hub: Hub,
    asking: Promise<Admission>,
    departure: Departure,
  ): Promise<Arrival> {
    this.#capacity.asking(hub);
    const admission = await asking
      .finally(() => this.#capacity.answered(hub))
      .catch(error => {
        if (departure.isOver() && PubSubError.from(error).kind === 'cancelled') return undefined;
        throw error;
      });
    if (admission === undefined) return 'left'; // before its connect was sent: there is nothing to take back
    const hasLeft = departure.isOver();
    if (!hasLeft && this.#options.readiness.isReady) return this.#upgrade(request, socket, head, hub, admission);
    hub.lifecycle.abandon(admission); // a client opened now would be cut off without a Close frame, or delay the shutdown
    if (!hasLeft) this.#checkOpen();
    return 'left';
  }

  #checkOpen(): void {
    if (!this.#options.readiness.isReady)
      throw new PubSubError('shuttingDown', 'the service is starting or shutting down');
  }

  /** Behind a proxy the sockets are the proxy's; there each client counts under its forwarded address. */
  #checkAddress(request: IncomingMessage, socket: Socket): void {
    if (request.headers['x-forwarded-for'] === undefined) return;
    const address = forwardedAddress(request, this.#options.trustProxy, this.#isTrustedPeer);
    if (address === undefined || this.#options.guard.claim(socket, address)) return;
    throw new RefusedUpgrade('tooMany', 'your address has as many connections as limits.connectionsPerAddress allows', {
      'Retry-After': String(retryAfterSeconds),
    });
  }

  #authenticate(request: IncomingMessage, target: ClientTarget): Claims {
    const token = tokenOf(request, target.query);
    if (token !== undefined) {
      const { endpoints, tokens } = this.#options;
      const host = this.#requestHost(request);
      try {
        return tokens.verify(token, clientAudience(target.hub, target.isLegacyPath, endpoints, host));
      } catch (error) {
        if (!(error instanceof WrongAudience)) throw error;
        throw error.answeredAt(`/client/hubs/${target.hub}`, endpoints.bases(host, true));
      }
    }
    if (this.#options.settings.isAnonymousAllowed(canonicalHubName(target.hub))) return {};
    throw new PubSubError(
      'unauthorized',
      'a client access token is needed: in access_token or as Authorization: Bearer',
    );
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer, hub: Hub, admission: Admission): Arrival {
    const ws = webSocketOn(socket, head);
    if (ws === undefined) {
      hub.lifecycle.abandon(admission);
      return 'left';
    }
    // The 101 and `connected` are sent in one write; the connection is in its hub before the client receives them.
    const outlet = this.#outletOf(ws, socket, admission.protocol, switchingProtocols(request, admission.subprotocol));
    const connection = hub.lifecycle.open(admission, outlet);
    this.#attach(ws, socket, outlet, hub, connection);
    outlet.flush();
    return connection;
  }

  /**
   * Only the reconnection token is checked. A failure is answered with an upgrade and a close code, since clients treat an
   * HTTP error as temporary; the session is not affected. [client-protocols 1.3, 5.3]
   */
  #recover(
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
    hub: Hub | undefined,
    connectionId: string,
    query: Query,
  ): Arrival {
    const connection = hub?.lifecycle.recover(connectionId, query.get('awps_reconnection_token') ?? '');
    if (connection !== undefined) this.#options.guard.recognize(socket);
    const offered = subprotocolsOf(request);
    const spoken = connection?.subprotocol;
    const echoed = spoken === undefined ? offered[0] : offered.find(name => name.toLowerCase() === spoken);
    const ws = webSocketOn(socket, head);
    if (ws === undefined) return 'left';
    socket.write(switchingProtocols(request, echoed));
    if (hub === undefined || connection === undefined) {
      this.#turnAway(ws);
      return 'turnedAway';
    }
    const outlet = this.#outletOf(ws, socket, connection.protocol);
    hub.lifecycle.resume(connection, outlet);
    this.#attach(ws, socket, outlet, hub, connection);
    return connection;
  }

  #turnAway(ws: WebSocket): void {
    ws.on('error', ignore);
    ws.on('close', () => this.#onClosed());
    this.#sockets += 1;
    ws.close(cannotRecoverCode);
  }

  /** @param head of the response to the upgrade, to be sent before everything else; undefined once it is written */
  #outletOf(ws: ClientWebSocket, socket: Socket, protocol: Protocol, head?: string): SocketOutlet {
    const { clock, settings, turn } = this.#options;
    return new SocketOutlet(ws, socket, turn, clock, outboundLimits(settings.outboundLimits(), protocol), head);
  }

  #attach(ws: ClientWebSocket, socket: Socket, outlet: SocketOutlet, hub: Hub, connection: Connection): void {
    new ClientSocket(ws, socket, outlet, hub, connection, this.#host);
    this.#sockets += 1;
  }

  #onClosed(): void {
    this.#sockets -= 1;
    this.#tellWhenEmpty();
  }

  #tell(request: IncomingMessage, arrival: Arrival, startedMs: number): void {
    const { observer, endpoints, clock, tracesUpgrades } = this.#options;
    if (!tracesUpgrades || arrival === 'left') return;
    observer.upgraded({
      hub: canonicalHubName(hubLabelOf(request, endpoints.basePaths)),
      connectionId: arrival === 'turnedAway' ? undefined : arrival.id,
      path: loggedPath(request.url ?? ''),
      status: 101,
      durationMs: clock.monotonicMs() - startedMs,
    });
  }

  #refuse(request: IncomingMessage, socket: Duplex, cause: unknown, startedMs: number): void {
    const { observer, endpoints, clock } = this.#options;
    const refusal = refusalOf(cause);
    if (PubSubError.from(cause).kind === 'internal') observer.fault('upgrade', cause);
    observer.connectionRefused({
      hub: hubLabelOf(request, endpoints.basePaths),
      status: refusal.status,
      reason: refusal.reason,
      method: request.method ?? '',
      path: loggedPath(request.url ?? ''),
      durationMs: clock.monotonicMs() - startedMs,
    });
    if (socket.writable) refuse(socket, refusal);
    else socket.destroy();
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

/** A socket's error is followed by its `close`, which is where endings are handled. */
function ignore(): void {}

/** The hub's name for logs, when the request got as far as having one. */
function hubLabelOf(request: IncomingMessage, basePaths: readonly string[]): string {
  try {
    return readTarget(request, basePaths).hub.slice(0, 128);
  } catch {
    return ''; // not a client path: the refusal names the path
  }
}

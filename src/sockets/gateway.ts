import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer, type Server as WebSocketServerOf } from 'ws';
import { clientAudience } from '../auth/audience.js';
import type { Claims } from '../auth/claims.js';
import type { Endpoints } from '../auth/endpoints.js';
import type { KeyTokens } from '../auth/key-tokens.js';
import type { Clock } from '../clock.js';
import { PubSubError } from '../errors.js';
import type { Admission } from '../hub/admission.js';
import type { Connection } from '../hub/connection.js';
import type { Hub } from '../hub/hub.js';
import type { Hubs } from '../hub/hubs.js';
import type { Observer, Outlet } from '../hub/ports.js';
import type { Codec } from '../protocols/codec.js';
import { canonicalHubName } from '../protocols/names.js';
import { RequestedCandidate } from './candidate.js';
import { type ClientTarget, checkHandshake, readTarget, subprotocolsOf, tokenOf } from './client-request.js';
import { ClientSocket, type ClientSocketHost, ClientWebSocket } from './client-socket.js';
import { Departure } from './departure.js';
import { KeepAlive } from './keep-alive.js';
import { ignoreUpgrade, isWebSocketUpgrade } from './other-upgrade.js';
import { refusalOf, refuse } from './refusal.js';
import { requestHostReader, type TrustProxy } from './request-host.js';
import { closeTimeoutMs, type OutboundLimits, SocketOutlet } from './socket-outlet.js';
import type { EventLoopTurn } from './turn.js';

/** Largest message from a client, in bytes; one more is close 1009. [client-protocols 8.1] */
const maxMessageBytes = 1024 * 1024;

/** What hubs.yaml says about sockets; read when needed, so that a reload applies to open ones. */
export type SocketSettings = ClientSocketHost['settings'] & {
  isAnonymousAllowed(hub: string): boolean;
  maxConnections(): number;
  outboundLimits(): OutboundLimits;
};

export interface GatewayOptions {
  readonly hubs: Hubs;
  readonly tokens: KeyTokens;
  readonly endpoints: Endpoints;
  readonly settings: SocketSettings;
  readonly trustProxy: TrustProxy;
  readonly clock: Clock;
  /** The hubs' own. */
  readonly turn: EventLoopTurn;
  readonly observer: Observer;
}

/** An option of ws that its type declarations do not know yet. */
const closing = { closeTimeout: closeTimeoutMs };

/** WebSocket close code for a session that cannot be recovered. [client-protocols 5.3] */
const cannotRecover = 1008;

/** Turns upgrade requests into connections of hubs: who asks, may it, what does it speak. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #server: WebSocketServerOf<typeof ClientWebSocket>;
  readonly #keepAlive: KeepAlive;
  readonly #host: ClientSocketHost;
  readonly #requestHost: (request: IncomingMessage) => string | undefined;
  /** The subprotocol to echo, while ws finishes the handshake. */
  readonly #selected = new WeakMap<IncomingMessage, string>();
  #isOpen = false;
  /** Handshakes under way. */
  #pending = 0;
  /** Sockets that are open, or saying goodbye. */
  #sockets = 0;
  #emptied: (() => void)[] = [];

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#requestHost = requestHostReader(options.trustProxy);
    this.#keepAlive = new KeepAlive(options.clock);
    this.#host = { settings: options.settings, keepAlive: this.#keepAlive, onClosed: () => this.#onClosed() };
    this.#server = new WebSocketServer({
      noServer: true,
      WebSocket: ClientWebSocket,
      clientTracking: false,
      perMessageDeflate: false, // frames are shared by their receivers, so none is compressed for one of them [design 4]
      maxPayload: maxMessageBytes,
      ...closing,
      handleProtocols: (_offered, request) => this.#selected.get(request) ?? false,
    });
  }

  /** Takes the server's WebSocket upgrades from now on. */
  serve(server: Server): void {
    server.on('upgrade', (request, socket, head) => {
      if (isWebSocketUpgrade(request)) this.#handle(request, socket, head);
      else ignoreUpgrade(server, request, socket, head);
    });
  }

  /** Never throws or rejects. */
  #handle(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', ignore);
    this.#pending += 1;
    let asking: Promise<void> | undefined;
    try {
      asking = this.#accept(request, socket as Socket, head);
    } catch (error) {
      this.#refuse(request, socket, error);
    }
    if (asking === undefined) this.#settled();
    else void asking.catch(error => this.#refuse(request, socket, error)).finally(() => this.#settled());
  }

  /** One handshake is over, however it ended. */
  #settled(): void {
    this.#pending -= 1;
    this.#tellWhenEmpty();
  }

  /** Lets clients in from now on. */
  open(): void {
    this.#isOpen = true;
  }

  /** Refuses newcomers from now on. [design 5] */
  drain(): void {
    this.#isOpen = false;
  }

  /** Settles once no handshake is under way and every socket is closed. */
  whenEmpty(): Promise<void> {
    if (this.#isEmpty()) return Promise.resolve();
    return new Promise(resolve => this.#emptied.push(resolve));
  }

  stop(): void {
    this.#keepAlive.stop();
  }

  #isEmpty(): boolean {
    return this.#pending === 0 && this.#sockets === 0;
  }

  #tellWhenEmpty(): void {
    if (!this.#isEmpty()) return;
    for (const tell of this.#emptied.splice(0)) tell();
  }

  /** A promise while the upstream is asked. Where there is nobody to ask, a client comes in within the call, which costs far less. */
  #accept(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> | undefined {
    const target = readTarget(request);
    checkHandshake(request);
    const known = this.#options.hubs.find(target.hub);
    const recovering = target.query.get('awps_connection_id') ?? '';
    if (recovering !== '') {
      this.#recover(request, socket, head, known, recovering, target.query);
      return undefined;
    }
    this.#checkCapacity();
    const candidate = new RequestedCandidate(request, target.query, this.#authenticate(request, target));
    const hub = known ?? this.#options.hubs.get(target.hub);
    const admission = hub.admit(candidate);
    if (admission instanceof Promise) return this.#upgradeOnceAdmitted(request, socket, head, hub, admission);
    this.#upgrade(request, socket, head, hub, admission);
    return undefined;
  }

  async #upgradeOnceAdmitted(
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
    hub: Hub,
    asking: Promise<Admission>,
  ): Promise<void> {
    const departure = new Departure(socket);
    const admission = await asking;
    if (departure.isOver()) hub.abandon(admission);
    else this.#upgrade(request, socket, head, hub, admission);
  }

  #checkCapacity(): void {
    if (!this.#isOpen) throw new PubSubError('shuttingDown', 'the service is starting or shutting down');
    const most = this.#options.settings.maxConnections();
    if (most === Number.POSITIVE_INFINITY) return; // to count them takes time where there are many hubs
    // Those still being asked about count too, this one among them: a flood of handshakes must not pass the limit.
    if (this.#options.hubs.size + this.#pending > most) {
      throw new PubSubError('tooMany', 'the service has as many connections as it allows');
    }
  }

  #authenticate(request: IncomingMessage, target: ClientTarget): Claims {
    const token = tokenOf(request, target.query);
    if (token !== undefined) {
      const { endpoints, tokens } = this.#options;
      const host = this.#requestHost(request);
      return tokens.verify(token, clientAudience(target.hub, target.isLegacyPath, endpoints, host));
    }
    if (this.#options.settings.isAnonymousAllowed(canonicalHubName(target.hub))) return {};
    throw new PubSubError(
      'unauthorized',
      'a client access token is needed: in access_token or as Authorization: Bearer',
    );
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer, hub: Hub, admission: Admission): void {
    let isUpgraded = false;
    // The 101 and the greeting leave in one write, not two. Not so a replay: to a corked socket it looks as if nothing left.
    socket.cork();
    // ws writes the 101 and calls back within this call: the connection is in its hub before its client can know.
    this.#handshake(request, socket, head, admission.subprotocol, ws => {
      isUpgraded = true;
      this.#attach(ws, socket, hub, admission.codec, outlet => hub.open(admission, outlet)).flush();
    });
    socket.uncork();
    if (!isUpgraded) hub.abandon(admission); // ws found the socket closed
  }

  /**
   * Only the reconnection token counts. A failure is answered with an upgrade, as clients in the field take an HTTP error
   * for a passing fault; it does no harm to the session. [client-protocols 1.3, 5.3]
   */
  #recover(
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
    hub: Hub | undefined,
    connectionId: string,
    query: URLSearchParams,
  ): void {
    const connection = hub?.recover(connectionId, query.get('awps_reconnection_token') ?? '');
    const offered = subprotocolsOf(request);
    const spoken = connection?.subprotocol;
    const echoed = spoken === undefined ? offered[0] : offered.find(name => name.toLowerCase() === spoken);
    this.#handshake(request, socket, head, echoed, ws => {
      if (hub === undefined || connection === undefined) this.#turnAway(ws);
      else
        this.#attach(ws, socket, hub, connection.codec, outlet => {
          hub.resume(connection, outlet);
          return connection;
        });
    });
  }

  #turnAway(ws: WebSocket): void {
    ws.on('error', ignore);
    ws.on('close', () => this.#onClosed());
    this.#sockets += 1;
    ws.close(cannotRecover);
  }

  #handshake(
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
    subprotocol: string | undefined,
    attach: (ws: ClientWebSocket) => void,
  ): void {
    if (subprotocol !== undefined) this.#selected.set(request, subprotocol);
    this.#server.handleUpgrade(request, socket, head, attach);
  }

  /** @param begin makes or resumes the connection that this socket is for. @returns the way out, where its first messages wait for the turn's end */
  #attach(
    ws: ClientWebSocket,
    socket: Socket,
    hub: Hub,
    codec: Codec,
    begin: (outlet: Outlet) => Connection,
  ): SocketOutlet {
    const { clock, settings, turn } = this.#options;
    const onSlow = () => hub.fail(connection, new PubSubError('slowClient', 'The client is too slow.'));
    const limits = outboundLimits(settings.outboundLimits(), codec);
    const outlet = new SocketOutlet(ws, socket, turn, clock, limits, onSlow);
    const connection: Connection = begin(outlet);
    new ClientSocket(ws, socket, outlet, hub, connection, this.#host);
    this.#sockets += 1;
    return outlet;
  }

  #onClosed(): void {
    this.#sockets -= 1;
    this.#tellWhenEmpty();
  }

  #refuse(request: IncomingMessage, socket: Duplex, cause: unknown): void {
    const { observer } = this.#options;
    const refusal = refusalOf(cause);
    if (PubSubError.from(cause).kind === 'internal') observer.fault('upgrade', cause);
    observer.connectionRefused({ hub: hubLabelOf(request), status: refusal.status, reason: refusal.reason });
    if (socket.writable) refuse(socket, refusal);
    else socket.destroy();
  }
}

/** What a reliable connection's socket may have waiting beside the usual: its whole replay buffer may leave at once. [client-protocols 5.1, 8.4, D24] */
const replayed: OutboundLimits = { maxMessages: 2_000, maxBytes: 20 * 1024 * 1024 };

function outboundLimits(configured: OutboundLimits, codec: Codec): OutboundLimits {
  if (codec.sequencer === undefined) return configured;
  return {
    maxMessages: configured.maxMessages + replayed.maxMessages,
    maxBytes: configured.maxBytes + replayed.maxBytes,
  };
}

/** A socket's error is followed by its `close`, which is where endings are handled. */
function ignore(): void {}

/** The hub's name for logs, when the request got as far as having one. */
function hubLabelOf(request: IncomingMessage): string {
  try {
    return readTarget(request).hub.slice(0, 128);
  } catch {
    return ''; // not a client path: the refusal says so
  }
}

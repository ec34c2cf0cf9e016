import { basename } from 'node:path';
import { Server as TlsServer } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { isLoopback, urlOf } from './addresses.js';
import { Metrics } from './admin/metrics.js';
import { createAdminServer } from './admin/server.js';
import { clientUrl } from './auth/client-url.js';
import { ContinuationTokens } from './auth/continuation-tokens.js';
import { Endpoints } from './auth/endpoints.js';
import { EntraVerifier } from './auth/entra-verifier.js';
import { type ClientClaims, KeyTokens } from './auth/key-tokens.js';
import { type AccessKeys, Keys } from './auth/keys.js';
import { KeyReconnectionTokens } from './auth/reconnection-tokens.js';
import { MemoryBus } from './backplane/memory.js';
import { type Clock, systemClock } from './clock.js';
import {
  type Config,
  type ConfigError,
  changesOf,
  defaultHubConfig,
  defaultPerAddress,
  type Environment,
  type HubConfig,
  handlersOf,
} from './config/load.js';
import { type ConfigWatch, watchConfig } from './config/watch.js';
import { proxiedFetch } from './egress/fetch.js';
import type { ProxySettings } from './egress/proxy.js';
import { ListenError, type ListenFailure } from './errors.js';
import { Hubs } from './hub/hubs.js';
import { observers } from './hub/observers.js';
import type { Backplane, Observer } from './hub/ports.js';
import { Slices } from './hub/slices.js';
import { type Certificate, type CertificateFiles, CertificateWatch, readCertificate } from './listener/certificate.js';
import { isLoopbackAddress, trustedPeers } from './listener/client-address.js';
import { defaultTimeouts, type ListenerTimeouts } from './listener/http-settings.js';
import { listenOn } from './listener/listen.js';
import { openFileLimit } from './listener/open-files.js';
import { createPublicServer, nodeOptions } from './listener/public-server.js';
import { SocketGuard, type SocketLimits } from './listener/socket-guard.js';
import { LogObserver } from './logging.js';
import { restApi, restPrefix } from './rest/api.js';
import { Calls } from './rest/calls.js';
import { Gateway, type SocketSettings } from './sockets/gateway.js';
import { EventLoopTurn } from './sockets/turn.js';
import type { EventHandlers, HandlerStatus } from './upstream/event-handlers.js';
import { eventHandlersOf } from './upstream/service-handlers.js';

export interface ServiceOptions {
  /** Address of the public listener; port 0 is any free one. */
  readonly host: string;
  readonly port: number;
  /** Address of the admin listener; undefined: none. */
  readonly admin: { readonly host: string; readonly port: number } | undefined;
  /** A `Keys` object may be changed while the service runs. */
  readonly keys: AccessKeys;
  /** Public endpoints, as URLs; none: the public listener's own address. */
  readonly endpoints: readonly string[];
  readonly config: Config;
  /** Of the public listener, followed while it runs; none: plain HTTP. */
  readonly tls?: CertificateFiles | undefined;
  /** Peers whose forwarding headers are trusted: all, or a comma-separated list of addresses and networks. */
  readonly trustProxy?: boolean | string | undefined;
  /** On the way to upstreams and to issuers of tokens; none when left out. */
  readonly proxies?: ProxySettings | undefined;
  readonly log: Logger;
  readonly version: string;
  /** URL of this program's documentation; shown at `/` of both listeners. */
  readonly documentation?: string | undefined;
  /** Of both listeners. */
  readonly timeouts?: ListenerTimeouts;
  readonly clock?: Clock;
  readonly backplane?: Backplane;
  readonly observer?: Partial<Observer>;
}

/** SDKs make a token for each call, and the same one within a second. Those of clients differ, so none is remembered. */
const rememberedRestTokens = 1_000;

/** How many connections a shutdown ends at a time, and how far apart: clients that come back must not come at once. [design 5] */
const waves = { most: 20, leastConnections: 100, gapMs: 50 };

/** How long a shutdown waits for each thing that takes its time: events that are under way, and sockets to close. */
const patienceMs = 10_000;

/** How long a shutdown takes at most: less than the 30 s after which Kubernetes and Docker's stop kill. */
const shutdownMs = 25_000;

/** How long peers of a listener that closes may go on with their requests. */
const lastRequestsMs = 1_000;

/** Of the admin listener: probes and scrapers are few. */
const adminLimits: SocketLimits = { perAddress: () => Number.POSITIVE_INFINITY, unauthenticated: () => 128 };

/**
 * The front door and the wiring diagram: builds every part, connects them, listens, reloads, and stops in reverse. The
 * one file that sees all rooms.
 */
export class Service {
  readonly endpoints: Endpoints;
  readonly hubs: Hubs;
  readonly #options: ServiceOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #keys: Keys;
  readonly #tokens: KeyTokens;
  readonly #backplane: Backplane;
  readonly #handlers: EventHandlers;
  readonly #gateway: Gateway;
  readonly #public: FastifyInstance;
  readonly #guard: SocketGuard;
  readonly #admin: FastifyInstance;
  readonly #adminGuard: SocketGuard;
  readonly #certificateWatch: CertificateWatch | undefined;
  /** Swapped as a whole; read at each use, so that open connections see a change. */
  #config: Config;
  #applying: Promise<void> = Promise.resolve();
  #watch: ConfigWatch | undefined;
  #publicPort = 0;
  #adminPort = 0;
  #isReady = false;
  #stopping: Promise<void> | undefined;

  constructor(options: ServiceOptions) {
    const { log, version, documentation, timeouts = defaultTimeouts } = options;
    this.#options = options;
    const keys = Keys.of(options.keys);
    this.#keys = keys;
    this.#config = options.config;
    this.#log = log;
    this.#clock = options.clock ?? systemClock;
    const clock = this.#clock;
    this.endpoints = new Endpoints(options.endpoints, () => this.publicUrl);
    this.#tokens = new KeyTokens(keys, () => clock.now());
    this.#backplane = options.backplane ?? new MemoryBus().connect();
    const metrics = new Metrics({ isConfigured: hub => this.#config.hubs.has(hub), version });
    const observer = observers(metrics, new LogObserver(log, clock), options.observer ?? {});
    const isTraced = log.isLevelEnabled('debug');
    this.#handlers = eventHandlersOf({ endpoints: this.endpoints, keys, clock, observer, proxies: options.proxies });
    const turn = new EventLoopTurn(clock);
    this.hubs = new Hubs({
      upstream: this.#handlers,
      backplane: this.#backplane,
      observer,
      clock,
      turn,
      slices: new Slices({ monotonicMs: () => clock.monotonicMs(), nextTurn: task => void setImmediate(task) }),
      reconnectionTokens: new KeyReconnectionTokens(keys, () => clock.now()),
      recoveryWindowMs: () => this.#config.reliable.recoveryWindowMs,
      dropsOnEventFailure: () => this.#config.dropOnUserEventFailure,
      membershipsPerCall: () => this.#config.limits.membershipsPerCall,
    });
    const trustProxy = options.trustProxy ?? false;
    const shared = { tokens: this.#tokens, endpoints: this.endpoints, trustProxy };
    this.#guard = this.#guardFor(trustedPeers(trustProxy), this.#publicLimits());
    this.#gateway = new Gateway({
      ...shared,
      hubs: this.hubs,
      settings: this.#socketSettings(),
      guard: this.#guard,
      clock,
      turn,
      observer,
      tracesUpgrades: isTraced,
    });
    const certificate = options.tls && readCertificate(options.tls);
    this.#public = createPublicServer({
      endpoints: this.endpoints,
      trustProxy,
      certificate,
      logger: log,
      version,
      documentation,
      timeouts,
      watch: new Calls({ observer, monotonicMs: () => clock.monotonicMs(), isTraced }),
    });
    const rest = restApi({
      endpoints: this.endpoints,
      logger: log,
      tokens: new KeyTokens(keys, () => clock.now(), rememberedRestTokens),
      hubs: { get: name => this.hubs.reach(name) },
      continuationTokens: new ContinuationTokens(keys),
      entra: new EntraVerifier({
        access: () => this.#config.callers.entra,
        clock,
        fetch: proxiedFetch(options.proxies),
      }),
      isLocalAuthDisabled: () => this.#config.callers.isLocalAuthDisabled,
      onAuthenticated: socket => this.#guard.recognize(socket),
      onHealthAnswered: socket => this.#guard.answered(socket),
    });
    this.#public.register(rest, { prefix: restPrefix });
    this.#certificateWatch = certificate && this.#watchCertificate(certificate);
    this.#guard.watch(this.#public.server);
    this.#gateway.serve(this.#public.server, nodeOptions(timeouts));
    this.#admin = createAdminServer({
      isReady: () => this.#isReady,
      handlers: () => this.#handlers.statuses(),
      metrics,
      version,
      documentation,
      timeouts,
      isLoopbackOnly: options.admin !== undefined && isLoopback(options.admin.host),
      logger: fromWarnings(log),
      onAnswered: socket => this.#adminGuard.answered(socket),
    });
    this.#adminGuard = this.#guardFor(() => false, adminLimits);
    this.#adminGuard.watch(this.#admin.server);
  }

  /** Opens both listeners; addresses are known then. Clients are let in from `activate` on. @throws ListenError */
  async listen(): Promise<void> {
    const { host, port, admin } = this.#options;
    const onAdmin = admin && (await tryListen(this.#admin, 'admin', admin));
    const onPublic = await tryListen(this.#public, 'public', { host, port });
    const failures = [onAdmin, onPublic].filter(outcome => outcome !== undefined && typeof outcome !== 'number');
    if (failures.length > 0) {
      await Promise.all([this.#admin.close(), this.#public.close()]);
      throw new ListenError(failures);
    }
    if (typeof onAdmin === 'number') {
      this.#adminPort = onAdmin;
      this.#log.info(`admin listener at ${this.#admin.listeningOrigin}`);
    }
    if (typeof onPublic === 'number') this.#publicPort = onPublic;
    this.#log.info(`public listener at ${this.#public.listeningOrigin}`);
  }

  /**
   * Lets clients in, at once. Settles once every event handler has been validated, or has failed to be.
   * @param config when it is known only after `listen`
   */
  async activate(config: Config = this.#options.config): Promise<void> {
    // Before the first client: events for a handler that is not active yet wait for it or fail. [design 2]
    this.#applying = this.#apply(config);
    this.#gateway.open();
    this.#isReady = true;
    await this.#applying;
  }

  /**
   * Watches the file from now on: a valid change is applied, an invalid one is logged and changes nothing.
   * @param isMissing the file need not exist yet
   */
  watch(file: string, env: Environment, { isMissing = false } = {}): void {
    this.#watch = watchConfig(file, {
      env,
      isMissing,
      running: this.#config, // a change since it was read is applied at once
      onConfig: config => this.reload(config),
      clock: this.#clock,
      onError: (error: ConfigError) => this.#log.error(`${notApplied(file)}\n${error.message}`),
      onWatchFailed: error =>
        this.#log.warn(
          { err: error },
          `${file} cannot be watched at present; changes are applied when watching it works again`,
        ),
    });
  }

  /** Validates what is new, then swaps. Reloads are taken one after another. Never rejects. */
  reload(config: Config): Promise<void> {
    this.#applying = this.#applying
      .then(async () => {
        const changes = changesOf(this.#config, config);
        await this.#apply(config);
        this.#tellChanges(changes);
      })
      .catch(error => this.#log.error({ err: error }, notApplied('the configuration')));
    return this.#applying;
  }

  get handlers(): readonly HandlerStatus[] {
    return this.#handlers.statuses();
  }

  /** `http://host:port` of the public listener, whatever the public endpoints are. */
  get publicUrl(): string {
    return urlOf(this.#options.host, this.#publicPort, this.#options.tls === undefined ? 'http' : 'https');
  }

  get adminUrl(): string | undefined {
    const { admin } = this.#options;
    return admin === undefined ? undefined : urlOf(admin.host, this.#adminPort);
  }

  /** For app servers; contains the primary key. [rest-api 1.8] */
  get connectionString(): string {
    return `Endpoint=${this.endpoints.primary};AccessKey=${this.#keys.primary};Version=1.0;`;
  }

  /** A URL that a client can connect to as it is; holds a token. */
  clientUrl(hub: string, claims: ClientClaims, lifetimeMinutes: number): string {
    return clientUrl(this.#tokens, this.endpoints.primary, hub, claims, lifetimeMinutes);
  }

  /** Finishes in-flight events, closes the clients in batches, then closes the listeners. [design 5] */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const startedMs = this.#clock.monotonicMs();
    const untilMs = startedMs + shutdownMs;
    this.#log.info({ connections: this.hubs.size }, 'stopping');
    const patience = () => Math.max(0, Math.min(patienceMs, untilMs - this.#clock.monotonicMs()));
    this.#isReady = false;
    this.#gateway.drain();
    await this.#watch?.close();
    this.#certificateWatch?.stop();
    for (const hub of this.hubs.all()) hub.lifecycle.quiesce(); // otherwise clients that keep sending would delay the stop
    await this.#atMost(patience(), this.#handlers.whenIdle());
    await turnOfEventLoop(); // the last responses are passed on first: acks are sent before the close message
    const connectionsClosed = this.hubs.size;
    await this.#evictAll();
    this.#handlers.hurry(); // a `disconnected` may wait for a `connected` that has no answer
    await this.#atMost(patience(), this.#gateway.whenEmpty());
    await this.#atMost(patience(), this.#handlers.whenIdle());
    await turnOfEventLoop(); // a client whose connect was answered only now is refused, and its `disconnected` is sent
    await this.#atMost(patience(), this.#handlers.close());
    this.#gateway.stop();
    await Promise.all([this.#close(this.#public, this.#guard), this.#close(this.#admin, this.#adminGuard)]);
    await this.#backplane.close();
    const durationMs = Math.round(this.#clock.monotonicMs() - startedMs);
    this.#log.info({ durationMs, connectionsClosed }, 'stopped');
  }

  /** Whatever its peers do: Node counts a connection that never sent anything as busy, for ever. */
  async #close(app: FastifyInstance, guard: SocketGuard): Promise<void> {
    const closing: Promise<void> = app.close();
    await this.#atMost(lastRequestsMs, closing);
    app.server.closeAllConnections();
    guard.dropStrangers(); // they may be in a TLS handshake, before the server has them
    await this.#atMost(lastRequestsMs, closing);
  }

  async #evictAll(): Promise<void> {
    const wave = Math.max(waves.leastConnections, Math.ceil(this.hubs.size / waves.most));
    for (const hub of [...this.hubs.all()]) {
      while ((await hub.lifecycle.evict(wave)) > 0) await this.#pause(waves.gapMs);
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise(resolve => this.#clock.after(delayMs, resolve));
  }

  async #atMost(limitMs: number, work: Promise<void>): Promise<void> {
    let cancel = () => {};
    const limit = new Promise<void>(resolve => {
      cancel = this.#clock.after(limitMs, resolve);
    });
    await Promise.race([work, limit]);
    cancel();
  }

  async #apply(config: Config): Promise<void> {
    await this.#handlers.configure(handlersOf(config), config.delivery, () => {
      this.#config = config;
    });
  }

  #tellChanges({ lines, openings }: ReturnType<typeof changesOf>): void {
    this.#log.info(`the new configuration is applied: ${lines.length === 0 ? 'no setting changed' : lines.join('; ')}`);
    for (const opening of openings) this.#log.warn(opening);
  }

  #watchCertificate(current: Certificate): CertificateWatch | undefined {
    const { server } = this.#public;
    const { tls: files } = this.#options;
    if (files === undefined || !(server instanceof TlsServer)) return undefined;
    return new CertificateWatch({
      files,
      current,
      clock: this.#clock,
      onChange: certificate => {
        server.setSecureContext(certificate);
        this.#log.info('TLS certificate reloaded; new connections use it');
      },
      onFailure: reason => this.#log.error(`TLS certificate not reloaded, the previous one is kept: ${reason}`),
    });
  }

  #guardFor(isProxy: (address: string) => boolean, limits: SocketLimits): SocketGuard {
    const onLimit = (message: string) => this.#log.warn(message);
    return new SocketGuard({ limits, isProxy, onLimit, monotonicMs: () => this.#clock.monotonicMs() });
  }

  /** Behind a proxy, and on the machine itself, many clients share an address: there only a limit that is set counts. */
  #publicLimits(): SocketLimits {
    const isDirect = (this.#options.trustProxy ?? false) === false;
    const openFiles = openFileLimit() ?? Number.POSITIVE_INFINITY;
    return {
      perAddress: address => {
        const usual = isDirect && !isLoopbackAddress(address) ? defaultPerAddress : Number.POSITIVE_INFINITY;
        return this.#config.limits.connectionsPerAddress ?? usual;
      },
      unauthenticated: () => Math.min(this.#config.limits.unauthenticatedConnections, Math.floor(openFiles / 2)),
    };
  }

  #socketSettings(): SocketSettings {
    const hubConfig = (hub: string): Omit<HubConfig, 'name'> => this.#config.hubs.get(hub) ?? defaultHubConfig;
    return {
      isAnonymousAllowed: hub => hubConfig(hub).anonymousConnectPolicy === 'allow',
      keepAliveIntervalMs: hub => hubConfig(hub).keepAliveIntervalMs,
      isFinalClose: code => this.#config.reliable.finalCloseCodes.includes(code),
      maxConnections: () => this.#config.limits.maxConnections ?? Number.POSITIVE_INFINITY,
      connectionsPerHub: () => this.#config.limits.connectionsPerHub ?? Number.POSITIVE_INFINITY,
      connectsPerSecond: () => this.#config.limits.connectsPerSecond ?? Number.POSITIVE_INFINITY,
      outboundLimits: () => ({
        maxMessages: this.#config.limits.outboundQueueMessages,
        maxBytes: this.#config.limits.outboundQueueBytes,
      }),
    };
  }
}

function notApplied(file: string): string {
  return `${basename(file)} not applied, the previous configuration is kept:`;
}

function turnOfEventLoop(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}

/** Without Fastify's own line for each address that it listens on; both listeners are logged in one way. */
function fromWarnings(log: Logger): Logger {
  return log.child({}, { level: log.isLevelEnabled('warn') ? 'warn' : log.level });
}

/** Opens one listener. @returns its port, or why it does not listen */
async function tryListen(
  app: FastifyInstance,
  listener: ListenFailure['listener'],
  { host, port }: { readonly host: string; readonly port: number },
): Promise<number | ListenFailure> {
  try {
    return await listenOn(app, { host, port });
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (code === undefined || (syscall !== 'listen' && syscall !== 'getaddrinfo')) throw error;
    return { listener, host, port, code };
  }
}

import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { isLoopback, urlOf } from './addresses.js';
import { Metrics } from './admin/metrics.js';
import { clientUrl } from './auth/client-url.js';
import { connectionStringOf } from './auth/connection-string.js';
import { Endpoints } from './auth/endpoints.js';
import type { KeySources } from './auth/key-sources.js';
import { type ClientClaims, KeyTokens } from './auth/key-tokens.js';
import { Keys } from './auth/keys.js';
import { KeyReconnectionTokens } from './auth/reconnection-tokens.js';
import { StoredKeys } from './auth/stored-keys.js';
import { MemoryBus } from './backplane/memory.js';
import { Bridges } from './bridges/bridges.js';
import { type Clock, systemClock } from './clock.js';
import type { Cluster } from './clustering.js';
import { HubsFileEditor } from './config/edit/hubs-file-editor.js';
import type { Config, Environment } from './config/load.js';
import { closeInWaves, restartWaves } from './drain.js';
import { PubSubError } from './errors.js';
import { type FrontParts, makeAdminListener, makeGateway, makePublicListener } from './front.js';
import { Hubs } from './hub/hubs.js';
import { observers } from './hub/observers.js';
import type { Backplane, Observer } from './hub/ports.js';
import { Slices } from './hub/slices.js';
import { Watches } from './hub/watches.js';
import type { CertificateWatch } from './listener/certificate.js';
import { Certificates } from './listener/certificates.js';
import { type GuardedListener, openListeners } from './listener/guarded-listener.js';
import { LogObserver } from './logging.js';
import { clusterOf } from './node-life.js';
import { OutboxDelivery } from './outbox-delivery.js';
import { MessageQuotas } from './pusher-api/quotas.js';
import { Readiness } from './readiness.js';
import { Reloads } from './reloads.js';
import type { ServiceOptions, WatchedFile } from './service-options.js';
import { Settings } from './settings.js';
import { defaultDrainMs, shutDown } from './shutdown.js';
import type { Gateway } from './sockets/gateway.js';
import { EventLoopTurn } from './sockets/turn.js';
import type { EventHandlers, HandlerStatus } from './upstream/event-handlers.js';
import { notify } from './upstream/notify.js';
import { eventHandlersOf } from './upstream/service-handlers.js';

const defaultDataDirectory = 'data';

/**
 * The front door and the wiring diagram: builds every part, connects them, listens and reloads; `shutDown` stops them in
 * reverse. The one file that sees all rooms.
 */
export class Service {
  readonly endpoints: Endpoints;
  readonly hubs: Hubs;
  /** Who watches what: for parts that show traffic. */
  readonly watches: Watches;
  readonly metrics: Metrics;
  readonly readiness = new Readiness();
  readonly #options: ServiceOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #settings: Settings;
  readonly #keys: Keys;
  readonly #storedKeys: StoredKeys;
  readonly #tokens: KeyTokens;
  /** Undefined: this node is alone. */
  readonly #cluster: Cluster | undefined;
  readonly #backplane: Backplane;
  readonly #bridges: Bridges;
  readonly #handlers: EventHandlers;
  readonly #gateway: Gateway;
  readonly #public: GuardedListener;
  readonly #admin: GuardedListener;
  readonly #reloads: Reloads;
  readonly #delivery: OutboxDelivery;
  readonly #certificateWatches: readonly CertificateWatch[];
  #editor: HubsFileEditor | undefined;
  #stopping: Promise<void> | undefined;
  /** As the port is, it is known once the listener is open; before, its port is 0. */
  #publicUrl: { readonly port: number; readonly text: string } | undefined;

  constructor(options: ServiceOptions) {
    const { log, version, proxies } = options;
    this.#options = options;
    this.#log = log;
    this.#clock = options.clock ?? systemClock;
    this.#settings = new Settings(options.config);
    this.#keys = Keys.of(options.keys);
    this.#storedKeys = this.#newStoredKeys();
    this.#tokens = this.#newTokens();
    this.endpoints = new Endpoints(options.endpoints, () => this.publicUrl);
    const clock = this.#clock;
    this.metrics = new Metrics({
      isConfigured: hub => this.#settings.config.hubs.has(hub),
      queuedBytes: () => this.hubs.queuedBytes(),
      version,
    });
    const turn = new EventLoopTurn(clock);
    this.#cluster = clusterOf(options, {
      ...{ clock, turn, keys: this.#keys, settings: this.#settings, metrics: this.metrics, readiness: this.readiness },
      hubs: () => this.hubs,
      handlers: () => this.#handlers,
    });
    this.#backplane = options.backplane ?? this.#cluster?.backplane ?? new MemoryBus().connect();
    this.watches = new Watches((where, error) => observer.fault(where, error));
    const toOutbox: Partial<Observer> = { tell: fact => this.#delivery.tell(fact) };
    const quotas = new MessageQuotas(() => clock.now());
    const { metrics } = this;
    const readers = [metrics, new LogObserver(log, clock), options.observer ?? {}, this.watches, quotas, toOutbox];
    // Last: what the notifications cause is reported after the facts that they are about.
    const observer: Observer = observers(...readers, { tell: notify });
    this.#bridges = new Bridges({ hubs: () => this.hubs, observer });
    this.#settings.onSwapped = () => this.#bridges.configure(this.#settings.bridges());
    const front: FrontParts = {
      options,
      settings: this.#settings,
      apps: options.apps ?? this.#settings.ofApps(),
      keys: this.#keys,
      storedKeys: this.#storedKeys,
      tokens: this.#tokens,
      endpoints: this.endpoints,
      hubs: () => this.hubs,
      bridges: this.#bridges,
      handlers: () => this.handlers,
      delivery: () => this.#delivery,
      readiness: this.readiness,
      clock,
      observer,
      metrics,
      quotas,
      turn,
      isTraced: log.isLevelEnabled('debug'),
      adminUrl: () => this.adminUrl,
      editor: () => this.#fileEditor(),
      restart: () => closeInWaves(this.hubs, clock, restartWaves),
    };
    const certificates = new Certificates(options);
    this.#public = makePublicListener(front, certificates.ofPublic);
    this.#handlers = eventHandlersOf({
      endpoints: this.endpoints,
      keys: this.#keys,
      clock,
      observer,
      toldApp: hub => this.#settings.toldApp(hub),
      ledger: this.#cluster?.ledger,
      watches: this.watches,
      proxies,
      checks: this.#cluster?.checks,
    });
    this.#delivery = new OutboxDelivery({
      settings: this.#settings,
      durableEvents: this.#handlers.durable,
      dataDirectory: options.dataDirectory ?? defaultDataDirectory,
      bridges: this.#bridges,
      metrics: metrics.webhooks,
      clock,
      log,
      version,
      proxies,
      allowsLoopback: options.allowsLoopbackWebhooks === true,
      isWorker: options.isWorker === true,
      clusterQueue: this.#cluster?.queue,
      sharedPlaces: this.#cluster?.places,
      hubs: () => this.hubs,
    });
    const delivery = {
      prepare: (config: Config) => this.#delivery.prepare(new Settings(config)),
      apply: () => this.#delivery.apply(),
    };
    this.#reloads = new Reloads(this.#settings, this.#handlers, clock, log, !isLoopback(options.host), delivery);
    this.hubs = this.#newHubs(front);
    this.#gateway = makeGateway(front, this.#public);
    this.#admin = makeAdminListener(front, certificates.ofAdmin);
    this.#certificateWatches = certificates.follow(this.#public, this.#admin, clock, log);
  }

  // ---------------------------------------------------------------------------------------------------------- parts

  #newHubs({ observer, turn }: FrontParts): Hubs {
    const clock = this.#clock;
    return new Hubs({
      ...this.#settings.ofHubs(),
      upstream: this.#handlers,
      backplane: this.#backplane,
      observer,
      bridges: this.#bridges,
      watches: this.watches,
      clock,
      turn,
      slices: new Slices({ monotonicMs: () => clock.monotonicMs(), nextTurn: task => void setImmediate(task) }),
      reconnectionTokens: new KeyReconnectionTokens(this.#keys, () => clock.now()),
      newConnectionId: this.#cluster?.connectionIds.next,
      ledger: this.#cluster?.ledger,
    });
  }

  #newStoredKeys(): StoredKeys {
    const { host, admin, keySources, log } = this.#options;
    const sources = keySources ?? fixedKeys(this.#keys);
    const isPublic = !isLoopback(host) || (admin !== undefined && !isLoopback(admin.host));
    return new StoredKeys({ keys: this.#keys, sources, isPublic, clock: this.#clock, log });
  }

  #fileEditor(): HubsFileEditor {
    if (this.#editor !== undefined) return this.#editor;
    throw new PubSubError('conflict', 'the service is starting, or has no hubs file: there is nothing to edit yet');
  }

  #newTokens(remembered?: number): KeyTokens {
    return new KeyTokens(this.#keys, () => this.#clock.now(), remembered);
  }

  // ------------------------------------------------------------------------------------------------ running it

  /** The public listener will have this URL, until it is open. */
  expectUrl(text: string): void {
    this.#publicUrl = { port: this.#public.port, text };
  }

  /** Opens both listeners; addresses are known then. Clients are let in from `activate` on. @throws ListenError */
  async listen(): Promise<void> {
    const { host, port, admin } = this.#options;
    const addressed = [
      [this.#admin, admin],
      [this.#public, { host, port }],
    ] as const;
    await openListeners(addressed, this.#log);
  }

  /**
   * Lets clients in. Settles once every event handler has been validated, or has failed to be.
   * @param config when it is known only after `listen` @param onOpen called once clients are let in
   * @throws as a rejection: StoreOpenError when the queue of webhooks cannot be opened, PubSubError `invalid` when the NATS of a
   * cluster cannot be used; no client is let in then
   */
  async activate(config: Config = this.#options.config, onOpen = () => {}): Promise<void> {
    // Both before the first client: events for a handler that is not active yet wait for it or fail [design 2], and what
    // happens to the client is kept. The queue is opened last, as it delivers to the handlers that are in use by then.
    const applied = this.#reloads.begin(config);
    const admitted = this.#startParts(config).then(() => {
      if (this.#stopping !== undefined) return;
      this.readiness.open();
      onOpen();
    });
    await Promise.all([admitted, applied]);
  }

  /** The cluster first, however long its NATS is away: the queue may be there, and is not waited for. */
  async #startParts(config: Config): Promise<void> {
    await this.#cluster?.start();
    if (this.#stopping !== undefined) return;
    await this.#delivery.prepare(new Settings(config));
    await this.#delivery.apply();
  }

  /**
   * Watches the file from now on: a valid change is applied, an invalid one is logged and changes nothing. The management
   * API edits it, and files of access keys are followed too.
   * @param isMissing the file need not exist yet @param shared is followed and edited in place of the file
   */
  watch(file: string, env: Environment, { isMissing = false, shared }: WatchedFile = {}): void {
    this.#reloads.watch(file, env, { isMissing, shared });
    this.#storedKeys.follow();
    this.#editor = new HubsFileEditor({
      file,
      env,
      clock: this.#clock,
      shared,
      expected: () => this.#settings.config.source.text,
      onWritten: config => this.#reloads.takeOver(config),
    });
  }

  /** Validates what is new, then swaps. Reloads are taken one after another. Never rejects. */
  reload(config: Config): Promise<void> {
    return this.#reloads.add(config);
  }

  /** Uses what an edit wrote to the file, at once. @throws as a rejection, when it cannot be used */
  use(config: Config): Promise<void> {
    return this.#reloads.takeOver(config);
  }

  /** Of the admin listener, whether it is open or not. */
  get adminApp(): FastifyInstance {
    return this.#admin.app;
  }

  get handlers(): readonly HandlerStatus[] {
    return this.#handlers.statuses();
  }

  /** `http://host:port` of the public listener, whatever the public endpoints are. Hot path: each token is compared with it. */
  get publicUrl(): string {
    const { port } = this.#public;
    if (this.#publicUrl?.port !== port) {
      const { host, tls } = this.#options;
      this.#publicUrl = { port, text: urlOf(host, port, tls === undefined ? 'http' : 'https') };
    }
    return this.#publicUrl.text;
  }

  get adminUrl(): string | undefined {
    const { admin } = this.#options;
    const { adminTls } = this.#options;
    return admin && urlOf(admin.host, this.#admin.port, adminTls === undefined ? 'http' : 'https');
  }

  /** For app servers; contains the primary key. [rest-api 1.8] */
  get connectionString(): string {
    return connectionStringOf(this.endpoints.primary, this.#keys.primary);
  }

  /** A URL that a client can connect to as it is; contains a token. */
  clientUrl(hub: string, claims: ClientClaims, lifetimeMinutes: number): string {
    return clientUrl(this.#tokens, this.endpoints.primary, hub, claims, lifetimeMinutes);
  }

  /** Finishes events under way, closes the clients in waves, then closes the listeners. [design 5] */
  stop(): Promise<void> {
    this.#stopping ??= this.#shutDown().then(() => this.#cluster?.stop());
    return this.#stopping;
  }

  #shutDown(): Promise<void> {
    this.#cluster?.drain();
    return shutDown({
      clock: this.#clock,
      log: this.#log,
      readiness: this.readiness,
      hubs: this.hubs,
      handlers: this.#handlers,
      gateway: this.#gateway,
      delivery: this.#delivery,
      backplane: this.#backplane,
      listeners: [this.#public, this.#admin],
      drainMs: this.#options.drainMs ?? defaultDrainMs,
      stopWatching: async () => {
        await this.#reloads.stop();
        this.#storedKeys.stop();
        for (const watch of this.#certificateWatches) watch.stop();
      },
    });
  }
}

/** Of keys whose origin the service does not know. */
function fixedKeys({ secondary }: Keys): KeySources {
  return {
    primary: { kind: 'variable', name: 'HUBWIRE_PRIMARY_KEY' },
    secondary: secondary === undefined ? { kind: 'none' } : { kind: 'variable', name: 'HUBWIRE_SECONDARY_KEY' },
    weaknessOf: () => undefined,
  };
}

import type { Logger } from 'pino';
import { isLoopback, urlOf } from '../addresses.js';
import { SummedMetrics } from '../admin/summed-metrics.js';
import { clientUrl } from '../auth/client-url.js';
import { connectionStringOf } from '../auth/connection-string.js';
import { Endpoints } from '../auth/endpoints.js';
import { type ClientClaims, KeyTokens } from '../auth/key-tokens.js';
import { type AccessKeys, Keys } from '../auth/keys.js';
import { StoredKeys } from '../auth/stored-keys.js';
import { type Clock, systemClock } from '../clock.js';
import { HubsFileEditor } from '../config/edit/hubs-file-editor.js';
import type { Config, Environment } from '../config/load.js';
import { watchHubs } from '../config/shared-hubs.js';
import type { ConfigWatch } from '../config/watch.js';
import { PubSubError } from '../errors.js';
import { type AdminParts, makeAdminListener } from '../front.js';
import type { Certificate, CertificateWatch } from '../listener/certificate.js';
import { Certificates } from '../listener/certificates.js';
import { type GuardedListener, openListeners } from '../listener/guarded-listener.js';
import type { ServiceOptions, WatchedFile } from '../service-options.js';
import { Settings } from '../settings.js';
import { defaultDrainMs } from '../shutdown.js';
import { Crew } from './crew.js';
import { forwardedRoutes } from './forwarded-routes.js';
import type { HandlerState, OperatorRequest } from './messages.js';
import type { OwnNats } from './private-nats.js';
import type { ForkedProcess } from './worker-process.js';

export interface PrimaryOptions {
  /** Of each worker; the admin listener and the keys are this process's. */
  readonly service: ServiceOptions & { readonly keySources: NonNullable<ServiceOptions['keySources']> };
  /** How many workers. */
  readonly size: number;
  /** What each of them is called, for people. */
  readonly noun: 'worker' | 'node';
  /** Undefined: NATS runs already, or there is one worker. */
  readonly nats: OwnNats | undefined;
  /** Of this process, and of the workers. */
  readonly env: Environment;
  /** @param variables of its environment */
  fork(place: number, variables: Readonly<Record<string, string>>): ForkedProcess;
}

/** How long a worker may take for its stop beyond what it needs at most, before it is killed. */
const stopMarginMs = 12_000;

/** Keys that others are told of. */
class ToldKeys extends Keys {
  onChanged = () => {};

  override change(keys: AccessKeys): void {
    super.change(keys);
    this.onChanged();
  }
}

/**
 * The parent of several services on one machine, which share the public listener. It has the admin listener, the access keys and
 * the hubs file, and the private nats-server if there is one; it serves no client itself.
 */
export class Primary {
  readonly endpoints: Endpoints;
  readonly #options: PrimaryOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #keys: ToldKeys;
  readonly #storedKeys: StoredKeys;
  readonly #tokens: KeyTokens;
  readonly #settings: Settings;
  readonly #crew: Crew;
  readonly #metrics: SummedMetrics;
  readonly #admin: GuardedListener;
  readonly #certificateWatches: readonly CertificateWatch[];
  #watch: ConfigWatch | undefined;
  #editor: HubsFileEditor | undefined;
  #publicUrl = '';
  #stopping: Promise<void> | undefined;

  constructor(options: PrimaryOptions) {
    const { service, size, noun, nats, fork } = options;
    this.#options = options;
    this.#log = service.log;
    const clock = service.clock ?? systemClock;
    this.#clock = clock;
    this.#keys = new ToldKeys(service.keys);
    this.#tokens = new KeyTokens(this.#keys, () => clock.now());
    this.#settings = new Settings(service.config);
    this.endpoints = new Endpoints(service.endpoints, () => this.publicUrl);
    this.#crew = new Crew({
      size,
      noun,
      fork: place => fork(place, nats === undefined ? {} : { HUBWIRE_NATS: nats.urlsOf(place) }),
      keys: () => ({ primary: this.#keys.primary, secondary: this.#keys.secondary }),
      clock,
      log: service.log,
      onEnded: place => void this.#metrics.ended(place),
    });
    this.#keys.onChanged = () => this.#crew.tellKeys();
    this.#metrics = new SummedMetrics({
      collect: async () => (await this.#crew.request('metrics', undefined, 'silent')).given,
      workers: () => {
        const { ready, paused, silent, restarts } = this.#crew;
        return { ready, paused, silent, configured: size, restarts };
      },
    });
    const isPublic = !isLoopback(service.host) || (service.admin !== undefined && !isLoopback(service.admin.host));
    const keys = this.#keys;
    this.#storedKeys = new StoredKeys({ keys, sources: service.keySources, isPublic, clock, log: service.log });
    const certificates = new Certificates({ adminTls: service.adminTls });
    this.#admin = this.#adminListener(certificates.ofAdmin);
    this.#certificateWatches = certificates.follow(this.#admin, this.#admin, clock, service.log);
  }

  /** Starts the workers, and opens the admin listener. @throws ListenError, StartFailure, PubSubError; nothing runs then */
  async listen(): Promise<void> {
    const { service, nats } = this.#options;
    try {
      await openListeners([[this.#admin, service.admin]], this.#log);
      await nats?.start();
      this.#publicUrl = await this.#crew.start();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /**
   * Lets clients in. Settles once every event handler has been validated, or has failed to be.
   * @param onOpen called once all workers let them in @param env with the variables of the hubs file @throws as `listen`
   */
  async activate(config: Config, onOpen = () => {}, env: Environment = {}): Promise<void> {
    this.#settings.config = config;
    try {
      await this.#crew.activate(differing(env, this.#options.env));
    } catch (error) {
      await this.stop();
      throw error;
    }
    onOpen();
    await this.#crew.validated();
  }

  /** Follows the hubs file and those of the keys from now on; the management API edits them. Each worker follows them as well. */
  watch(file: string, env: Environment, { isMissing = false, shared }: WatchedFile = {}): void {
    this.#watch = watchHubs(file, shared, {
      env,
      running: this.#settings.config,
      isMissing,
      onConfig: config => this.#follow(config),
      clock: this.#clock,
      onError: () => {}, // each worker says it
      onWatchFailed: () => {},
    });
    this.#storedKeys.follow();
    this.#editor = new HubsFileEditor({
      file,
      env,
      clock: this.#clock,
      shared,
      expected: () => this.#settings.config.source.text,
      onWritten: config => this.#useEverywhere(config),
    });
  }

  get handlers(): readonly HandlerState[] {
    return this.#crew.handlers;
  }

  /** `http://host:port` of the listener that the workers share, or of that of the first. */
  get publicUrl(): string {
    return this.#publicUrl;
  }

  /** Of each worker, where they have listeners of their own. */
  get publicUrls(): readonly string[] {
    return this.#crew.publicUrls;
  }

  get adminUrl(): string | undefined {
    const { admin, adminTls } = this.#options.service;
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

  /** Drains all workers at the same time, then ends what they used. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const { service, noun, nats } = this.#options;
    const { ready, paused, silent } = this.#crew;
    this.#log.info({ [`${noun}s`]: ready + paused + silent }, `stopping the ${noun}s`);
    await this.#watch?.close();
    this.#storedKeys.stop();
    for (const watch of this.#certificateWatches) watch.stop();
    await this.#crew.stop((service.drainMs ?? defaultDrainMs) + stopMarginMs);
    await nats?.stop();
    const { app, guard } = this.#admin;
    const closing = app.close();
    app.server.closeAllConnections();
    guard.dropStrangers();
    await closing;
  }

  async #follow(config: Config): Promise<void> {
    this.#settings.config = config;
  }

  /** @throws as a rejection, when a worker cannot use it, or does not answer: then it is in use by the others */
  async #useEverywhere(config: Config): Promise<void> {
    this.#watch?.written(config.source.text);
    const { missing } = await this.#crew.request('reload', undefined, 'hung');
    this.#settings.config = config;
    throwMissing(
      missing,
      'the change is written, and the others use it. Those that did not answer use it when they answer again or are restarted',
    );
  }

  async #closeClients(): Promise<void> {
    const { missing } = await this.#crew.request('closeClients', undefined, 'hung');
    throwMissing(
      missing,
      'the clients of the others are closed. Those that did not answer close theirs when they answer again or are restarted',
    );
  }

  #adminListener(certificate: Certificate | undefined): GuardedListener {
    const forward = (request: OperatorRequest) =>
      this.#crew.requestOne('operate', request, request.method === 'GET' ? 'silent' : 'hung');
    const parts: AdminParts = {
      options: this.#options.service,
      settings: this.#settings,
      storedKeys: this.#storedKeys,
      endpoints: this.endpoints,
      clock: this.#clock,
      adminUrl: () => this.adminUrl,
      editor: () => this.#fileEditor(),
      restart: () => this.#closeClients(),
      readiness: this.#crew,
      handlers: () => this.#crew.handlers,
      metrics: this.#metrics,
      delivery: () => undefined,
    };
    return makeAdminListener(parts, certificate, access => [['', forwardedRoutes(access, forward)]]);
  }

  #fileEditor(): HubsFileEditor {
    if (this.#editor !== undefined) return this.#editor;
    throw new PubSubError('conflict', 'the service is starting: there is nothing to edit yet');
  }
}

/** @param outcome for people @throws PubSubError `unknown` when somebody has not answered */
function throwMissing(missing: readonly string[], outcome: string): void {
  if (missing.length > 0) throw new PubSubError('unknown', `No answer from ${missing.join(', ')}: ${outcome}.`);
}

/** Those that the workers do not have from this process. */
function differing(env: Environment, known: Environment): Record<string, string> {
  const entries = Object.entries(env).filter(([name, value]) => value !== undefined && known[name] !== value);
  return Object.fromEntries(entries) as Record<string, string>;
}

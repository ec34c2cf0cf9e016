import {
  type App,
  type AppBridge,
  type Apps,
  type Config,
  defaultHubConfig,
  defaultPerAddress,
  type HubConfig,
} from './config/load.js';
import { isLoopbackAddress, type TrustProxy } from './listener/client-address.js';
import { openFileLimit } from './listener/open-files.js';
import type { SocketLimits } from './listener/socket-guard.js';
import type { NatsQueuePlace, QueueOptions } from './outbox/open-store.js';
import { appHubPrefix } from './protocols/names.js';
import type { DoorSettings } from './sockets/door.js';
import type { WebPubSubSettings } from './sockets/entrances/webpubsub.js';
import type { AppSource, WebhookSettings } from './webhooks/sources.js';

/**
 * The configuration in use. Parts are given functions that read it at each use, so that a reload, which swaps `config` as
 * a whole, is effective for open connections too.
 */
export class Settings {
  /** Called in the step that puts another configuration to use. */
  onSwapped: (config: Config) => void = () => {};
  #config: Config;

  constructor(config: Config) {
    this.#config = config;
  }

  get config(): Config {
    return this.#config;
  }

  set config(config: Config) {
    this.#config = config;
    this.onSwapped(config);
  }

  ofSockets(): DoorSettings & WebPubSubSettings {
    return {
      isAnonymousAllowed: hub => this.#ofHub(hub).anonymousConnectPolicy === 'allow',
      keepAliveIntervalMs: hub => this.#ofHub(hub).keepAliveIntervalMs,
      isFinalClose: code => this.config.reliable.finalCloseCodes.includes(code),
      maxConnections: () => this.config.limits.maxConnections ?? Number.POSITIVE_INFINITY,
      connectionsPerHub: () => this.config.limits.connectionsPerHub ?? Number.POSITIVE_INFINITY,
      connectsPerSecond: () => this.config.limits.connectsPerSecond ?? Number.POSITIVE_INFINITY,
      outboundLimits: () => ({
        maxMessages: this.config.limits.outboundQueueMessages,
        maxBytes: this.config.limits.outboundQueueBytes,
      }),
    };
  }

  /** Behind a proxy, and on the machine itself, many clients share an address: there only a limit that is set counts. */
  ofPublicListener(trustProxy: TrustProxy): SocketLimits {
    const openFiles = openFileLimit() ?? Number.POSITIVE_INFINITY;
    return {
      perAddress: address => {
        const isShared = trustProxy !== false || isLoopbackAddress(address);
        return this.config.limits.connectionsPerAddress ?? (isShared ? Number.POSITIVE_INFINITY : defaultPerAddress);
      },
      unauthenticated: () => Math.min(this.config.limits.unauthenticatedConnections, Math.floor(openFiles / 2)),
    };
  }

  ofHubs() {
    return {
      recoveryWindowMs: () => this.config.reliable.recoveryWindowMs,
      dropsOnEventFailure: () => this.config.dropOnUserEventFailure,
      membershipsPerCall: () => this.config.limits.membershipsPerCall,
    };
  }

  ofCallers() {
    return {
      access: () => this.config.callers.entra,
      isLocalAuthDisabled: () => this.config.callers.isLocalAuthDisabled,
    };
  }

  /** For whoever serves Pusher's clients and server libraries: an app is looked up at each use. */
  ofApps(): Apps {
    return {
      all: () => this.config.apps.all(),
      findById: id => this.config.apps.findById(id),
      findByKey: key => this.config.apps.findByKey(key),
    };
  }

  /** Does the configuration in use have webhooks or durable event handlers? */
  usesOutbox(): boolean {
    const { apps, hubs } = this.config;
    const sources = [...apps.all(), ...hubs.values()];
    if (sources.some(({ webhooks }) => (webhooks.webhooks ?? []).length > 0)) return true;
    return [...hubs.values()].some(({ eventHandlers }) => eventHandlers.some(({ isDurable }) => isDurable));
  }

  /** Are there durable event handlers, whose queue does not keep the order of a connection's events? */
  losesEventOrder(): boolean {
    const { queue, hubs } = this.config;
    if (queue.driver !== 'sqs' || queue.fifo === true) return false;
    return [...hubs.values()].some(({ eventHandlers }) => eventHandlers.some(({ isDurable }) => isDurable));
  }

  /** The app of this key whose clients event handlers of a hub are told of; undefined for hubs, and for other apps. */
  toldApp(key: string): { readonly app: string; readonly hub: string } | undefined {
    const app = key.startsWith(appHubPrefix) ? key.slice(appHubPrefix.length) : undefined;
    const hub = app === undefined ? undefined : this.config.apps.findById(app)?.connectHub;
    return app === undefined || hub === undefined ? undefined : { app, hub };
  }

  /** Rules that join channels and groups. */
  bridges(): readonly AppBridge[] {
    return this.config.apps.all().flatMap(({ bridge }) => bridge ?? []);
  }

  /** Of the configuration in use: to be given again after a reload. */
  ofWebhooks(): WebhookSettings {
    const { apps, hubs, webhooks } = this.config;
    return {
      general: webhooks,
      apps: apps.all().map(app => ({ ...app.webhooks, id: app.id, keys: app.keys, missing: missingEvents(app) })),
      hubs: [...hubs].map(([key, hub]) => ({ ...hub.webhooks, hub: hub.name, key })),
    };
  }

  /**
   * Where the outbox keeps its envelopes. Of the configuration that the service starts with: a queue is opened once.
   * @param directory of this node @param cluster where that of its cluster is, if it is in one
   * @returns undefined for a queue of a cluster, if it is in none
   */
  ofQueue(directory: string, cluster?: NatsQueuePlace): QueueOptions | undefined {
    const { queue } = this.config;
    if (queue.driver === 'nats') return cluster && { ...queue, ...cluster };
    return queue.driver === 'file' || queue.driver === 'sqs' ? { ...queue, directory } : queue;
  }

  #ofHub(hub: string): Omit<HubConfig, 'name'> {
    return this.config.hubs.get(hub) ?? defaultHubConfig;
  }
}

/** Events that the app never has, with the setting that is off. */
function missingEvents({ enableClientMessages, enableSubscriptionCount }: App): AppSource['missing'] {
  return {
    ...(!enableClientMessages && { client_event: 'enable_client_messages' }),
    ...(!enableSubscriptionCount && { subscription_count: 'enable_subscription_count' }),
  };
}

import {
  type DeliveryOptions,
  defaultDelivery,
  type EventHandlerOptions,
  type GroupPresenceOptions,
  type HandlerAuth,
  type HubHandlers,
  type Insertion,
} from '../upstream/options.js';
import type { SourceEntry, WebhooksEntry } from '../webhooks/options.js';
import { type Apps, buildApps, type InsertionsAt, shownSource, sourceOf, webhooksOf } from './apps.js';
import { buildCluster, type ClusterSettings } from './cluster.js';
import { buildQueue, type QueueSettings } from './queue.js';
import { defaultEntraAudiences } from './schema/callers.js';
import { defaultKeepAliveSeconds } from './schema/hub.js';
import type { HandlerSettings, HubSettings, HubsFile } from './schema/hubs-file.js';
import {
  defaultMembershipsPerCall,
  defaultQueueBytes,
  defaultQueueMessages,
  defaultUnauthenticated,
} from './schema/limits.js';
import { defaultFinalCloseCodes, defaultRecoverySeconds } from './schema/reliable.js';

/** The settings of one hub. [rest-api 6.1] */
export interface HubConfig {
  /** As spelled in the file. */
  readonly name: string;
  readonly anonymousConnectPolicy: 'allow' | 'deny';
  readonly keepAliveIntervalMs: number;
  readonly eventHandlers: readonly EventHandlerOptions[];
  readonly webhooks: SourceEntry;
}

export interface Limits {
  /** Of the whole service; undefined: as many as there are. */
  readonly maxConnections: number | undefined;
  /** Of each hub; undefined: as many as there are. */
  readonly connectionsPerHub: number | undefined;
  /** Of one client address; undefined: the default, where one address is one client. */
  readonly connectionsPerAddress: number | undefined;
  /** Undefined: as many as come. */
  readonly connectsPerSecond: number | undefined;
  /** Sockets on which no request was authenticated. */
  readonly unauthenticatedConnections: number;
  readonly outboundQueueMessages: number;
  readonly outboundQueueBytes: number;
  /** Connections × groups. */
  readonly membershipsPerCall: number;
}

/** Sessions of the reliable subprotocols. */
export interface ReliableSettings {
  readonly recoveryWindowMs: number;
  /** Of a client's Close frame: those that end its session at once. [client-protocols D3] */
  readonly finalCloseCodes: readonly number[];
}

/** Who may call the data plane. [rest-api 1.1, 1.4] */
export interface CallerSettings {
  readonly isLocalAuthDisabled: boolean;
  readonly entra: {
    readonly isDisabled: boolean;
    readonly audiences: readonly string[];
    readonly issuers: readonly { readonly issuer: string; readonly jwksUri: string | undefined }[];
  };
}

/** A whole hubs.yaml, validated. Nothing in it can be changed. */
export interface Config {
  /** By name in lower case: hub names ignore case. */
  readonly hubs: ReadonlyMap<string, HubConfig>;
  readonly delivery: DeliveryOptions;
  /** [upstream-events 3.4] */
  readonly dropOnUserEventFailure: boolean;
  readonly limits: Limits;
  readonly reliable: ReliableSettings;
  readonly callers: CallerSettings;
  /** Those of Pusher's clients and server libraries. */
  readonly apps: Apps;
  /** What applies to the webhooks of all apps and hubs. */
  readonly webhooks: WebhooksEntry;
  readonly queue: QueueSettings;
  readonly cluster: ClusterSettings;
  readonly source: ConfigSource;
}

/** What a configuration was read from. May contain secrets: it is compared, and never shown. */
export interface ConfigSource {
  readonly text: string;
  /** The text's values, in canonical spelling and with environment variables filled in. */
  readonly tree: HubsFile;
}

/** A hub that the file does not name needs no settings to exist. [rest-api 6.1] */
export const defaultHubConfig: Omit<HubConfig, 'name'> = deepFreeze({
  anonymousConnectPolicy: 'deny',
  keepAliveIntervalMs: defaultKeepAliveSeconds * 1_000,
  eventHandlers: [],
  webhooks: {},
});

/** What of it concerns upstreams. */
export function handlersOf(config: Config): readonly HubHandlers[] {
  return [...config.hubs.values()].map(({ name, eventHandlers }) => ({ hub: name, eventHandlers }));
}

/** Fills in the defaults and freezes the result. */
export function buildConfig(source: ConfigSource, insertionsAt: InsertionsAt): Config {
  const file = source.tree;
  const hubs = Object.entries(file.hubs ?? {}).map(([name, settings]) => buildHub(name, settings ?? {}, insertionsAt));
  return deepFreeze({
    hubs: frozenMap(hubs.map(hub => [hub.name.toLowerCase(), deepFreeze(hub)])),
    delivery: buildDelivery(file.delivery ?? {}, file.limits ?? {}),
    dropOnUserEventFailure: file.delivery?.dropOnUserEventFailure ?? false,
    limits: {
      maxConnections: file.limits?.maxConnections,
      connectionsPerHub: file.limits?.connectionsPerHub,
      connectionsPerAddress: file.limits?.connectionsPerAddress,
      connectsPerSecond: file.limits?.connectsPerSecond,
      unauthenticatedConnections: file.limits?.unauthenticatedConnections ?? defaultUnauthenticated,
      outboundQueueMessages: file.limits?.outboundQueueMessages ?? defaultQueueMessages,
      outboundQueueBytes: file.limits?.outboundQueueBytes ?? defaultQueueBytes,
      membershipsPerCall: file.limits?.membershipsPerCall ?? defaultMembershipsPerCall,
    },
    reliable: {
      recoveryWindowMs: (file.reliable?.recoveryWindowInSeconds ?? defaultRecoverySeconds) * 1_000,
      finalCloseCodes: file.reliable?.finalCloseCodes ?? [...defaultFinalCloseCodes],
    },
    callers: buildCallers(file.auth ?? {}),
    apps: buildApps(file, insertionsAt),
    webhooks: webhooksOf(file),
    queue: buildQueue(file.queue ?? {}),
    cluster: buildCluster(file.cluster ?? {}),
    source,
  });
}

function buildHub(name: string, settings: HubSettings, insertionsAt: InsertionsAt): HubConfig {
  const seconds = settings.webSocketKeepAliveIntervalInSeconds;
  return {
    name,
    anonymousConnectPolicy: settings.anonymousConnectPolicy ?? defaultHubConfig.anonymousConnectPolicy,
    keepAliveIntervalMs: seconds === undefined ? defaultHubConfig.keepAliveIntervalMs : seconds * 1_000,
    eventHandlers: (settings.eventHandlers ?? []).map((handler, index) =>
      buildHandler(handler, insertionsAt(['hubs', name, 'eventHandlers', index, 'urlTemplate'])),
    ),
    webhooks: shownSource(sourceOf({ webhooks: settings.webhooks }), ['hubs', name, 'webhooks'], insertionsAt),
  };
}

function buildHandler(settings: HandlerSettings, insertions: readonly Insertion[] | undefined): EventHandlerOptions {
  return {
    urlTemplate: settings.urlTemplate,
    ...(insertions !== undefined && { insertions }),
    systemEvents: settings.systemEvents ?? [],
    userEventPattern: settings.userEventPattern ?? undefined,
    groupPresenceEvents: buildPresence(settings.groupPresenceEvents),
    ...(settings.delivery === 'durable' && { isDurable: true }),
    auth: buildAuth(settings.auth),
  };
}

function buildPresence(settings: HandlerSettings['groupPresenceEvents']): GroupPresenceOptions | undefined {
  return settings ? { eventNames: settings.eventNames ?? [], groupFilters: settings.groupFilters ?? [] } : undefined;
}

function buildAuth(auth: HandlerSettings['auth']): HandlerAuth {
  const resource = auth?.managedIdentity?.resource;
  // The schema requires the resource with this type and refuses it with the other.
  return resource === undefined ? { type: 'None' } : { type: 'ManagedIdentity', resource };
}

function buildDelivery(
  settings: NonNullable<HubsFile['delivery']>,
  { connectsInFlight = defaultDelivery.connectsInFlight }: NonNullable<HubsFile['limits']>,
): DeliveryOptions {
  const { timeoutInSeconds, retryDelaysInSeconds } = settings;
  return {
    timeoutMs: timeoutInSeconds === undefined ? defaultDelivery.timeoutMs : milliseconds(timeoutInSeconds),
    retryDelaysMs: retryDelaysInSeconds?.map(milliseconds) ?? [...defaultDelivery.retryDelaysMs],
    maxResponseBytes: defaultDelivery.maxResponseBytes,
    lenientOriginList: settings.lenientOriginList ?? defaultDelivery.lenientOriginList,
    maxConcurrentPerUpstream: settings.maxConcurrentPerUpstream ?? defaultDelivery.maxConcurrentPerUpstream,
    connectsInFlight,
    originWithPort: settings.originWithPort ?? defaultDelivery.originWithPort,
  };
}

function buildCallers(settings: NonNullable<HubsFile['auth']>): CallerSettings {
  const { audiences, issuers } = settings.entra ?? {};
  return {
    isLocalAuthDisabled: settings.disableLocalAuth ?? false,
    entra: {
      isDisabled: settings.disableAadAuth ?? false,
      audiences: audiences ?? [...defaultEntraAudiences],
      issuers: (issuers ?? []).map(({ issuer, jwksUri }) => ({ issuer, jwksUri: jwksUri ?? undefined })),
    },
  };
}

/** Rounded up, so that a timeout is never none. */
function milliseconds(seconds: number): number {
  return Math.ceil(seconds * 1_000);
}

// ------------------------------------------------------------------------------------------------------- freezing

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null && !Object.isFrozen(inner)) deepFreeze(inner);
  }
  return Object.freeze(value);
}

function refuse(): never {
  throw new TypeError('the configuration is read-only');
}

/** `Object.freeze` alone leaves a Map's entries open. */
function frozenMap<K, V>(entries: readonly (readonly [K, V])[]): ReadonlyMap<K, V> {
  const map = new Map(entries);
  for (const name of ['set', 'delete', 'clear']) Object.defineProperty(map, name, { value: refuse });
  return Object.freeze(map);
}

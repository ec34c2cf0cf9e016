import type { AppKey } from '../auth/pusher-signatures.js';
import { type AppBridge, type BridgeEntry, defaultEvent } from '../bridges/rules.js';
import { canonicalHubName } from '../protocols/names.js';
import type { Insertion } from '../upstream/options.js';
import { maskInsertions } from '../upstream/url-template.js';
import type { SourceEntry, WebhooksEntry } from '../webhooks/options.js';
import { parseInstant } from './formats.js';
import type { Path } from './problems.js';
import { appDefaults } from './schema/apps.js';
import type { AppSettings, BridgeSettings, HubsFile } from './schema/hubs-file.js';

/** A key as the file has it. */
export interface ConfiguredKey extends AppKey {
  readonly secret: string;
}

/** `Infinity` where there is no limit. */
export interface AppLimits {
  readonly maxConnections: number;
  /** Of one connection. */
  readonly maxClientEventsPerSecond: number;
  readonly maxBackendEventsPerSecond: number;
  readonly maxMessagesPerDay: number;
  readonly maxReadRequestsPerSecond: number;
  readonly maxChannelsPerConnection: number;
  readonly maxPresenceMembers: number;
  readonly maxPresenceMemberBytes: number;
  readonly maxChannelNameLength: number;
  readonly maxChannelsPerEvent: number;
  readonly maxEventNameLength: number;
  readonly maxEventBytes: number;
  readonly maxEventsPerBatch: number;
}

/** An application of Pusher's clients and server libraries. (pusher-webhooks 5.1) */
export interface App {
  readonly id: string;
  readonly enabled: boolean;
  /** In the order of the file; inactive ones too. */
  readonly keys: readonly ConfiguredKey[];
  readonly enableClientMessages: boolean;
  readonly enableWatchlistEvents: boolean;
  readonly enableSubscriptionCount: boolean;
  /** Within which a client must sign in or join a private or presence channel; undefined: it need not. */
  readonly authorizationTimeoutMs: number | undefined;
  /** Of web pages; undefined: all. */
  readonly allowedOrigins: readonly string[] | undefined;
  readonly limits: AppLimits;
  readonly webhooks: SourceEntry;
  /** Canonical name of the hub whose event handlers are told of the app's clients; undefined: none are. */
  readonly connectHub: string | undefined;
  /** Undefined: none of its channels is joined with a group. */
  readonly bridge: AppBridge | undefined;
}

/** The apps of one configuration. */
export interface Apps {
  /** In the order of the file. */
  all(): readonly App[];
  findById(id: string): App | undefined;
  /** By any of its keys: an inactive one too. */
  findByKey(key: string): App | undefined;
}

export function buildApps(file: HubsFile, insertionsAt: InsertionsAt): Apps {
  const all = Object.freeze((file.apps ?? []).map((app, index) => buildApp(app, ['apps', index], insertionsAt)));
  const byId = new Map(all.map(app => [app.id, app]));
  const byKey = new Map(all.flatMap(app => app.keys.map(({ key }) => [key, app])));
  return {
    all: () => all,
    findById: id => byId.get(id),
    findByKey: key => byKey.get(key),
  };
}

/** In the samples of Hubwire and its peers. Everyone knows them. */
const knownSecrets: ReadonlySet<string> = new Set(['app-secret', 'demo-secret']);

/** The first active key whose secret everyone knows; undefined: there is none. */
export function sampleKeyOf({ keys }: Pick<App, 'keys'>): string | undefined {
  return keys.find(({ active, secret }) => active && knownSecrets.has(secret))?.key;
}

/** Why others must not reach a service with these apps, as `while …`; undefined: they may. As for the development key. */
export function weaknessOf(apps: Apps): string | undefined {
  const app = apps.all().find(each => sampleKeyOf(each) !== undefined);
  return app && `while app ${app.id} has a secret of a sample, which everyone knows; ${makeSecret}`;
}

const makeSecret = 'give it one of its own: openssl rand -hex 20';

/** An app's settings, wherever in the app they stand. */
export type FlatSettings = Omit<AppSettings, 'policy'>;

/** Without `policy`: its settings are those of the app. */
export function settingsOf({ policy, ...settings }: AppSettings): FlatSettings {
  const { limits, features, channels, webhooks } = policy ?? {};
  return { ...limits, ...features, ...channels, ...(webhooks && { webhooks }), ...set(settings) };
}

/** Without keys that are left empty. */
function set<T extends object>(settings: T): T {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null)) as T;
}

/** What of an app or a hub concerns webhooks. */
export function sourceOf({ webhooks, batching, linger_ms }: SourceSettings): SourceEntry {
  return withoutNulls({ webhooks, batching, linger_ms }) as SourceEntry;
}

/** Where variables were filled in into the text at a path of the file. */
export type InsertionsAt = (path: Path) => readonly Insertion[] | undefined;

/** With the URLs of endpoints as people may see them: as those of event handlers. @param path of the list of endpoints */
export function shownSource(source: SourceEntry, path: Path, insertionsAt: InsertionsAt): SourceEntry {
  const { webhooks } = source;
  if (webhooks === undefined) return source;
  const shown = webhooks.map((entry, index) => {
    const insertions = entry.url === undefined ? undefined : insertionsAt([...path, index, 'url']);
    return insertions === undefined ? entry : { ...entry, shownUrl: maskInsertions(entry.url ?? '', insertions) };
  });
  return { ...source, webhooks: shown };
}

type SourceSettings = { readonly [key in keyof SourceEntry]?: unknown };

export function webhooksOf(file: HubsFile): WebhooksEntry {
  return withoutNulls(file.webhooks ?? {}) as WebhooksEntry;
}

function buildApp(app: AppSettings, path: Path, insertionsAt: InsertionsAt): App {
  const settings = settingsOf(app);
  const { authorizationTimeoutSeconds } = appDefaults;
  return {
    id: settings.id,
    enabled: settings.enabled ?? true,
    keys: keysOf(settings),
    enableClientMessages: settings.enable_client_messages ?? false,
    enableWatchlistEvents: settings.enable_watchlist_events ?? true,
    enableSubscriptionCount: settings.enable_subscription_count ?? false,
    authorizationTimeoutMs: settings.enable_user_authentication
      ? (settings.user_authentication_timeout ?? authorizationTimeoutSeconds) * 1_000
      : undefined,
    allowedOrigins: originsOf(settings.allowed_origins),
    limits: limitsOf(settings),
    webhooks: shownSource(
      sourceOf(settings),
      [...path, ...(app.webhooks ? ['webhooks'] : ['policy', 'webhooks'])],
      insertionsAt,
    ),
    connectHub: settings.connect_handler ? canonicalHubName(settings.hub ?? '') : undefined, // it is set: checkBridges
    bridge: bridgeOf(settings),
  };
}

function bridgeOf(settings: FlatSettings): AppBridge | undefined {
  const { id, hub, bridge } = settings;
  if (!hub || !bridge || bridge.length === 0) return undefined;
  const { maxEventBytes } = limitsOf(settings);
  return { app: id, hub: canonicalHubName(hub), entries: bridge.map(entryOf), maxEventBytes };
}

/** With its defaults. */
export function entryOf({ group, channel, direction, event }: BridgeSettings): BridgeEntry {
  return { group, channel, direction: direction ?? 'both', event: event ?? defaultEvent };
}

/** `*` among them is all. */
function originsOf(origins: readonly string[] | null | undefined): readonly string[] | undefined {
  return origins?.includes('*') ? undefined : (origins ?? undefined);
}

function keysOf({ keys, key, secret }: FlatSettings): readonly ConfiguredKey[] {
  const single = [{ key: key ?? '', secret: secret ?? '', created_at: null, active: null }]; // both are set: checkApps
  return (keys ?? single).map(each => ({
    key: each.key,
    secret: each.secret,
    createdAtMs: each.created_at ? parseInstant(each.created_at) : undefined,
    active: each.active ?? true,
  }));
}

function limitsOf(settings: FlatSettings): AppLimits {
  return {
    maxConnections: unlessUnlimited(settings.max_connections),
    maxChannelsPerConnection: unlessUnlimited(settings.max_channels_per_connection, appDefaults.channelsPerConnection),
    maxClientEventsPerSecond: unlessUnlimited(settings.max_client_events_per_second, appDefaults.clientEventsPerSecond),
    maxBackendEventsPerSecond: unlessUnlimited(settings.max_backend_events_per_second),
    maxMessagesPerDay: unlessUnlimited(settings.max_messages_per_day),
    maxReadRequestsPerSecond: unlessUnlimited(settings.max_read_requests_per_second),
    maxPresenceMembers: settings.max_presence_members_per_channel ?? appDefaults.presenceMembers,
    maxPresenceMemberBytes: bytesOf(settings.max_presence_member_size_in_kb, appDefaults.presenceMemberKb),
    maxChannelNameLength: settings.max_channel_name_length ?? appDefaults.channelNameLength,
    maxChannelsPerEvent: settings.max_event_channels_at_once ?? appDefaults.eventChannels,
    maxEventNameLength: settings.max_event_name_length ?? appDefaults.eventNameLength,
    maxEventBytes: bytesOf(settings.max_event_payload_in_kb, appDefaults.eventDataKb),
    maxEventsPerBatch: settings.max_event_batch_size ?? appDefaults.batchEvents,
  };
}

function unlessUnlimited(value: number | null | undefined, fallback = Number.POSITIVE_INFINITY): number {
  const limit = value ?? fallback;
  return limit <= 0 ? Number.POSITIVE_INFINITY : limit;
}

function bytesOf(kilobytes: number | null | undefined, fallback: number): number {
  return Math.floor((kilobytes ?? fallback) * 1_024);
}

/** A key that is left empty is left out, at every depth. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== null && inner !== undefined);
  return Object.fromEntries(entries.map(([key, inner]) => [key, withoutNulls(inner)]));
}

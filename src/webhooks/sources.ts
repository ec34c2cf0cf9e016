import { type AppKey, oldestActive, preparedKey } from '../auth/pusher-signatures.js';
import type { PubSubError } from '../errors.js';
import { readEndpoints, type SourceName, type WebhookEndpoint } from './endpoints.js';
import type { AppEventType, EventType } from './event-types.js';
import { type SourceEntry, type WebhooksEntry, webhookDefaults } from './options.js';

/** What the configuration says about webhooks. */
export interface WebhookSettings {
  readonly general: WebhooksEntry;
  readonly apps: readonly AppSource[];
  /** `hub` as spelled in the configuration, `key` its canonical name. */
  readonly hubs: readonly (SourceEntry & { readonly hub: string; readonly key: string })[];
}

export interface AppSource extends SourceEntry {
  readonly id: string;
  readonly keys: readonly AppKey[];
  /** Events that the app never has, with the setting that would make them happen. */
  readonly missing?: Readonly<Partial<Record<AppEventType, string>>> | undefined;
}

/** An app or a hub whose events are told. */
export interface Source {
  /** By which facts name it: `app:42`, or the hub's canonical name. */
  readonly key: string;
  readonly name: SourceName;
  readonly endpoints: readonly WebhookEndpoint[];
  /** What at least one endpoint that is enabled takes. */
  readonly wanted: ReadonlySet<EventType>;
  readonly lingerMs: number;
  readonly keys: readonly AppKey[];
}

/** The key of an app among hubs: no name of a Web PubSub hub has this form. */
export function appKeyOf(id: string): string {
  return `app:${id}`;
}

/** The sources of one configuration. */
export class Sources {
  readonly #byKey = new Map<string, Source>();
  readonly #byEndpoint = new Map<string, { readonly source: Source; readonly endpoint: WebhookEndpoint }>();

  /** @param onWarning what is worth an operator's attention. Invalid entries are left out: `readEndpoints` reports them at load */
  constructor(settings: WebhookSettings, onWarning: (source: string, warning: string) => void = () => {}) {
    const { general, apps, hubs } = settings;
    for (const app of apps) {
      const key = appKeyOf(app.id);
      this.#add(key, { kind: 'app', name: app.id }, app, general, app.keys.map(preparedKey), onWarning);
      for (const warning of missingIn(app)) onWarning(key, warning);
    }
    for (const hub of hubs) this.#add(hub.key, { kind: 'hub', name: hub.hub }, hub, general, [], onWarning);
  }

  get all(): Iterable<Source> {
    return this.#byKey.values();
  }

  source(key: string): Source | undefined {
    return this.#byKey.get(key);
  }

  endpoint(id: string): { readonly source: Source; readonly endpoint: WebhookEndpoint } | undefined {
    return this.#byEndpoint.get(id);
  }

  get endpointIds(): Iterable<string> {
    return this.#byEndpoint.keys();
  }

  #add(
    key: string,
    name: SourceName,
    entry: SourceEntry,
    general: WebhooksEntry,
    keys: readonly AppKey[],
    onWarning: (source: string, warning: string) => void,
  ): void {
    const read = readEndpoints(name, entry, general, (_index, problem: PubSubError) => onWarning(key, problem.message));
    for (const { warnings } of read) for (const warning of warnings) onWarning(key, warning);
    const endpoints = read.map(({ endpoint }) => endpoint);
    const wanted = new Set(endpoints.filter(({ isEnabled }) => isEnabled).flatMap(({ types }) => [...types]));
    const lingerMs = entry.linger_ms ?? general.linger_ms ?? webhookDefaults.lingerMs;
    const source: Source = { key, name, endpoints, wanted, lingerMs, keys };
    this.#byKey.set(key, source);
    for (const endpoint of endpoints) this.#byEndpoint.set(endpoint.id, { source, endpoint });
  }
}

/** Events that an endpoint lists by name and never gets. */
function missingIn({ webhooks = [], missing = {} }: AppSource): string[] {
  return Object.entries(missing)
    .filter(([type]) => webhooks.some(({ event_types: types }) => types.includes(type)))
    .map(([type, setting]) => `a webhook lists ${type}, which is never sent: set ${setting} of the app`);
}

/** The key that signs the source's webhooks now; undefined for hubs, and for an app without an active key. */
export function signingKey({ keys }: Source): AppKey | undefined {
  return oldestActive(keys);
}

import { readEndpoints, type SourceName } from '../webhooks/endpoints.js';
import type { SourceEntry, WebhooksEntry } from '../webhooks/options.js';
import { settingsOf, sourceOf, webhooksOf } from './apps.js';
import { formatPath, type Path, quote } from './problems.js';
import type { AppSettings, HubsFile } from './schema/hubs-file.js';

/** What takes the problems of a file. */
interface Problems {
  add(path: Path, reason: string, part: 'key' | 'value'): void;
}

/** JSON Schema cannot require that keys differ by more than letter case. */
export function checkHubNames(tree: unknown, problems: Problems): void {
  const seen = new Map<string, string>();
  for (const name of Object.keys(objectAt(tree, 'hubs'))) {
    const earlier = seen.get(name.toLowerCase());
    if (earlier === undefined) seen.set(name.toLowerCase(), name);
    else
      problems.add(
        ['hubs', name],
        `the same hub as ${quote(earlier)}: hub names are case-insensitive; remove one`,
        'key',
      );
  }
}

function objectAt(tree: unknown, key: string): object {
  const value = typeof tree === 'object' && tree !== null ? (tree as Record<string, unknown>)[key] : undefined;
  return typeof value === 'object' && value !== null ? value : {};
}

// ------------------------------------------------------------------------------------------------------------ apps

/** Ids and keys belong to one app; each app has a key that it can use. */
export function checkApps({ apps }: HubsFile, problems: Problems): void {
  const ids = new Unique(problems, 'id', 'ids are unique');
  const keys = new Unique(problems, 'key', 'a key belongs to one app');
  for (const [index, app] of (apps ?? []).entries()) {
    const path: Path = ['apps', index];
    ids.add([...path, 'id'], app.id);
    checkKeys(app, path, keys, problems);
    checkPolicy(app, path, problems);
  }
}

/** Finds values that occur twice. Problems show where, and not the value, which may come from the environment. */
class Unique {
  readonly #places = new Map<string, Path>();

  constructor(
    private readonly problems: Problems,
    private readonly what: string,
    private readonly rule: string,
  ) {}

  add(path: Path, value: string): void {
    const earlier = this.#places.get(value);
    if (earlier === undefined) this.#places.set(value, path);
    else this.problems.add(path, `the same ${this.what} as ${formatPath(earlier)}; ${this.rule}: change one`, 'value');
  }
}

function checkKeys(app: AppSettings, path: Path, unique: Unique, problems: Problems): void {
  const { key, secret, keys } = app;
  if (keys) {
    const single = (['key', 'secret'] as const).filter(name => typeof app[name] === 'string');
    for (const name of single) {
      problems.add([...path, name], `${quote(name)} and \`keys\` are both set; move it into \`keys\``, 'key');
    }
    for (const [at, each] of keys.entries()) unique.add([...path, 'keys', at, 'key'], each.key);
    if (!keys.some(({ active }) => active !== false)) {
      problems.add(
        [...path, 'keys'],
        'no key is active; activate one, or disable the app with `enabled: false`',
        'key',
      );
    }
    return;
  }
  const missing = [typeof key === 'string' ? [] : ['key'], typeof secret === 'string' ? [] : ['secret']].flat();
  for (const name of missing) {
    problems.add([...path, name], `${quote(name)} is missing: add it, or \`keys\` with a list of keys`, 'key');
  }
  if (typeof key === 'string') unique.add([...path, 'key'], key);
}

/** What is set in `policy` is set nowhere else. */
function checkPolicy(app: AppSettings, path: Path, problems: Problems): void {
  const { webhooks: _, ...groups } = app.policy ?? {};
  const inPolicy = [
    ...Object.entries(groups).flatMap(([group, settings]) => Object.keys(settings ?? {}).map(key => [group, key])),
    ...(app.policy?.webhooks ? [['webhooks']] : []),
  ];
  for (const place of inPolicy) {
    const key = place.at(-1) as keyof AppSettings;
    if (app[key] === undefined || app[key] === null) continue;
    problems.add([...path, key], `also set in ${formatPath([...path, 'policy', ...place])}; remove one`, 'key');
  }
}

// -------------------------------------------------------------------------------------------------------- webhooks

/** Each endpoint as a whole: fields that exclude one another, ids that occur twice, and what the file as a whole rules out. */
export function checkWebhooks(file: HubsFile, problems: Problems): void {
  const general = webhooksOf(file);
  for (const [index, app] of (file.apps ?? []).entries()) {
    const place = app.webhooks ? ['webhooks'] : ['policy', 'webhooks'];
    check({ kind: 'app', name: app.id }, sourceOf(settingsOf(app)), ['apps', index, ...place], general, problems);
  }
  for (const [name, hub] of Object.entries(file.hubs ?? {})) {
    check({ kind: 'hub', name }, sourceOf(hub ?? {}), ['hubs', name, 'webhooks'], general, problems);
  }
}

function check(name: SourceName, source: SourceEntry, path: Path, general: WebhooksEntry, problems: Problems): void {
  const ids = new Unique(problems, 'id', `endpoint ids are unique within the ${name.kind}`);
  for (const [index, { id, url }] of (source.webhooks ?? []).entries()) {
    if (id !== undefined) ids.add([...path, index, 'id'], id);
    if (general.https_only === true && url !== undefined && /^http:/i.test(url.trim())) {
      problems.add([...path, index, 'url'], 'must be an https URL, since `webhooks.https_only` is set', 'value');
    }
  }
  const unique = { ...source, webhooks: source.webhooks?.map(({ id: _, ...entry }) => entry) };
  readEndpoints(name, unique, { ...general, https_only: false }, (index, { message }) => {
    problems.add([...path, index], message, 'value');
  });
}

// ----------------------------------------------------------------------------------------------------------- queue

/** A redis server, or a cluster; what an SQS queue without FIFO cannot do. */
export function checkQueue(file: HubsFile, problems: Problems): void {
  const { driver, redis, sqs } = file.queue ?? {};
  if (driver === 'sqs' && sqs?.fifo !== true) checkUnordered(file, problems);
  if (!redis) return; // the schema requires it where it is used
  const { url, nodes } = redis;
  if (url && nodes) {
    problems.add(['queue', 'redis', 'nodes'], '`url` and `nodes` are both set; keep `nodes` for a cluster', 'key');
  }
  if (driver === 'redis' && !url && !nodes) {
    const what = 'add the URL of the server, such as redis://localhost:6379/0, or `nodes` with those of a cluster';
    problems.add(['queue', 'redis', 'url'], `\`url\` is missing: ${what}`, 'key');
  }
}

/** A standard SQS queue has no order, so nothing may require one. */
function checkUnordered({ apps, hubs }: HubsFile, problems: Problems): void {
  for (const [index, app] of (apps ?? []).entries()) {
    const place = app.webhooks ? ['webhooks'] : ['policy', 'webhooks'];
    checkOrdering(settingsOf(app).webhooks, ['apps', index, ...place], problems);
  }
  for (const [name, hub] of Object.entries(hubs ?? {})) {
    checkOrdering(hub?.webhooks, ['hubs', name, 'webhooks'], problems);
  }
}

function checkOrdering(
  webhooks: readonly { readonly ordering?: string | null | undefined }[] | null | undefined,
  path: Path,
  problems: Problems,
): void {
  for (const [index, { ordering }] of (webhooks ?? []).entries()) {
    if (ordering !== 'channel') continue;
    problems.add([...path, index, 'ordering'], needsFifo, 'value');
  }
}

const needsFifo =
  '`channel` is not possible in an SQS queue without FIFO, which keeps no order; use a FIFO queue with `queue.sqs.fifo: true`, another driver, or remove it';

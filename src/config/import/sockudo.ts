import { foreignSettings } from '../foreign-settings.js';
import { formatPath, type Path } from '../problems.js';
import type { Draft, DraftApp, Unmatched } from './draft.js';
import { endpointsOf, retryOf } from './endpoints.js';
import { foreignNames, showsForeignName } from './foreign-names.js';
import { peerLimits } from './peer-limits.js';
import type { PeerSettings } from './peer-settings.js';
import { redisNodesOf, redisUrlOf, sentinelAdvice } from './redis-url.js';

/** Where Sockudo has its apps. */
export const sockudoApps: Path = ['app_manager', 'array', 'apps'];

/** Settings of the process that are elsewhere here. */
const elsewhere: Readonly<Record<string, string>> = {
  'database.redis.sentinels': sentinelAdvice,
  host: 'set --host or HUBWIRE_HOST',
  port: 'set --port or HUBWIRE_PORT',
  path_prefix: 'set it as the path of HUBWIRE_ENDPOINT',
  debug: 'set --log-level or HUBWIRE_LOG_LEVEL',
  max_connections: 'set `limits: { maxConnections: … }`',
  'metrics.host': 'set --admin-host or HUBWIRE_ADMIN_HOST',
  'metrics.port': 'set --admin-port or HUBWIRE_ADMIN_PORT',
  'ssl.cert_path': 'set --tls-cert or HUBWIRE_TLS_CERT',
  'ssl.key_path': 'set --tls-key or HUBWIRE_TLS_KEY',
  'queue.sqs.message_group_id': 'events that keep their order are a group of their own',
};

/**
 * Reads a configuration of Sockudo. Limits and defaults of the whole server are written to each app, so that what was
 * accepted before is accepted now. (Sockudo 5, config.json.)
 */
export function draftOfSockudo(root: PeerSettings, apps: readonly PeerSettings[]): Draft {
  const general = generalOf(root);
  const drafts = apps.map(app => appOf(app, general));
  const hasWebhooks = drafts.some(({ webhooks }) => webhooks !== undefined);
  const webhooks = batchingOf(root.mapping('webhooks').mapping('batching'));
  return {
    apps: drafts,
    webhooks: hasWebhooks ? { batching: webhooks } : undefined,
    queue: hasWebhooks ? queueOf(root) : undefined,
    unmatched: unmatchedOf(root, apps),
  };
}

function generalOf(root: PeerSettings) {
  const webhooks = root.mapping('webhooks');
  return {
    ...peerLimits(root, name => name),
    signInSeconds: root.number('user_authentication_timeout') ?? 3_600,
    endpoint: { retry: retryOf(webhooks.mapping('retry')), request_timeout_ms: webhooks.number('request_timeout_ms') },
  };
}

/** Newer files have the settings of an app in groups below `policy`. */
function appOf(app: PeerSettings, general: ReturnType<typeof generalOf>): DraftApp {
  const policy = app.mapping('policy');
  const isGrouped = app.peek('policy') instanceof Map;
  const [limits, features, channels] = ['limits', 'features', 'channels'].map(name =>
    isGrouped ? policy.mapping(name) : app,
  ) as [PeerSettings, PeerSettings, PeerSettings];
  const usesSignIn = features.boolean('enable_user_authentication');
  for (const name of ofChannels) {
    if (namesOf(channels.peek(name)).some(showsForeignName)) channels.remark(foreignNames, name);
  }
  return {
    id: app.text('id'),
    key: app.text('key'),
    secret: app.text('secret'),
    enabled: app.boolean('enabled'),
    enable_client_messages: features.boolean('enable_client_messages'),
    enable_user_authentication: usesSignIn,
    user_authentication_timeout: usesSignIn === true ? general.signInSeconds : undefined,
    enable_watchlist_events: features.boolean('enable_watchlist_events') ?? false,
    allowed_origins: originsOf(channels.texts('allowed_origins')),
    max_connections: limits.number('max_connections'),
    max_channels_per_connection: -1,
    max_client_events_per_second: limits.number('max_client_events_per_second') ?? 0,
    max_backend_events_per_second: limits.number('max_backend_events_per_second'),
    max_read_requests_per_second: limits.number('max_read_requests_per_second'),
    max_presence_members_per_channel: limits.number('max_presence_members_per_channel') ?? general.members,
    max_presence_member_size_in_kb: limits.number('max_presence_member_size_in_kb') ?? general.memberKb,
    max_channel_name_length: limits.number('max_channel_name_length') ?? general.channelNameLength,
    max_event_channels_at_once: limits.number('max_event_channels_at_once') ?? general.eventChannels,
    max_event_name_length: limits.number('max_event_name_length') ?? general.eventNameLength,
    max_event_payload_in_kb: limits.number('max_event_payload_in_kb') ?? general.payloadKb,
    max_event_batch_size: limits.number('max_event_batch_size') ?? general.batchSize,
    webhooks: endpointsOf(isGrouped ? policy : app, ['webhooks'], general.endpoint),
  };
}

/** In Sockudo no origin and `any` are all origins, and `*.example.com` is that domain too. Undefined: all. */
function originsOf(origins: readonly string[] = []): readonly string[] | undefined {
  if (origins.length === 0 || origins.some(each => each === '*' || each.toLowerCase() === 'any')) return undefined;
  const domains = origins.filter(each => each.startsWith('*.')).map(each => each.slice('*.'.length));
  return [...new Set([...origins, ...domains])];
}

/** Settings of an app by names of channels or patterns of them: as keys, or in a list. */
const ofChannels = ['channel_delta_compression', 'channel_namespaces'];

function namesOf(setting: unknown): readonly unknown[] {
  if (setting instanceof Map) return [...setting.keys()];
  return Array.isArray(setting) ? setting.flatMap(each => (each instanceof Map ? [...each.values()] : [each])) : [];
}

/** Sockudo batches unless it is told not to. */
function batchingOf(batching: PeerSettings) {
  return {
    enabled: batching.boolean('enabled') ?? true,
    duration: batching.number('duration') ?? 50,
    size: batching.number('size') ?? 100,
  };
}

/** Other drivers are told to have no equal. */
function queueOf(root: PeerSettings): Draft['queue'] {
  const queue = root.mapping('queue');
  switch (queue.peek('driver')) {
    case 'memory':
      queue.text('driver');
      return { driver: 'memory' };
    case 'redis': {
      queue.text('driver');
      const redis = queue.mapping('redis');
      const server = root.mapping('database').mapping('redis');
      const nodes = redis.boolean('cluster_mode') === true ? nodesOf(server) : undefined;
      const place = nodes === undefined ? { url: redis.text('url_override') ?? redisUrlOf(server) } : { nodes };
      return { driver: 'redis', redis: { ...place, ...limitsOfQueue(redis) } };
    }
    case 'redis-cluster': {
      queue.text('driver');
      const cluster = queue.mapping('redis_cluster');
      const server = root.mapping('database').mapping('redis');
      const nodes = redisNodesOf(cluster, [server.mapping('cluster'), server]) ?? ['redis://127.0.0.1:6379'];
      return { driver: 'redis', redis: { nodes, ...limitsOfQueue(cluster) } };
    }
    case 'sqs':
      queue.text('driver');
      return { driver: 'sqs', sqs: sqsOf(queue.mapping('sqs')) };
    default:
      return undefined;
  }
}

/** Sockudo appends the name of its queue to the prefix; without one it gets the URL from SQS, which is then missing here. */
function sqsOf(sqs: PeerSettings) {
  const prefix = sqs.text('queue_url_prefix');
  const fifo = sqs.boolean('fifo');
  if (prefix !== undefined)
    sqs.remark('written as `queue_url`; Sockudo has to empty the queue first', 'queue_url_prefix');
  return {
    queue_url: prefix && `${prefix}webhooks${fifo === true ? '.fifo' : ''}`,
    region: sqs.text('region'),
    endpoint_url: sqs.text('endpoint_url'),
    visibility_timeout: sqs.number('visibility_timeout'),
    max_messages: sqs.number('max_messages'),
    wait_time_seconds: sqs.number('wait_time_seconds'),
    concurrency: sqs.number('concurrency'),
    fifo,
  };
}

/** Where newer files have them, or older ones. */
function nodesOf(server: PeerSettings): readonly string[] | undefined {
  const cluster = server.mapping('cluster');
  return redisNodesOf(cluster, [cluster, server]) ?? redisNodesOf(server, [cluster, server]);
}

function limitsOfQueue(queue: PeerSettings) {
  return { prefix: queue.text('prefix'), concurrency: queue.number('concurrency') };
}

function unmatchedOf(root: PeerSettings, apps: readonly PeerSettings[]): readonly Unmatched[] {
  root.mapping('app_manager').text('driver'); // the apps are there
  const unmatched = root.left().map(path => ({ path, advice: elsewhere[path.join('.')] ?? queueAdvice(path) }));
  const all = unmatched.map(each => ofApp(each.path) ?? besidePolicy(each.path, apps) ?? each);
  return [...new Map(all.map(each => [formatPath(each.path), each])).values()];
}

/** A setting that Sockudo reads in an app without `policy` only. */
function besidePolicy(path: Path, apps: readonly PeerSettings[]): Unmatched | undefined {
  const app = apps.find(each => each.path.every((name, at) => name === path[at]));
  const name = String(path[sockudoApps.length + 1]);
  if (!(app?.peek('policy') instanceof Map) || !/^(?:max_|enable_|allowed_origins$|webhooks$)/.test(name))
    return undefined;
  return {
    path: app.pathOf(name),
    advice: 'Sockudo does not read it beside `policy`; if it has to count, move it there',
  };
}

function queueAdvice([section]: Path): string | undefined {
  return section === 'queue' ? 'set `queue:`' : undefined;
}

/** A setting of an app that is known to have no equal, as a whole. */
function ofApp(path: Path): Unmatched | undefined {
  const at = path.findIndex((name, index) => index > sockudoApps.length && Object.hasOwn(foreignSettings, name));
  const isInApp = sockudoApps.every((name, index) => path[index] === name);
  return isInApp && at >= 0 ? { path: path.slice(0, at + 1), advice: foreignSettings[path[at] as string] } : undefined;
}

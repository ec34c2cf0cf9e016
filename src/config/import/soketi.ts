import type { Path } from '../problems.js';
import type { Draft, DraftApp } from './draft.js';
import { endpointsOf } from './endpoints.js';
import { peerLimits } from './peer-limits.js';
import type { PeerSettings } from './peer-settings.js';
import { redisNodesOf, redisUrlOf, sentinelAdvice } from './redis-url.js';

/** Where soketi has its apps. */
export const soketiApps: Path = ['appManager', 'array', 'apps'];

/** Settings of the process that are elsewhere here. */
const elsewhere: Readonly<Record<string, string>> = {
  'database.redis.sentinels': sentinelAdvice,
  host: 'set --host or HUBWIRE_HOST',
  port: 'set --port or HUBWIRE_PORT',
  pathPrefix: 'set it as the path of HUBWIRE_ENDPOINT',
  debug: 'set --log-level or HUBWIRE_LOG_LEVEL',
  'metrics.host': 'set --admin-host or HUBWIRE_ADMIN_HOST',
  'metrics.port': 'set --admin-port or HUBWIRE_ADMIN_PORT',
  'ssl.certPath': 'set --tls-cert or HUBWIRE_TLS_CERT',
  'ssl.keyPath': 'set --tls-key or HUBWIRE_TLS_KEY',
};

/**
 * Reads a configuration of soketi. Limits and defaults of the whole server are written to each app, so that what was
 * accepted before is accepted now. (soketi 1, options.)
 */
export function draftOfSoketi(root: PeerSettings, apps: readonly PeerSettings[]): Draft {
  root.mapping('appManager').text('driver'); // the apps are there
  const general = generalOf(root);
  const drafts = apps.map(app => appOf(app, general));
  const hasWebhooks = drafts.some(({ webhooks }) => webhooks !== undefined);
  const batching = root.mapping('webhooks').mapping('batching');
  const isBatched = batching.boolean('enabled') === true;
  return {
    apps: drafts,
    webhooks:
      hasWebhooks && isBatched
        ? { batching: { enabled: true, duration: batching.number('duration') ?? 50 } }
        : undefined,
    queue: hasWebhooks ? queueOf(root) : undefined,
    unmatched: root.left().map(path => ({ path, advice: adviceOf(path) })),
  };
}

function generalOf(root: PeerSettings) {
  return {
    ...peerLimits(root, camelCase),
    signInSeconds: Math.max(Math.ceil((root.number('userAuthenticationTimeout') ?? 30_000) / 1_000), 1),
  };
}

function appOf(app: PeerSettings, general: ReturnType<typeof generalOf>): DraftApp {
  const number = (name: string, short?: string) =>
    app.number(...spellings(name), ...(short === undefined ? [] : [short]));
  const boolean = (name: string) => app.boolean(...spellings(name));
  const usesSignIn = boolean('enableUserAuthentication');
  return {
    id: app.text('id', 'AppId') ?? 'app-id',
    key: app.text('key', 'AppKey') ?? 'app-key',
    secret: app.text('secret', 'AppSecret') ?? 'app-secret',
    enabled: boolean('enabled'),
    enable_client_messages: boolean('enableClientMessages'),
    enable_user_authentication: usesSignIn,
    user_authentication_timeout: usesSignIn === true ? general.signInSeconds : undefined,
    max_connections: number('maxConnections'),
    max_channels_per_connection: -1,
    max_client_events_per_second: number('maxClientEventsPerSecond', 'max_client_events_per_sec') ?? -1,
    max_backend_events_per_second: number('maxBackendEventsPerSecond', 'max_backend_events_per_sec'),
    max_read_requests_per_second: number('maxReadRequestsPerSecond', 'max_read_req_per_sec'),
    max_presence_members_per_channel: number('maxPresenceMembersPerChannel') ?? general.members,
    max_presence_member_size_in_kb: number('maxPresenceMemberSizeInKb') ?? general.memberKb,
    max_channel_name_length: number('maxChannelNameLength') ?? general.channelNameLength,
    max_event_channels_at_once: number('maxEventChannelsAtOnce') ?? general.eventChannels,
    max_event_name_length: number('maxEventNameLength') ?? general.eventNameLength,
    max_event_payload_in_kb: number('maxEventPayloadInKb') ?? general.payloadKb,
    max_event_batch_size: number('maxEventBatchSize') ?? general.batchSize,
    webhooks: endpointsOf(app, ['webhooks', 'Webhooks'], {}),
  };
}

/** soketi reads `maxConnections`, `MaxConnections` and `max_connections`. */
function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function spellings(name: string): readonly string[] {
  const snake = name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);
  return [name, name.charAt(0).toUpperCase() + name.slice(1), snake];
}

function queueOf(root: PeerSettings): Draft['queue'] {
  const queue = root.mapping('queue');
  switch (queue.peek('driver')) {
    case 'redis': {
      queue.text('driver');
      const redis = queue.mapping('redis');
      const server = root.mapping('database').mapping('redis');
      const owners = [redis.mapping('redisOptions'), server];
      const nodes = redis.boolean('clusterMode') === true ? redisNodesOf(server, owners) : undefined;
      const place = nodes === undefined ? { url: redisUrlOf(...owners) } : { nodes };
      return { driver: 'redis', redis: { ...place, concurrency: redis.number('concurrency') } };
    }
    case 'sqs': {
      queue.text('driver');
      const sqs = queue.mapping('sqs');
      const queue_url = sqs.text('queueUrl');
      return { driver: 'sqs', sqs: { queue_url, region: sqs.text('region'), endpoint_url: sqs.text('endpoint') } };
    }
    default: // `sync` sends at once, and the default driver here is as good
      if (queue.peek('driver') === 'sync') queue.text('driver');
      return undefined;
  }
}

function adviceOf(path: Path): string | undefined {
  return path[0] === 'queue' ? 'set `queue:`' : elsewhere[path.join('.')];
}

import type { PeerSettings } from './peer-settings.js';

/** The URL of a redis server whose parts are settings of their own, with the peers' defaults. */
export function redisUrlOf(redis: PeerSettings): string {
  const database = redis.number('db') ?? 0;
  const address = addressOf(redis, 6379);
  return `redis://${credentialsOf(redis)}${address}/${database}`;
}

/**
 * URLs of nodes of a cluster, from a list of hosts and ports, or of texts; undefined when there is none.
 * @param owners the first one with a password has that of all nodes
 */
export function redisNodesOf(lists: PeerSettings, owners: readonly PeerSettings[]): readonly string[] | undefined {
  const hosts = lists.mappings(['nodes', 'cluster_nodes', 'clusterNodes']);
  const addresses = hosts === undefined ? lists.texts('nodes') : hosts.map(node => addressOf(node, 7000));
  if (addresses === undefined || addresses.length === 0) return undefined;
  const scheme = owners.some(owner => owner.boolean('use_tls', 'useTLS') === true) ? 'rediss' : 'redis';
  const credentials = owners.map(credentialsOf).find(each => each !== '') ?? '';
  return addresses.map(address => (hasScheme(address) ? address : `${scheme}://${credentials}${address}`));
}

function addressOf(settings: PeerSettings, defaultPort: number): string {
  const host = settings.text('host') ?? '127.0.0.1';
  if (hasScheme(host)) return host;
  return `${host.includes(':') ? `[${host}]` : host}:${settings.number('port') ?? defaultPort}`;
}

function hasScheme(address: string): boolean {
  return /^rediss?:\/\//.test(address);
}

/** With the `@` behind them; empty without a password. */
function credentialsOf(settings: PeerSettings): string {
  const user = settings.text('username');
  const password = settings.text('password');
  return password === undefined ? '' : `${encode(user ?? '')}:${encode(password)}@`;
}

/** A lone surrogate has no encoding. */
function encode(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString());
}

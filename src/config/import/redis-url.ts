import type { PeerSettings } from './peer-settings.js';

/** About `database.redis.sentinels`, which both peers have. */
export const sentinelAdvice = 'Sentinel is not supported: `queue.redis.url` has to name the master';

/** How the peer reaches its redis. */
interface Access {
  readonly isTls: boolean;
  /** With the `@` behind them; empty without a password. */
  readonly credentials: string;
}

/**
 * The URL of a redis server whose parts are settings of their own, with the peers' defaults.
 * @param owners mappings that have them; the first one with a setting counts
 */
export function redisUrlOf(...owners: readonly PeerSettings[]): string {
  const host = firstOf(owners, owner => owner.text('host')) ?? '127.0.0.1';
  const port = firstOf(owners, owner => owner.number('port')) ?? 6379;
  const database = firstOf(owners, owner => owner.number('db')) ?? 0;
  return `${urlOf(bracketed(host), port, accessOf(owners))}/${database}`;
}

/**
 * URLs of nodes of a cluster, from a list of hosts and ports, or of texts; undefined when there is none.
 * @param owners the first one with a password has that of all nodes
 */
export function redisNodesOf(lists: PeerSettings, owners: readonly PeerSettings[]): readonly string[] | undefined {
  const hosts = lists.mappings(['nodes', 'cluster_nodes', 'clusterNodes']);
  const access = accessOf(owners);
  const urls =
    hosts?.map(node => urlOf(bracketed(node.text('host') ?? '127.0.0.1'), node.number('port') ?? 7000, access)) ??
    lists.texts('nodes')?.map(text => urlOf(text, 6379, access));
  return urls === undefined || urls.length === 0 ? undefined : urls;
}

/** @param place a host, with or without scheme, credentials and port, which have precedence over what all servers have */
function urlOf(place: string, port: number, { isTls, credentials }: Access): string {
  const [, scheme, rest = ''] = /^(?:(rediss?):\/\/)?(.*?)\/*$/s.exec(place) ?? [];
  const own = rest.includes('@') ? '' : credentials;
  const ownPort = /:\d+$/.test(rest) ? '' : `:${port}`;
  return `${isTls || scheme === 'rediss' ? 'rediss' : 'redis'}://${own}${rest}${ownPort}`;
}

/** An IPv6 address is in brackets in a URL. */
function bracketed(host: string): string {
  return /^[\da-f:.]*:[\da-f:.]*:[\da-f:.]*$/i.test(host) ? `[${host}]` : host;
}

function accessOf(owners: readonly PeerSettings[]): Access {
  return {
    isTls: owners.map(usesTls).includes(true),
    credentials: firstOf(owners, credentialsOf) ?? '',
  };
}

/** Options of soketi's library have a mapping `tls`, which is empty where the defaults do. */
function usesTls(owner: PeerSettings): boolean {
  const isEnabled = owner.mapping('master_tls').boolean('enabled');
  return owner.boolean('use_tls', 'useTLS', 'tls') === true || isEnabled === true || owner.peek('tls') instanceof Map;
}

/** Undefined without a password. */
function credentialsOf(settings: PeerSettings): string | undefined {
  const user = settings.text('username');
  const password = settings.text('password');
  return password === undefined ? undefined : `${encode(user ?? '')}:${encode(password)}@`;
}

function firstOf<T>(owners: readonly PeerSettings[], read: (owner: PeerSettings) => T | undefined): T | undefined {
  return owners.map(read).find(value => value !== undefined);
}

/** A lone surrogate has no encoding. */
function encode(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString());
}

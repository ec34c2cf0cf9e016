import { createClient, createCluster } from '@redis/client';
import { type Clock, within } from '../../clock.js';
import { parseRedisUrl, urlForPeople } from '../../urls.js';
import { StoreAway, StoreOpenError } from '../outbox-error.js';

/** One server, by its `url`, or a cluster, by some of its `nodes`. */
export type RedisPlace =
  | { readonly url: string; readonly nodes?: undefined }
  | { readonly nodes: readonly string[]; readonly url?: undefined };

interface ScriptOptions {
  readonly keys: string[];
  readonly arguments: string[];
}

/** The commands that the outbox uses. */
export interface RedisCommands {
  evalSha(digest: string, options: ScriptOptions): Promise<unknown>;
  eval(script: string, options: ScriptOptions): Promise<unknown>;
  lPush(list: string, values: string[]): Promise<unknown>;
  lRange(list: string, from: number, to: number): Promise<string[]>;
  hGet(hash: string, field: string): Promise<string | null>;
  hSet(hash: string, field: string, value: string): Promise<unknown>;
  hDel(hash: string, field: string): Promise<unknown>;
  destroy(): void;
}

const connectTimeoutMs = 5_000;
/** A connection on which nothing comes back is given up. */
const pingMs = 5_000;
const silentMs = 15_000;
const longestReconnectMs = 2_000;

const clientOptions = {
  disableOfflineQueue: true,
  pingInterval: pingMs,
  socket: {
    connectTimeout: connectTimeoutMs,
    socketTimeout: silentMs,
    reconnectStrategy: (retries: number) => Math.min(50 * 2 ** retries, longestReconnectMs),
  },
} as const;

/**
 * Connects. While there is no connection, every command fails, at once or within five seconds.
 * @param key one of those that will be used @throws StoreOpenError
 */
export async function connectRedis(
  place: RedisPlace,
  key: string,
  onFault: (error: unknown) => void,
  clock: Clock,
): Promise<RedisCommands> {
  return place.nodes === undefined
    ? await connectServer(place.url, onFault)
    : await connectCluster(place.nodes, key, onFault, clock);
}

async function connectServer(url: string, onFault: (error: unknown) => void): Promise<RedisCommands> {
  const client = createClient({ url, ...clientOptions });
  let isOpen = false;
  await new Promise<void>((resolve, reject) => {
    const fail = (error: unknown) => {
      client.destroy();
      reject(unusable(`server of the outbox, ${urlForPeople(url)},`, error));
    };
    client.on('error', (error: unknown) => (isOpen ? onFault(StoreAway.from(error)) : fail(error)));
    client.connect().then(() => {
      isOpen = true;
      resolve();
    }, fail);
  });
  // A user without the right to read this is told by the first script that spans slots.
  const info = await client.info('cluster').catch(() => '');
  if (!info.includes('cluster_enabled:1')) return client;
  client.destroy();
  throw new StoreOpenError(
    'unusable',
    `The redis server of the outbox, ${urlForPeople(url)}, is a node of a cluster. Write queue.redis.nodes, a list of some of its nodes, in place of queue.redis.url.`,
  );
}

/** The nodes that these name are used with the user, the password and the TLS of the first one. */
async function connectCluster(
  nodes: readonly string[],
  key: string,
  onFault: (error: unknown) => void,
  clock: Clock,
): Promise<RedisCommands> {
  const { socket, ...options } = clientOptions;
  const { user, password, isTls } = parseRedisUrl(nodes[0] ?? '');
  const cluster = createCluster({
    rootNodes: nodes.map(url => ({ url })),
    minimizeConnections: true, // all keys are in one slot: one node is used
    defaults: {
      ...options,
      ...(user !== undefined && { username: user }),
      ...(password !== undefined && { password }),
      socket: isTls ? { ...socket, tls: true } : socket,
    },
  });
  let isOpen = false;
  let last: unknown;
  const told = (error: unknown) => {
    if (isOpen) onFault(StoreAway.from(error));
    else last = error;
  };
  cluster.on('error', told);
  cluster.on('node-error', told);
  try {
    await answered(cluster.connect(), clock, 2 * connectTimeoutMs);
    await answered(cluster.lRange(key, 0, 0), clock);
  } catch (error) {
    cluster.destroy();
    const names = nodes.map(urlForPeople).join(', ');
    throw unusable(`cluster of the outbox, with the nodes ${names},`, last ?? error);
  }
  isOpen = true;
  return bounded(cluster, clock);
}

/** A command waits for a connection to a node that took over; it must not wait for one that does not answer. */
function bounded(cluster: RedisCommands, clock: Clock): RedisCommands {
  const soon = <T>(command: Promise<T>) => answered(command, clock);
  return {
    evalSha: (digest, options) => soon(cluster.evalSha(digest, options)),
    eval: (script, options) => soon(cluster.eval(script, options)),
    lPush: (list, values) => soon(cluster.lPush(list, values)),
    lRange: (list, from, to) => soon(cluster.lRange(list, from, to)),
    hGet: (hash, field) => soon(cluster.hGet(hash, field)),
    hSet: (hash, field, value) => soon(cluster.hSet(hash, field, value)),
    hDel: (hash, field) => soon(cluster.hDel(hash, field)),
    destroy: () => cluster.destroy(),
  };
}

function answered<T>(command: Promise<T>, clock: Clock, limitMs = connectTimeoutMs): Promise<T> {
  return within(limitMs, command, () => new Error(`no answer within ${limitMs / 1_000} s`), clock);
}

function unusable(what: string, error: unknown): StoreOpenError {
  const text = error instanceof Error ? error.message || (error as NodeJS.ErrnoException).code : String(error);
  return new StoreOpenError(
    'unreachable',
    `The redis ${what} cannot be used (${text}). Start it, or correct its URL or password.`,
    { cause: error },
  );
}

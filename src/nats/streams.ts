import {
  JetStreamApiError,
  type JetStreamManager,
  jetstream,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import { type Clock, wait } from '../clock.js';
import type { NatsParts } from './events.js';
import {
  failureText,
  isStreamMissing,
  managerOn,
  NatsSetupError,
  repeatWhile,
  requestMs,
  whileUnanswered,
} from './jetstream.js';

/** `auto`: 3 where three servers have JetStream, else 1. [CL-006] */
export type Replicas = 'auto' | 1 | 3 | 5;

/** Of `auto`, where so many servers have JetStream. */
export const autoReplicas = 3;

/** How what is created is kept. */
export interface Storing {
  readonly replicas: Replicas;
  readonly parts: NatsParts;
  /** Told of each stream that is found or created. */
  readonly onMet?: (stream: StreamInfo) => void;
}

/** Always in files: what is kept in memory is gone when all servers stop. [cluster 1.3] */
export type StreamSettings = Omit<Partial<StreamConfig>, 'num_replicas' | 'storage'> & {
  readonly name: string;
  readonly subjects: string[];
};

export interface BucketSettings {
  /** Values kept for each key. */
  readonly history: number;
}

/** Longest wait for servers of a cluster that are starting to be known to each other. */
const peersMs = 5_000;
/** For so long a wait for them that was in vain counts for what else is created: a node creates several streams. */
const inVainMs = 60_000;
/** Younger streams of a cluster are looked at until the time of their creation stands. */
const youngMs = 5_000;
/** Between two looks. */
const standMs = 100;
const noCluster = 10_074; // "replicas > 1 not supported in non-clustered mode"
export const noPeers = 10_005; // "no suitable peers for placement"
/** What a node is told that creates a stream when another one does. */
const taken: readonly (number | undefined)[] = [
  10_058, // "stream name already in use with a different configuration": with another number of replicas
  10_065, // "subjects overlap with an existing stream", which is the same one, when both create it at the same moment
];

/**
 * Creates the stream if it is missing. One that exists is used as it is; where its settings are others than those given, a
 * warning says so. [CL-006]
 * @throws NatsSetupError when it can be neither found nor created
 */
export async function ensureStream(
  connection: NatsConnection,
  settings: StreamSettings,
  storing: Storing,
): Promise<StreamInfo> {
  const manager = await managerOn(connection);
  const config = { ...settings, storage: 'file' } as const;
  const create = (replicas: number) => manager.streams.add({ ...config, num_replicas: replicas });
  return ensure(config.name, connection, storing, () => foundOrAdded(manager, config, storing, create));
}

/** As `ensureStream`. Values are read where they are written, never from a server that lags behind. */
export async function ensureBucket(
  connection: NatsConnection,
  name: string,
  { history }: BucketSettings,
  storing: Storing,
): Promise<KV> {
  const manager = await managerOn(connection);
  const buckets = new Kvm(jetstream(connection, { timeout: requestMs }));
  const config = { name: `KV_${name}`, storage: 'file', max_msgs_per_subject: history, max_age: 0 } as const;
  const create = (replicas: number) =>
    buckets.create(name, { history, storage: 'file', replicas, allow_direct: false });
  await ensure(config.name, connection, storing, () => foundOrAdded(manager, config, storing, create));
  return openBucket(connection, name);
}

/** A bucket that is known to be there, on a connection that may be new. No request is made. */
export function openBucket(connection: NatsConnection, name: string): Promise<KV> {
  return new Kvm(connection).open(name, { allow_direct: false });
}

type KnownConfig = Partial<StreamConfig> & { readonly name: string };

async function ensure<T>(
  name: string,
  connection: NatsConnection,
  { parts }: Storing,
  attempt: () => Promise<T>,
): Promise<T> {
  try {
    return await whileUnanswered(connection, parts.clock, attempt);
  } catch (error) {
    throw new NatsSetupError(`Stream ${name} can be neither found nor created in NATS: ${failureText(error)}.`);
  }
}

async function foundOrAdded(
  manager: JetStreamManager,
  config: KnownConfig,
  storing: Storing,
  create: (replicas: number) => Promise<unknown>,
): Promise<StreamInfo> {
  const found = (await findStream(manager, config.name)) ?? (await added(manager, config, storing, create));
  return checked(await standing(found, manager, storing.parts.clock), config, storing);
}

/**
 * A node knows by the time of its creation which stream it is. For some milliseconds, while a cluster creates a stream that
 * several nodes create at once, another time may be told: the one that is told twice counts.
 */
async function standing(found: StreamInfo, manager: JetStreamManager, clock: Clock): Promise<StreamInfo> {
  let info = found;
  while (info.cluster?.name !== undefined && isYoung(info)) {
    await wait(standMs, clock);
    const again = await manager.streams.info(info.config.name);
    if (again.created === info.created) return again;
    info = again;
  }
  return info;
}

function isYoung({ created, ts }: StreamInfo): boolean {
  return ts === undefined || Date.parse(ts) - Date.parse(created) < youngMs;
}

/** Undefined: there is none. @throws as a rejection: when JetStream does not answer */
export function findStream(manager: JetStreamManager, name: string): Promise<StreamInfo | undefined> {
  return manager.streams.info(name).catch(error => {
    if (isStreamMissing(error)) return undefined;
    throw error;
  });
}

async function added(
  manager: JetStreamManager,
  config: KnownConfig,
  storing: Storing,
  create: (replicas: number) => Promise<unknown>,
): Promise<StreamInfo> {
  try {
    await (storing.replicas === 'auto' ? createAuto(create, storing) : create(storing.replicas));
    // Of nodes that create it at the same moment, more than one may be told that it did.
    return await manager.streams.info(config.name);
  } catch (error) {
    const found = taken.includes(codeOf(error)) ? await findStream(manager, config.name) : undefined;
    if (found === undefined) throw error;
    return found;
  }
}

async function createAuto(create: (replicas: number) => Promise<unknown>, { parts }: Storing): Promise<unknown> {
  const { clock } = parts;
  const { missedServersMs = Number.NEGATIVE_INFINITY } = parts;
  const hasWaited = clock.monotonicMs() - missedServersMs < inVainMs;
  try {
    return await repeatWhile(
      error => codeOf(error) === noPeers,
      clock,
      hasWaited ? 0 : peersMs,
      () => create(autoReplicas),
    );
  } catch (error) {
    if (codeOf(error) !== noCluster && codeOf(error) !== noPeers) throw error;
    if (codeOf(error) === noPeers && !hasWaited) parts.missedServersMs = clock.monotonicMs();
    parts.tell({ kind: 'warned', text: singleCopy });
    return create(1);
  }
}

/** For people. */
export const singleCopy =
  'What nodes share is kept by one NATS server, since fewer than three have JetStream: it cannot be reached while that server is down, and is lost with its disk. Start three; or set cluster.replicas: 1, if one is enough.';

function checked(found: StreamInfo, wanted: KnownConfig, { replicas, parts, onMet }: Storing): StreamInfo {
  const all: Partial<StreamConfig> = replicas === 'auto' ? wanted : { ...wanted, num_replicas: replicas };
  const differences = Object.entries(all)
    .map(([key, value]) => ({ key, value, is: found.config[key as keyof StreamConfig] }))
    .filter(({ value, is }) => JSON.stringify(value) !== JSON.stringify(is))
    .map(({ key, value, is }) => `${key} is ${JSON.stringify(is)} instead of ${JSON.stringify(value)}`);
  if (differences.length > 0) {
    const text = `Stream ${wanted.name} of NATS exists with other settings and is used as it is: ${differences.join(', ')}.`;
    parts.tell({ kind: 'warned', text });
  }
  onMet?.(found);
  return found;
}

export function codeOf(error: unknown): number | undefined {
  return error instanceof JetStreamApiError ? error.code : undefined;
}

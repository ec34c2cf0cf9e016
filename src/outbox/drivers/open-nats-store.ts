import { DiscardPolicy } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { type Clock, within } from '../../clock.js';
import type { NatsParts } from '../../nats/events.js';
import { NatsSetupError, requireJetStream } from '../../nats/jetstream.js';
import { Link } from '../../nats/link.js';
import { inboxPrefix, storeName, subjectRoot } from '../../nats/names.js';
import { hostAndPort, type NatsOptions } from '../../nats/options.js';
import { ensureStream, type Replicas } from '../../nats/streams.js';
import { StoreOpenError } from '../outbox-error.js';
import type { OutboxStore } from '../store.js';
import { NatsCompactor } from './nats-compactor.js';
import { NatsQueue } from './nats-queue.js';
import { NatsStore } from './nats-store.js';

const defaultConnectMs = 10_000;
const joinMs = 60_000;
const defaultClaimMs = 30_000;
/** An election of the stream's leader takes up to 9 s, in which nothing is stored. [cluster 1.3] */
const defaultLimitMs = 12_000;

/** Where the queue of a cluster is, in NATS. */
export interface NatsQueueOptions {
  readonly nats: NatsOptions;
  /** Those of all connections of this node. */
  readonly parts: NatsParts;
  /** Of the stream, if it is created; `auto` by default. */
  readonly replicas?: Replicas | undefined;
  /** Envelopes in delivery on this node at a time; the outbox' own limit by default. */
  readonly concurrency?: number | undefined;
  /** Envelopes of a node that is silent for so long are delivered by others; 30 s by default. */
  readonly claimMs?: number | undefined;
  /** So long, what is to be kept waits for NATS before it is refused; 12 s by default. */
  readonly limitMs?: number | undefined;
  /** So long, the start waits for the first connection; 10 s by default. */
  readonly connectMs?: number | undefined;
}

/**
 * The outbox in a stream of NATS JetStream, for one or several nodes.
 * @throws StoreOpenError
 */
export async function openNatsStore(
  options: NatsQueueOptions,
  clock: Clock,
  onFault: (error: unknown) => void = () => {},
): Promise<OutboxStore> {
  const { nats, parts, replicas = 'auto', concurrency, claimMs = defaultClaimMs, limitMs = defaultLimitMs } = options;
  const link = new Link(nats, 'outbox', parts);
  const { clusterName } = nats;
  const stream = storeName(clusterName, 'outbox');
  const subject = `${subjectRoot(clusterName)}.out`;
  const settings = { name: stream, subjects: [`${subject}.>`], discard: DiscardPolicy.New };
  const ensure = (connection: NatsConnection) => ensureStream(connection, settings, { replicas, parts });
  const of = { stream, ensure, subject, inboxPrefix: inboxPrefix(clusterName) };
  const queue = new NatsQueue({ ...of, clock, claimMs, onFault });
  try {
    const connection = await within(
      options.connectMs ?? defaultConnectMs,
      link.start(),
      () => unreachable(nats),
      clock,
    );
    await requireJetStream(connection, parts.clock);
    await ensure(connection);
    follow(link, queue, onFault);
    await within(joinMs, queue.join(), () => unread(stream), clock);
  } catch (error) {
    queue.close();
    await link.close();
    throw openErrorOf(error);
  }
  const nowMs = () => clock.now();
  const onClosed = () => link.close();
  const store = new NatsStore({
    queue,
    concurrency,
    limitMs,
    nowMs,
    monotonicMs: () => clock.monotonicMs(),
    onFault,
    onClosed,
  });
  new NatsCompactor(queue, store.bodies, store.room, onFault);
  await store.room.look();
  return store;
}

function follow(link: Link, queue: NatsQueue, onFault: (error: unknown) => void): void {
  const connected = (connection: NatsConnection) => {
    queue.connected(connection).catch((error: unknown) => connection.isClosed() || onFault(error));
  };
  link.listen({ connected, lost: () => queue.lost() });
  if (link.connection !== undefined) connected(link.connection);
}

function unreachable({ servers }: NatsOptions): StoreOpenError {
  const names = servers.map(hostAndPort).join(', ');
  const text = `NATS cannot be reached at ${names}, where the queue of the outbox is. Start it, or correct --nats.`;
  return new StoreOpenError('unreachable', text);
}

function unread(stream: string): StoreOpenError {
  const text = `Stream ${stream} of NATS, the queue of the outbox, was not read within ${joinMs / 1_000} s. Check the servers and the permissions of this user.`;
  return new StoreOpenError('unreachable', text);
}

function openErrorOf(error: unknown): StoreOpenError {
  if (error instanceof StoreOpenError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const fault = error instanceof NatsSetupError ? 'unusable' : 'unreachable';
  return new StoreOpenError(fault, text, { cause: error });
}

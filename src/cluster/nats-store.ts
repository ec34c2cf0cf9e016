import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  type StoredMsg,
} from '@nats-io/jetstream';
import type { KV } from '@nats-io/kv';
import type { Clock } from '../clock.js';
import { isClustered, isConflict } from '../nats/jetstream.js';
import type { Link } from '../nats/link.js';
import { storeName, subjectRoot } from '../nats/names.js';
import { deleteEach, repeatsPurges } from '../nats/removal.js';
import { ensureBucket, ensureStream, openBucket, type Storing } from '../nats/streams.js';
import type { ClusterStore, LeaseValue, StoredLease, StoredRecord, Write } from './store.js';

export interface NatsClusterStoreOptions {
  /** The connection of the store; started by whoever made it. */
  readonly link: Link;
  readonly clusterName: string;
  readonly leaseMs: number;
  readonly storing: Storing;
  readonly clock: Clock;
}

type NatsConnection = NonNullable<Link['connection']>;

/** What belongs to one connection. */
interface Opened {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  readonly stream: JetStreamClient;
  readonly bucket: KV;
}

/** Of one record, below what a message may have. */
const mostRecordBytes = 512 * 1_024;
const headBytes = 2_048;

/** Of one request: a tenth of a lease, within these. */
const requestMs = { least: 300, most: 2_000 };

/** What is left of a node that has ended is removed after a day: until then a late write of its would be refused by it. */
const keptMs = 86_400_000;

/** How long a consumer that reads a ledger stays when its node is gone, and how long one fetch waits. */
const readerMs = 30_000;
const fetchMs = 1_000;
const recordsPerFetch = 500;

/** Leases in a bucket, ledgers in a stream of NATS, written on condition of the last revision or sequence. [cluster 6.1] */
export class NatsClusterStore implements ClusterStore {
  readonly #options: NatsClusterStoreOptions;
  readonly #names: { readonly bucket: string; readonly stream: string; readonly subjects: string };
  readonly #timeout: number;
  #opened: Opened | undefined;
  #replicas = 1;
  /** Tags whose leases are deleted: none is ever used again. */
  readonly #deleted = new Set<string>();
  /** Values that are no leases, and were told. */
  readonly #foreign = new Set<string>();

  constructor(options: NatsClusterStoreOptions) {
    const { clusterName, leaseMs } = options;
    this.#options = options;
    this.#names = {
      bucket: storeName(clusterName, 'nodes'),
      stream: storeName(clusterName, 'ledger'),
      subjects: `${subjectRoot(clusterName)}.led`,
    };
    this.#timeout = Math.min(requestMs.most, Math.max(requestMs.least, leaseMs / 10));
  }

  /** As `ensure`, once there is a connection. */
  async open(): Promise<number> {
    return await this.ensure(await this.#options.link.start());
  }

  /**
   * Creates the bucket and the stream where they are missing. [CL-006]
   * @returns the replicas that they have @throws as a rejection: NatsSetupError
   */
  async ensure(connection: NatsConnection): Promise<number> {
    const { storing } = this.#options;
    await ensureBucket(connection, this.#names.bucket, { history: 1 }, storing);
    const { stream: name, subjects } = this.#names;
    const { config } = await ensureStream(connection, { name, subjects: [`${subjects}.*`] }, storing);
    this.#replicas = config.num_replicas;
    return this.#replicas;
  }

  /** In a cluster at any time: another node may have raised the replicas a moment before. */
  get isShared(): boolean {
    const { connection } = this.#options.link;
    return this.#replicas > 1 || (connection !== undefined && isClustered(connection));
  }

  get maxRecordBytes(): number {
    const most = this.#options.link.connection?.info?.max_payload ?? mostRecordBytes;
    return Math.min(mostRecordBytes, most - headBytes);
  }

  // ------------------------------------------------------------------------------------------------------------ leases

  async writeLease(tag: string, value: LeaseValue, revision: number | undefined): Promise<Write> {
    const write = (after: number) => this.#publish(this.#key(tag), JSON.stringify(value), after);
    if (revision !== undefined) return write(revision);
    const first = await write(0);
    const marker = first.kind === 'conflict' ? await this.#lastOfKey(tag) : undefined;
    return marker !== undefined && isDeletion(marker) ? write(marker.seq) : first;
  }

  async readLease(tag: string): Promise<StoredLease | undefined> {
    const found = await this.#lastOfKey(tag);
    if (found === undefined) return undefined;
    if (isDeletion(found)) {
      this.#forget(tag, found.seq, found.time.getTime());
      return undefined;
    }
    const value = leaseOf(found.data);
    if (value === undefined) this.#passOver(found);
    return value && { tag, revision: found.seq, value };
  }

  /** What somebody else has put there: told once. */
  #passOver({ subject, seq }: StoredMsg): void {
    const what = `${subject} ${seq}`;
    if (this.#foreign.has(what)) return;
    this.#foreign.add(what);
    this.#options.storing.parts.tell({ kind: 'dropped', subject, reason: 'it is no lease of a node', count: 1 });
  }

  async leases(): Promise<readonly StoredLease[]> {
    const { manager } = await this.#open();
    const prefix = `$KV.${this.#names.bucket}.`;
    const { state } = await manager.streams.info(`KV_${this.#names.bucket}`, { subjects_filter: `${prefix}>` });
    const tags = Object.keys(state.subjects ?? {}).map(subject => subject.slice(prefix.length));
    const found = await Promise.all(tags.filter(tag => !this.#deleted.has(tag)).map(tag => this.readLease(tag)));
    return found.filter(lease => lease !== undefined);
  }

  async deleteLease(tag: string, revision: number): Promise<Write> {
    const { bucket } = await this.#open();
    return conditional(bucket.delete(tag, { previousSeq: revision }).then(() => revision));
  }

  /** A deleted lease is not read again; what marks it as deleted goes after a day, with the last record of the ledger. */
  #forget(tag: string, revision: number, deletedAtMs: number): void {
    if (this.#options.clock.now() - deletedAtMs < keptMs) {
      this.#deleted.add(tag);
      return;
    }
    void Promise.allSettled([this.#removeKey(revision), this.purge(tag)]); // whoever reads next tries again
  }

  /** The bucket keeps one value of each key. */
  async #removeKey(revision: number): Promise<void> {
    const { manager } = await this.#open();
    await deleteEach(manager, `KV_${this.#names.bucket}`, [revision]);
  }

  // ----------------------------------------------------------------------------------------------------------- ledgers

  async append(tag: string, record: Uint8Array, after: number): Promise<Write> {
    return this.#publish(this.#subject(tag), record, after);
  }

  async nextRecord(tag: string, seq: number): Promise<StoredRecord | undefined> {
    const { manager } = await this.#open();
    const query = { seq, next_by_subj: this.#subject(tag) } as unknown as { seq: number };
    const found = await manager.streams.getMessage(this.#names.stream, query);
    return found === null ? undefined : { sequence: found.seq, bytes: found.data };
  }

  async lastSequence(tag: string): Promise<number> {
    const { manager } = await this.#open();
    const found = await manager.streams.getMessage(this.#names.stream, { last_by_subj: this.#subject(tag) });
    return found?.seq ?? 0;
  }

  /** By a consumer of its own, which is removed afterwards. */
  async readLedger(tag: string, upTo: number, each: (record: StoredRecord) => void): Promise<void> {
    const { manager, stream: client } = await this.#open();
    const { stream } = this.#names;
    const { name } = await manager.consumers.add(stream, readerOf(this.#subject(tag)));
    try {
      const consumer = await client.consumers.get(stream, name);
      for (let last = 0; last < upTo; ) {
        const before = last;
        const messages = await consumer.fetch({ max_messages: recordsPerFetch, expires: fetchMs });
        for await (const { seq, data } of messages) {
          if (seq <= upTo) each({ sequence: seq, bytes: data });
          last = seq;
          if (last >= upTo) break;
        }
        if (last === before) throw new Error(`the ledger of ${tag} ends before record ${upTo}`);
      }
    } finally {
      manager.consumers.delete(stream, name).catch(() => {}); // it goes by itself when it is not used
    }
  }

  async purge(tag: string, before?: number): Promise<void> {
    const { connection, manager } = await this.#open();
    const { stream } = this.#names;
    const filter = this.#subject(tag);
    if (repeatsPurges(connection)) await deleteEach(manager, stream, await this.#sequences(tag, before));
    else await manager.streams.purge(stream, before === undefined ? { filter } : { filter, seq: before });
  }

  async #sequences(tag: string, before = Number.POSITIVE_INFINITY): Promise<readonly number[]> {
    const sequences: number[] = [];
    await this.readLedger(tag, await this.lastSequence(tag), ({ sequence }) => {
      if (sequence < before) sequences.push(sequence);
    });
    return sequences;
  }

  async #publish(subject: string, bytes: Uint8Array | string, after: number): Promise<Write> {
    const { stream } = await this.#open();
    const options = { expect: { lastSubjectSequence: after }, timeout: this.#timeout };
    return conditional(stream.publish(subject, bytes, options).then(({ seq }) => seq));
  }

  async #lastOfKey(tag: string): Promise<StoredMsg | undefined> {
    const { manager } = await this.#open();
    const found = await manager.streams.getMessage(`KV_${this.#names.bucket}`, { last_by_subj: this.#key(tag) });
    return found ?? undefined;
  }

  #key(tag: string): string {
    return `$KV.${this.#names.bucket}.${tag}`;
  }

  #subject(tag: string): string {
    return `${this.#names.subjects}.${tag}`;
  }

  /** @throws as a rejection while there is no connection */
  async #open(): Promise<Opened> {
    const { connection } = this.#options.link;
    if (connection === undefined || connection.isClosed()) throw new Error('no connection to NATS');
    if (this.#opened?.connection !== connection) this.#opened = await this.#use(connection);
    return this.#opened;
  }

  async #use(connection: NatsConnection): Promise<Opened> {
    const options = { timeout: this.#timeout, checkAPI: false };
    const [manager, bucket] = await Promise.all([
      jetstreamManager(connection, options),
      openBucket(connection, this.#names.bucket),
    ]);
    return { connection, manager, stream: jetstream(connection, options), bucket };
  }
}

/** Undefined: it was written by somebody else. */
function leaseOf(bytes: Uint8Array): LeaseValue | undefined {
  try {
    const value = JSON.parse(Buffer.from(bytes).toString('utf8')) as Partial<LeaseValue> | null;
    const isLease = typeof value?.name === 'string' && typeof value.state === 'string' && Array.isArray(value.formats);
    return isLease ? (value as LeaseValue) : undefined;
  } catch {
    return undefined;
  }
}

function isDeletion({ header }: StoredMsg): boolean {
  return header?.get('KV-Operation') === 'DEL' || header?.get('KV-Operation') === 'PURGE';
}

function readerOf(subject: string): Partial<ConsumerConfig> {
  return {
    filter_subject: subject,
    deliver_policy: DeliverPolicy.All,
    ack_policy: AckPolicy.None,
    inactive_threshold: readerMs * 1_000_000,
    mem_storage: true,
    num_replicas: 1,
  };
}

async function conditional(write: Promise<number>): Promise<Write> {
  try {
    return { kind: 'stored', sequence: await write };
  } catch (error) {
    if (isConflict(error)) return { kind: 'conflict' };
    throw error;
  }
}

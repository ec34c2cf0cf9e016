import { createHash } from 'node:crypto';
import {
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  type MsgRequest,
} from '@nats-io/jetstream';
import { headers, type NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../clock.js';
import { isConflict } from '../nats/jetstream.js';
import type { Link } from '../nats/link.js';
import { storeName } from '../nats/names.js';
import { deleteEach } from '../nats/removal.js';
import { ensureStream, type Storing } from '../nats/streams.js';
import type { FactStore, StoredFact } from '../webhooks/shared/fact-store.js';

/** Of one request, after which the store counts as away. */
const requestMs = 2_000;

/** Values, while all are read. */
const readAtATime = 256;

/** Records of a key that are kept: more than there are nodes that may change it at the same time. */
const history = 16;

/** What is written with the same expectation at the same time has arrived by then. */
const graveMs = 10_000;

/** Sequence of the record of the same key that the writer saw last. */
const afterHeader = 'Hubwire-After';

interface Client {
  readonly connection: NatsConnection;
  readonly stream: JetStreamClient;
  readonly manager: JetStreamManager;
}

/** One record of a key. */
interface FactRecord {
  readonly sequence: number;
  readonly after: number;
  /** Empty: the fact is over. */
  readonly value: Buffer;
  readonly atMs: number;
}

/**
 * The bucket `<cluster name>_facts`, with one key for each fact: a hash, as a fact may have any name, which its value tells.
 * A server of 2.9 accepts several changes that expect the same revision when they come at the same time [measured]. So each
 * record says which one its writer saw last, and counts only if no other record of the key lies between them: of those that
 * were accepted, the first. Every reader sees it so, and a writer looks whether it was the first. [cluster 6.4]
 */
export class NatsFacts implements FactStore {
  readonly #link: Link;
  readonly #bucket: string;
  readonly #clock: Clock;
  #client: Promise<Client> | undefined;
  #connection: NatsConnection | undefined;

  /** @param link to the store; the bucket has to be there: see `ensureFacts` */
  constructor(link: Link, clusterName: string, clock: Clock) {
    this.#link = link;
    this.#clock = clock;
    this.#bucket = storeName(clusterName, 'facts');
  }

  get(key: string): Promise<StoredFact | undefined> {
    return this.#current(this.#subjectOf(key));
  }

  async put(key: string, value: Buffer, revision: number): Promise<number | undefined> {
    const subject = this.#subjectOf(key);
    const { stream } = await this.#clientNow();
    const about = headers();
    about.set(afterHeader, String(revision));
    try {
      const options = { expect: { lastSubjectSequence: revision }, headers: about, timeout: requestMs };
      const { seq } = await stream.publish(subject, value, options);
      return (await this.#firstAfter(subject, revision))?.sequence === seq ? seq : undefined;
    } catch (error) {
      if (isConflict(error)) return undefined;
      throw error;
    }
  }

  async delete(key: string, revision: number): Promise<number | undefined> {
    const sequence = await this.put(key, Buffer.alloc(0), revision);
    if (sequence === undefined) return undefined;
    this.#clock.after(graveMs, () => void this.#clear(this.#subjectOf(key), sequence).catch(() => {})); // else `all` does it
    return sequence;
  }

  /** A list of the keys, then each value as it is by then: a reader that follows the stream does not know where its end is. */
  async *all(): AsyncIterable<StoredFact> {
    const { manager } = await this.#clientNow();
    const { state } = await manager.streams.info(streamOf(this.#bucket), { subjects_filter: '>' });
    const subjects = Object.keys(state.subjects ?? {});
    for (let start = 0; start < subjects.length; start += readAtATime) {
      const some = subjects.slice(start, start + readAtATime);
      const facts = await Promise.all(some.map(subject => this.#current(subject, true)));
      for (const fact of facts) if (fact?.value !== undefined) yield fact;
    }
  }

  /** @param clears what is long over */
  async #current(subject: string, clears = false): Promise<StoredFact | undefined> {
    const last = await this.#record({ last_by_subj: subject });
    if (last === undefined) return undefined;
    const isFirst = (await this.#firstAfter(subject, last.after))?.sequence === last.sequence;
    const counting = isFirst ? last : await this.#lastThatCounts(subject);
    const isOver = counting === undefined || counting.value.length === 0;
    if (clears && isOver && this.#clock.now() - last.atMs > graveMs) await this.#clear(subject, last.sequence);
    return { value: isOver ? undefined : counting.value, revision: last.sequence };
  }

  async #lastThatCounts(subject: string): Promise<FactRecord | undefined> {
    let counting: FactRecord | undefined;
    let before = 0;
    for (let next = await this.#firstAfter(subject, 0); next; next = await this.#firstAfter(subject, next.sequence)) {
      if (before === 0 || next.after === before) counting = next;
      before = next.sequence;
    }
    return counting;
  }

  #firstAfter(subject: string, sequence: number): Promise<FactRecord | undefined> {
    const query = { seq: sequence + 1, next_by_subj: subject };
    return this.#record(query); // the client's type leaves the subject out
  }

  async #record(query: MsgRequest): Promise<FactRecord | undefined> {
    const { manager } = await this.#clientNow();
    const found = await manager.streams.getMessage(streamOf(this.#bucket), query);
    if (found === null) return undefined;
    const { seq: sequence, header, data, time } = found;
    return { sequence, after: Number(header.get(afterHeader)), value: Buffer.from(data), atMs: time.getTime() };
  }

  /** Removes the records of a key up to this one. */
  async #clear(subject: string, sequence: number): Promise<void> {
    const sequences: number[] = [];
    for (let next = await this.#firstAfter(subject, 0); next; next = await this.#firstAfter(subject, next.sequence)) {
      if (next.sequence > sequence) break;
      sequences.push(next.sequence);
    }
    const { manager } = await this.#clientNow();
    await deleteEach(manager, streamOf(this.#bucket), sequences);
  }

  /** For the connection that there is now. @throws as a rejection: when there is none */
  #clientNow(): Promise<Client> {
    const { connection } = this.#link;
    if (connection === undefined) return Promise.reject(new Error('there is no connection to the store'));
    if (this.#client === undefined || connection !== this.#connection) {
      this.#connection = connection;
      this.#client = clientOf(connection);
    }
    return this.#client;
  }

  #subjectOf(key: string): string {
    return `$KV.${this.#bucket}.${createHash('sha256').update(key).digest('base64url')}`;
  }
}

/** Creates the bucket if it is missing. @throws NatsSetupError when it can be neither found nor created [CL-006] */
export async function ensureFacts(connection: NatsConnection, clusterName: string, storing: Storing): Promise<void> {
  const bucket = storeName(clusterName, 'facts');
  const settings = {
    name: streamOf(bucket),
    subjects: [`$KV.${bucket}.>`],
    max_msgs_per_subject: history,
  };
  await ensureStream(connection, settings, storing);
}

/** A bucket is a stream of this name, so that the tools for buckets show it. */
function streamOf(bucket: string): string {
  return `KV_${bucket}`;
}

async function clientOf(connection: NatsConnection): Promise<Client> {
  const options = { checkAPI: false, timeout: requestMs };
  return {
    connection,
    stream: jetstream(connection, options),
    manager: await jetstreamManager(connection, options),
  };
}

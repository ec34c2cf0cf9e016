import type { KV } from '@nats-io/kv';
import { isConflict, isStreamMissing, requireJetStream } from './jetstream.js';
import type { Link } from './link.js';
import { SharedBucket } from './shared-bucket.js';
import type { Storing } from './streams.js';

export interface SharedTextValue {
  readonly text: string;
  /** Grows with each write, as long as the bucket is the same. */
  readonly revision: number;
}

/** The text was written by somebody else since it was read. Nothing was written, or it does not stand. */
export class SharedTextConflict extends Error {
  override readonly name = 'SharedTextConflict';
}

/** A text that all nodes of a cluster read and write, under one key of a bucket. */
export class SharedText {
  readonly #link: Link;
  readonly #bucket: SharedBucket;
  readonly #key: string;
  readonly #storing: Storing;

  constructor(link: Link, bucket: string, key: string, storing: Storing) {
    this.#link = link;
    this.#bucket = new SharedBucket(link, bucket, storing);
    this.#key = key;
    this.#storing = storing;
  }

  /** Settles once NATS is there, however long that takes, and has the bucket. @throws as a rejection: NatsSetupError */
  async open(): Promise<void> {
    const connection = await this.#link.start();
    await requireJetStream(connection, this.#storing.parts.clock);
    await this.#bucket.open();
  }

  /** Undefined: there is none, or no bucket any more. @throws as a rejection, while NATS does not answer */
  async read(): Promise<SharedTextValue | undefined> {
    const values = await this.#values();
    const entry = await values.get(this.#key).catch(error => {
      if (isStreamMissing(error)) return undefined;
      throw error;
    });
    return entry?.operation === 'PUT' ? { text: entry.string(), revision: entry.revision } : undefined;
  }

  /**
   * Creates the bucket again if it is gone.
   * @param revision that it replaces; undefined: there must be none
   * @returns its revision
   * @throws as a rejection: SharedTextConflict; whatever NATS says
   */
  async write(text: string, revision: number | undefined): Promise<number> {
    await this.#bucket.open();
    const values = await this.#values();
    const written = await (revision === undefined
      ? values.create(this.#key, text)
      : values.update(this.#key, text, revision)
    ).catch(error => {
      throw isConflict(error) ? new SharedTextConflict('written by somebody else since it was read') : error;
    });
    // Old servers let two writes of the same moment pass: the later one stands.
    const standing = await this.read();
    if (standing?.revision === written) return written;
    throw new SharedTextConflict('overwritten by somebody else at the same moment');
  }

  async #values(): Promise<KV> {
    const values = await this.#bucket.values();
    if (values === undefined) throw new Error('NATS is not connected');
    return values;
  }
}

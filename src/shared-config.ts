import { type Clock, wait } from './clock.js';
import type { SharedHubs } from './config/shared-hubs.js';
import { PubSubError } from './errors.js';
import { type NatsEvent, NatsParts } from './nats/events.js';
import { failureText, NatsSetupError } from './nats/jetstream.js';
import { Link } from './nats/link.js';
import { storeName } from './nats/names.js';
import type { NatsOptions } from './nats/options.js';
import { SharedText, SharedTextConflict, type SharedTextValue } from './nats/shared-text.js';

/** How often nodes look for another configuration: it is in use two seconds after it was written. [CL-111] */
const pollMs = 1_000;
const key = 'hubs.yaml';
/** What a message has besides the text. */
const overheadBytes = 1_024;

export interface SharedConfigParts {
  readonly clock: Clock;
  readonly tell: (event: NatsEvent) => void;
  /** What is waited for, or went wrong, for people. */
  readonly say: (text: string) => void;
}

/** The hubs.yaml that all nodes of a cluster share, in NATS. Loaded with `--config nats` only. [cluster 9] */
export class SharedConfig implements SharedHubs {
  readonly #parts: SharedConfigParts;
  readonly #bucket: string;
  readonly #access: SharedConfigAccess;
  readonly #listeners = new Set<() => void>();
  /** Revision 0: NATS has none, or none any more. */
  #value: SharedTextValue = { text: '', revision: 0 };
  #writing: Promise<void> = Promise.resolve();
  #refreshing: Promise<void> = Promise.resolve();
  #cancel = () => {};
  #problem = '';
  #isStopped = false;

  private constructor(bucket: string, access: SharedConfigAccess, parts: SharedConfigParts) {
    this.#bucket = bucket;
    this.#access = access;
    this.#parts = parts;
  }

  /**
   * Settles once there is a configuration, however long NATS or the first `config push` takes; says what it waits for.
   * @throws as a rejection: PubSubError `invalid` when NATS is there and cannot be used
   */
  static async open(nats: NatsOptions, parts: SharedConfigParts): Promise<SharedConfig> {
    const access = await SharedConfigAccess.open(nats, parts);
    const shared = new SharedConfig(storeName(nats.clusterName, 'config'), access, parts);
    const missing = `waiting for a configuration: cluster ${nats.clusterName} has none yet; write it with: hubwire config push FILE`;
    for (let isTold = false; ; isTold = true) {
      await shared.refresh();
      if (shared.#value.revision > 0) break;
      if (!isTold) parts.say(missing);
      await wait(pollMs, parts.clock);
    }
    shared.#poll();
    return shared;
  }

  get name(): string {
    const { revision } = this.#value;
    return `NATS, bucket ${this.#bucket}${revision === 0 ? '' : ` (revision ${revision})`}`;
  }

  get text(): string {
    return this.#value.text;
  }

  onChanged(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** What was read before stands when NATS does not answer. */
  refresh(): Promise<void> {
    this.#refreshing = this.#refreshing.then(() => this.#refresh()); // in order: the last one that is read stands
    return this.#refreshing;
  }

  async #refresh(): Promise<void> {
    try {
      const value = await this.#read();
      this.#problem = '';
      if (this.#isStopped) return;
      if (value === undefined) this.#lose();
      else this.#take(value);
    } catch (error) {
      this.#tellProblem(failureText(error));
    }
  }

  /** While nothing is written here: otherwise it may be what was there before. */
  async #read(): Promise<SharedTextValue | undefined> {
    for (;;) {
      const writing = this.#writing;
      await writing;
      const value = await this.#access.read();
      if (writing === this.#writing) return value;
    }
  }

  /** Revisions begin anew when NATS has lost the bucket: what there is now counts, whatever its revision. */
  #take(value: SharedTextValue): void {
    const { text, revision } = this.#value;
    if (value.revision === revision && value.text === text) return;
    if (value.revision <= revision) {
      this.#parts.say(
        `bucket ${this.#bucket} is another one: its configuration of revision ${value.revision} replaces revision ${revision} of the one before`,
      );
    }
    this.#value = value;
    for (const listener of this.#listeners) listener();
  }

  /** An edit writes it anew. */
  #lose(): void {
    if (this.#value.revision === 0) return;
    this.#value = { ...this.#value, revision: 0 };
    this.#parts.say(
      'NATS has lost the shared configuration, the one in use is kept; write it again with: hubwire config push FILE',
    );
  }

  async replace(before: string, after: string): Promise<void> {
    const { text, revision } = this.#value;
    if (text !== before) throw new PubSubError('conflict', changedMeanwhile);
    const writing = this.#access.write(after, revision);
    this.#writing = writing.then(ignore, ignore);
    const written = await writing;
    if (written > this.#value.revision) this.#value = { text: after, revision: written };
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel();
    await this.#access.close();
  }

  #poll(): void {
    this.#cancel = this.#parts.clock.after(pollMs, () => {
      void this.refresh().then(() => {
        if (!this.#isStopped) this.#poll();
      });
    });
  }

  /** Once in a row. */
  #tellProblem(reason: string): void {
    if (this.#problem === reason || this.#isStopped) return;
    this.#problem = reason;
    this.#parts.say(`the shared configuration cannot be read, the one in use is kept: ${reason}`);
  }
}

/** Reads and writes the shared configuration of a cluster. */
export class SharedConfigAccess {
  readonly #link: Link;
  readonly #text: SharedText;

  private constructor(link: Link, text: SharedText) {
    this.#link = link;
    this.#text = text;
  }

  /** Settles once NATS is there. @param signal ends the wait @throws as a rejection: PubSubError `invalid` when it cannot be used */
  static async open(
    nats: NatsOptions,
    { clock, tell }: Pick<SharedConfigParts, 'clock' | 'tell'>,
    signal?: AbortSignal,
  ): Promise<SharedConfigAccess> {
    const parts = new NatsParts(clock, tell);
    const link = new Link(nats, 'config', parts);
    signal?.addEventListener('abort', () => void link.close());
    const text = new SharedText(link, storeName(nats.clusterName, 'config'), key, { replicas: 'auto', parts });
    try {
      await text.open();
    } catch (error) {
      await link.close();
      throw error instanceof NatsSetupError ? new PubSubError('invalid', error.message, { cause: error }) : error;
    }
    return new SharedConfigAccess(link, text);
  }

  read(): ReturnType<SharedText['read']> {
    return this.#text.read();
  }

  /** @param revision that it replaces; 0: there must be none @returns its revision @throws as a rejection: PubSubError `conflict` */
  async write(text: string, revision: number): Promise<number> {
    const bytes = Buffer.byteLength(text);
    const maxBytes = (this.#link.connection?.info?.max_payload ?? Number.POSITIVE_INFINITY) - overheadBytes;
    if (bytes > maxBytes) {
      const reason = `the configuration of ${bytes} bytes is larger than NATS takes (max_payload there: ${maxBytes + overheadBytes})`;
      throw new PubSubError('conflict', `${reason}; nothing was written`);
    }
    try {
      return await this.#text.write(text, revision === 0 ? undefined : revision);
    } catch (error) {
      throw new PubSubError('conflict', whyNotWritten(error), { cause: error });
    }
  }

  close(): Promise<void> {
    return this.#link.close();
  }
}

/** Its caller has the error. */
function ignore(): void {}

const changedMeanwhile =
  'the shared configuration was changed by somebody else at the same time; look at it, and try again';

function whyNotWritten(error: unknown): string {
  if (error instanceof SharedTextConflict) {
    return changedMeanwhile;
  }
  const reason = failureText(error);
  return `the shared configuration cannot be written to NATS (${reason}); try again`;
}

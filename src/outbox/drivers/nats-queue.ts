import { randomBytes } from 'node:crypto';
import { type JetStreamClient, jetstream, jetstreamManager, type StreamInfo } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../../clock.js';
import { NotKept } from '../outbox-error.js';
import { NatsAppender } from './nats-appender.js';
import { NatsContents } from './nats-contents.js';
import { type NatsAccess, NatsReader, type Reset } from './nats-reader.js';
import { decodeRecord, mayBegin, NewerRecord, type Op } from './nats-records.js';
import { NatsReplica } from './nats-replica.js';
import type { Written } from './nats-written.js';

const requestMs = 5_000;
const leaveMs = 400;
const defaultMaxPayload = 1024 * 1024;
/** Signs of life within `claimMs`. */
const signs = 5;

export interface QueueOptions {
  readonly stream: string;
  /** Finds the stream, or creates it. */
  readonly ensure: (connection: NatsConnection) => Promise<StreamInfo>;
  /** Subjects are this, a dot and the node. */
  readonly subject: string;
  readonly inboxPrefix: string;
  readonly clock: Clock;
  /** What a node has that does not write for so long is others'. */
  readonly claimMs: number;
  readonly onFault: (error: unknown) => void;
}

export interface QueueListener {
  /** A record has been read. */
  read?(bytes: number): void;
  /** What this node had is others' now: it was silent for too long. */
  renewed?(): void;
  /** From time to time. */
  tick?(): void;
}

/** The stream as one node reads and writes it. */
export class NatsQueue {
  readonly options: QueueOptions;
  readonly #reader: NatsReader;
  readonly #appender: NatsAppender;
  readonly #listeners: QueueListener[] = [];
  /** When each node has written last, or might have. */
  readonly #heardMs = new Map<string, number>();
  #replica: NatsReplica;
  #access: NatsAccess | undefined;
  #client: JetStreamClient | undefined;
  #isMember = false;
  #isOutdated = false;
  #isClosed = false;
  #wroteMs = 0;
  #cancelTick: () => void = () => {};

  constructor(options: QueueOptions) {
    const { clock, stream, ensure, subject, inboxPrefix, onFault } = options;
    this.options = options;
    this.#replica = this.#newReplica();
    this.#reader = new NatsReader({
      stream,
      inboxPrefix,
      clock,
      ensure,
      onMessage: (seq, from, data) => this.#read(seq, from, data),
      isBeginning,
      onReset: reset => this.#reset(reset),
      onFault,
    });
    this.#appender = new NatsAppender(newNode(), {
      clock,
      maxPayload: () => this.maxPayload,
      publisher: () => this.#client,
      subjectOf: node => `${subject}.${node}`,
      onStored: seq => this.#reader.expect(seq),
      onUnsure: () => this.#reader.doubt(),
    });
  }

  get node(): string {
    return this.#appender.node;
  }

  get replica(): NatsReplica {
    return this.#replica;
  }

  /** Undefined while there is no connection. */
  get access(): NatsAccess | undefined {
    return this.#access;
  }

  /** Bytes of a message, at most. */
  get maxPayload(): number {
    return this.#access?.connection.info?.max_payload ?? defaultMaxPayload;
  }

  listen(listener: QueueListener): void {
    this.#listeners.push(listener);
  }

  async connected(connection: NatsConnection): Promise<void> {
    const manager = await jetstreamManager(connection, { checkAPI: false, timeout: requestMs });
    if (this.#isClosed || connection.isClosed()) return;
    this.#client = jetstream(connection, { timeout: requestMs });
    this.#access = { connection, manager };
    const nowMs = this.options.clock.monotonicMs();
    for (const node of this.#heardMs.keys()) this.#heardMs.set(node, nowMs); // perhaps they could not be heard
    this.#reader.connected(this.#access);
    this.#appender.wake();
  }

  lost(): void {
    this.#access = undefined;
    this.#client = undefined;
    this.#reader.lost();
  }

  /** Settles once all is read that was in the stream. */
  async join(): Promise<void> {
    this.#tickLater();
    await this.write([{ do: 'alive' }], requestMs * 3).applied;
    this.#isMember = true;
  }

  /** @throws NotKept if a newer version writes into the stream, whose records this one does not understand */
  checkUnderstood(): void {
    if (this.#isOutdated) {
      const text = 'another node with a newer version of Hubwire uses the queue; update this one';
      throw new NotKept('failed', text);
    }
  }

  write(ops: readonly Op[], limitMs?: number): Written {
    this.#wroteMs = this.options.clock.monotonicMs();
    return this.#appender.append(ops, limitMs);
  }

  /** Settles once this node has read all that it has written so far. */
  get settled(): Promise<unknown> {
    return this.#appender.settled;
  }

  /** What it has goes to others at once. */
  async leave(): Promise<void> {
    if (this.#access !== undefined && this.#isMember)
      await this.write([{ do: 'leave' }], leaveMs).stored.catch(() => {});
    this.close();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelTick();
    this.lost();
    this.#reader.close();
    this.#appender.close(new NotKept('closed', 'the outbox is closed'));
  }

  #newReplica(): NatsReplica {
    return new NatsReplica(new NatsContents(node => node === this.node));
  }

  #read(seq: number, subject: string, data: Uint8Array): void {
    try {
      const record = decodeRecord(seq, subject, data);
      const outcomes = this.#replica.apply(record);
      this.#heardMs.set(record.node, this.options.clock.monotonicMs());
      this.#appender.read(record.node, record.number, seq, outcomes);
      if (this.#isMember && this.#replica.writers.get(this.node) === undefined) this.#renew();
      for (const listener of this.#listeners) listener.read?.(data.length);
    } catch (error) {
      if (error instanceof NewerRecord) this.#isOutdated = true;
      const text = error instanceof Error ? error.message : String(error);
      this.options.onFault(new Error(`message ${seq} of the queue is passed over: ${text}`, { cause: error }));
    }
  }

  /** It goes on as another node. */
  #renew(): void {
    this.#isMember = false;
    if (this.#isClosed) return;
    this.#appender.rename(newNode());
    for (const listener of this.#listeners) listener.renewed?.();
    void this.write([{ do: 'alive' }]).applied.then(
      () => {
        this.#isMember = true;
      },
      () => {},
    );
  }

  /** All is read once more. Whatever this node had is others'. */
  #reset({ reason, firstSeq }: Reset): void {
    const { node } = this;
    const lost = firstSeq === undefined ? `; what it does not have is lost (${this.#replica.waiting} waited)` : '';
    this.options.onFault(new Error(`the queue is read from its beginning again: ${reason}${lost}`));
    this.#appender.lose(firstSeq);
    this.#replica = this.#newReplica();
    this.#renew();
    void this.write([{ do: 'gone', node }]);
  }

  #tickLater(): void {
    const { clock, claimMs } = this.options;
    this.#cancelTick = clock.after(claimMs / signs, () => {
      this.#tickLater();
      if (this.#access === undefined) return;
      const nowMs = clock.monotonicMs();
      if (nowMs - this.#wroteMs >= claimMs / signs) void this.write([{ do: 'alive' }]);
      if (this.#isMember) this.#bury(nowMs);
      for (const listener of this.#listeners) listener.tick?.();
    });
  }

  /** Nodes that have been silent for too long are gone. */
  #bury(nowMs: number): void {
    for (const { node } of this.#replica.writers.live) {
      const heardMs = this.#heardMs.get(node) ?? nowMs;
      this.#heardMs.set(node, heardMs);
      if (node !== this.node && nowMs - heardMs >= this.options.claimMs) void this.write([{ do: 'gone', node }]);
    }
    for (const node of this.#heardMs.keys())
      if (this.#replica.writers.get(node) === undefined) this.#heardMs.delete(node);
  }
}

/** Not what cannot be read, which is told when it is read. */
function isBeginning(seq: number, subject: string, data: Uint8Array): boolean {
  try {
    return mayBegin(decodeRecord(seq, subject, data));
  } catch {
    return false;
  }
}

function newNode(): string {
  return randomBytes(6).toString('base64url');
}

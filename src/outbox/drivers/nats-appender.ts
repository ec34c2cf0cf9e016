import { randomBytes } from 'node:crypto';
import { JetStreamApiError, type JetStreamClient } from '@nats-io/jetstream';
import type { Clock } from '../../clock.js';
import { NotKept } from '../outbox-error.js';
import { encodeRecord, mostInRecord, type Op, sizeOf } from './nats-records.js';
import type { Outcome } from './nats-replica.js';
import { Item, type Written } from './nats-written.js';

/** Of a record, unless one transaction has more. */
const recordBytes = 128 * 1024;
/** Sizes are not known exactly before. */
const shareOfMessage = 0.75;
/** Of what waits to be written; more is refused. */
const mostBytes = 16 * 1024 * 1024;
const headerBytes = 512;
const publishTimeoutMs = 5_000;
const firstRetryMs = 50;
const longestRetryMs = 1_000;

/** JetStream, the account or the stream has no room left. */
const fullCodes: readonly number[] = [10_002, 10_023, 10_028, 10_047, 10_077];
const tooLargeCode = 10_054;

interface Sent {
  readonly number: number;
  readonly node: string;
  readonly items: readonly Item[];
  /** What became of it is known. */
  isKnown: boolean;
  /** Of the record in the stream; undefined: nobody has said that it is there. */
  seq: number | undefined;
  /** It was sent, and there was no answer: it may be in the stream, whatever a later answer says. */
  isUnsure: boolean;
}

export interface AppenderOptions {
  readonly clock: Clock;
  /** Bytes of a message, at most. */
  readonly maxPayload: () => number;
  /** Undefined while there is no connection. */
  readonly publisher: () => JetStreamClient | undefined;
  readonly subjectOf: (node: string) => string;
  /** The record is in the stream, and was not read yet. */
  readonly onStored: (seq: number) => void;
  /** Nobody has said that the record is in the stream; it is sent again. */
  readonly onUnsure: () => void;
}

/**
 * Writes the records of this node, one after the other: what comes while one is under way goes into the next one. Where it is
 * not known whether a record has arrived, it is sent again until it is; readers pass over the second of two.
 */
export class NatsAppender {
  readonly #options: AppenderOptions;
  readonly #instance = randomBytes(6).toString('base64url');
  #node: string;
  #number = 0;
  #sends = 0;
  #waiting: Item[] = [];
  #waitingBytes = 0;
  #isRunning = false;
  #closed: NotKept | undefined;
  #wake: () => void = () => {};
  /** Sent, and not read yet. */
  #unread: Sent[] = [];
  #last: Promise<unknown> = Promise.resolve();

  constructor(node: string, options: AppenderOptions) {
    this.#node = node;
    this.#options = options;
  }

  get node(): string {
    return this.#node;
  }

  /** From here on it writes as another node: for the others, the one that it was is gone. */
  rename(node: string): void {
    this.#node = node;
    this.#number = 0;
  }

  /** @param limitMs after which it is refused; without one, it takes as long as it takes */
  append(ops: readonly Op[], limitMs?: number): Written {
    const item = new Item(ops, sizesOf(ops));
    this.#last = item.applied.catch(() => {});
    const refusal = this.#closed ?? (this.#waitingBytes > mostBytes ? tooMuchWaits() : undefined);
    if (refusal !== undefined) {
      item.fail(refusal);
      return item;
    }
    if (limitMs !== undefined) item.cancelTimer = this.#options.clock.after(limitMs, () => this.#expire(item));
    this.#waiting.push(item);
    this.#waitingBytes += item.bytes;
    if (!this.#isRunning) void this.#run();
    return item;
  }

  /** Settles when all that was written so far is read or refused. */
  get settled(): Promise<unknown> {
    return this.#last;
  }

  /** A record has been read. @param outcomes undefined: it had been read before */
  read(node: string, number: number, seq: number, outcomes: readonly Outcome[] | undefined): void {
    const at = this.#unread.findIndex(sent => sent.node === node && sent.number === number);
    if (at < 0 || outcomes === undefined) return;
    const [sent] = this.#unread.splice(at, 1);
    if (sent === undefined) return;
    sent.isKnown = true;
    let from = 0;
    for (const item of sent.items) {
      item.store(seq);
      item.apply(outcomes.slice(from, from + item.ops.length));
      from += item.ops.length;
    }
    this.#wake();
  }

  /**
   * What was stored before this record and not read is lost. What nobody has said to be stored is sent again.
   * @param firstSeq undefined: all of it
   */
  lose(firstSeq = Number.POSITIVE_INFINITY): void {
    const lost = this.#unread.filter(({ seq }) => seq !== undefined && seq < firstSeq);
    this.#unread = this.#unread.filter(sent => !lost.includes(sent));
    for (const { items } of lost) for (const item of items) item.fail(lostUnread());
  }

  /** There is another connection. */
  wake(): void {
    this.#wake();
  }

  /** What is written and not read, and all that comes, is refused. */
  close(reason: NotKept): void {
    this.#closed = reason;
    for (const item of this.#waiting.splice(0)) item.fail(reason);
    for (const { items } of this.#unread.splice(0)) for (const item of items) item.fail(reason);
    this.#wake();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    await Promise.resolve(); // what is written in the same turn goes along
    while (this.#waiting.length > 0 && this.#closed === undefined) await this.#send(this.#take());
    this.#isRunning = false;
  }

  #take(): readonly Item[] {
    let [bytes, weight, count] = [0, 0, 0];
    const most = Math.min(recordBytes, this.#options.maxPayload() * shareOfMessage);
    for (const item of this.#waiting) {
      bytes += item.bytes;
      weight += item.weight;
      if (count > 0 && (bytes > most || weight > mostInRecord)) break;
      count += 1;
    }
    const items = this.#waiting.splice(0, count);
    for (const item of items) this.#waitingBytes -= item.bytes;
    return items;
  }

  async #send(items: readonly Item[]): Promise<void> {
    this.#number += 1;
    const sent: Sent = {
      number: this.#number,
      node: this.#node,
      items,
      isKnown: false,
      seq: undefined,
      isUnsure: false,
    };
    this.#unread.push(sent);
    const data = encodeRecord(
      sent.number,
      items.flatMap(({ ops }) => ops),
    );
    this.#sends += 1;
    const msgID = `${this.#instance}.${this.#sends}`;
    for (let waitMs = firstRetryMs; !sent.isKnown && this.#closed === undefined; ) {
      await this.#attempt(sent, data, msgID);
      if (sent.isKnown) return;
      await this.#pause(waitMs);
      waitMs = Math.min(waitMs * 2, longestRetryMs);
    }
  }

  async #attempt(sent: Sent, data: Buffer, msgID: string): Promise<void> {
    const publisher = this.#options.publisher();
    if (publisher === undefined) return;
    if (data.length > this.#options.maxPayload() - headerBytes) return this.#refuse(sent, tooLarge(data.length));
    try {
      const subject = this.#options.subjectOf(sent.node);
      const { seq } = await publisher.publish(subject, data, { msgID, timeout: publishTimeoutMs });
      if (sent.isKnown) return; // it was read before
      sent.isKnown = true;
      sent.seq = seq;
      for (const item of sent.items) item.store(seq);
      this.#options.onStored(seq);
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal === undefined) {
        sent.isUnsure = true;
        this.#options.onUnsure();
      } else if (!sent.isUnsure) this.#refuse(sent, refusal);
    }
  }

  #refuse(sent: Sent, refusal: NotKept): void {
    sent.isKnown = true;
    this.#unread = this.#unread.filter(other => other !== sent);
    if (sent.node === this.#node) this.#number -= 1; // it is not in the stream
    for (const item of sent.items) item.fail(refusal);
  }

  #pause(ms: number): Promise<void> {
    return new Promise(resolve => {
      const cancel = this.#options.clock.after(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }

  /** What has not been sent is not sent any more; of what has been, nobody knows. */
  #expire(item: Item): void {
    const at = this.#waiting.indexOf(item);
    if (at >= 0) {
      this.#waiting.splice(at, 1);
      this.#waitingBytes -= item.bytes;
    }
    item.fail(new NotKept('unreachable', 'NATS did not confirm in time that it was kept'));
  }
}

function sizesOf(ops: readonly Op[]): { bytes: number; weight: number } {
  let [bytes, weight] = [0, 0];
  for (const op of ops) {
    bytes += sizeOf(op);
    weight += 'refs' in op ? op.refs.length : op.do === 'complete' ? op.adds.length : 1;
  }
  return { bytes, weight };
}

function lostUnread(): NotKept {
  return new NotKept('unreachable', 'NATS has lost what was written before it was read');
}

function tooMuchWaits(): NotKept {
  return new NotKept('unreachable', `more than ${mostBytes / 1_048_576} MiB wait for NATS`);
}

function tooLarge(bytes: number): NotKept {
  return new NotKept(
    'failed',
    `${bytes} bytes are more than a message of NATS may have: raise max_payload of nats-server`,
  );
}

/** Undefined: the record may have been stored. */
function refusalOf(error: unknown): NotKept | undefined {
  if (!(error instanceof JetStreamApiError)) return undefined;
  const text = `NATS did not keep it: ${error.message}`;
  if (fullCodes.includes(error.code)) return new NotKept('full', text, { cause: error });
  return error.code === tooLargeCode ? new NotKept('failed', text, { cause: error }) : undefined;
}

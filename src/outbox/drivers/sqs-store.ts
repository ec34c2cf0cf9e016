import { randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../clock.js';
import { type AttemptRecord, type DeadLetter, type Envelope, limitOf, remember, type Selection } from '../envelope.js';
import type { Claim, Claimed, Deadline, Depth, EndpointFacts, OutboxStore, Room } from '../store.js';
import { wholeQueue } from '../store.js';
import { envelopeOfJson, type JsonEnvelope, jsonOf, jsonOfClaimed } from './json-envelope.js';
import { keyDigest } from './lane.js';
import type { RowStore } from './row-store.js';
import { type Incoming, longestDelaySeconds, type Outgoing, type SqsQueue } from './sqs-queue.js';

/** SQS counts in seconds: what is due within one is due. */
const earlyMs = 1_000;
/** A message of an endpoint without room comes back after 2, 4 … 60 s. */
const longestAwaySeconds = 60;
const shortPollMs = 1_000;
const relayedAtOnce = 100;
/** Bytes of attempts and contents that are remembered of a FIFO queue's retries. */
const rememberedBytes = 64 * 1024 * 1024;
const bytesBesideContent = 2_048;

export interface SqsStoreOptions {
  readonly queue: SqsQueue;
  /** Of this node: dead letters, deadlines and facts, for which SQS has no place. Closed with this store. */
  readonly side: RowStore;
  readonly clock: Clock;
  readonly isFifo: boolean;
  readonly maxMessages: number;
  readonly waitSeconds: number;
  readonly visibilitySeconds: number;
  readonly concurrency: number | undefined;
}

interface Place {
  readonly receipt: string;
  readonly handle: string;
}

interface InDelivery {
  readonly receipt: string;
  readonly endpoint: string;
  readonly group: string;
}

type Tried = Pick<Claimed, 'attempts' | 'history' | 'envelope' | 'acceptedAtMs'> & { readonly dueAtMs: number };

/**
 * The outbox in an SQS queue, for one or several nodes. A retry is a new message with a delay; in a FIFO queue, which has no
 * delays and must keep the order, it is the same message, hidden until then. Without FIFO, keys keep no order.
 */
export class SqsStore implements OutboxStore {
  readonly pollMs: number;
  readonly deadlinePollMs = undefined;
  readonly maxConcurrency: number | undefined;
  readonly #options: SqsStoreOptions;
  readonly #queue: SqsQueue;
  readonly #side: RowStore;
  readonly #node = randomBytes(4).toString('hex');
  /** By handle. */
  readonly #claimed = new Map<string, InDelivery>();
  /** Of FIFO queues, whose messages cannot be changed, by handle. After a restart their attempts count anew. */
  readonly #tried = new LRUCache<string, Tried>({
    maxSize: rememberedBytes,
    sizeCalculation: ({ envelope }) => envelope.content.length + bytesBesideContent,
  });
  readonly #buried = new Map<string, { readonly reason: string; readonly diedAtMs: number }>();
  #count = 0;
  /** The clock of those who claim. */
  #nowMs: () => number;
  /** Replays and drops, one after the other. */
  #taking: Promise<unknown> = Promise.resolve();
  #cancelTimer: () => void = () => {};

  constructor(options: SqsStoreOptions) {
    this.#options = options;
    this.#queue = options.queue;
    this.#side = options.side;
    this.maxConcurrency = options.concurrency;
    this.pollMs = options.waitSeconds > 0 ? 0 : shortPollMs; // usually `claim` itself waits
    this.#nowMs = () => options.clock.now();
    this.#extendLater();
  }

  async add(envelopes: readonly Envelope[], nowMs: number): Promise<void> {
    await this.#queue.send(envelopes.map(envelope => this.#outgoing(jsonOf(envelope, this.#handle(nowMs), nowMs))));
  }

  async claim(room: () => Room, nowMs: () => number): Promise<Claim> {
    this.#nowMs = nowMs;
    await this.#relay(nowMs());
    const { maxMessages, waitSeconds } = this.#options;
    const { total } = room();
    const nothing = { claimed: [], nextDueAtMs: undefined };
    if (total === 0) return nothing;
    const messages = await this.#queue.receive(Math.min(total, maxMessages), waitSeconds);
    if (messages.length === 0) return nothing;
    const rooms = new Map(room().endpoints.map(({ endpoint, count }) => [endpoint, count]));
    const claimed: Claimed[] = [];
    for (const message of messages) {
      const each = await this.#sort(message, rooms, nowMs());
      if (each !== undefined) claimed.push(each);
    }
    return { ...nothing, claimed };
  }

  async delivered({ place }: Claimed): Promise<void> {
    const { receipt, handle } = place as Place;
    await this.#queue.delete(receipt);
    this.#forget(handle);
  }

  async retry(claimed: Claimed, dueAtMs: number, attempt: AttemptRecord): Promise<void> {
    const { receipt, handle } = claimed.place as Place;
    const { envelope, acceptedAtMs, attempts, history } = claimed;
    const next = { ...claimed, attempts: attempts + 1, history: remember(history, attempt) };
    const delayMs = dueAtMs - this.#nowMs();
    if (this.#options.isFifo) {
      const { attempts: made, history: remembered } = next;
      this.#tried.set(handle, { envelope, acceptedAtMs, attempts: made, history: remembered, dueAtMs });
      await this.#hideFor(receipt, delayMs);
      this.#claimed.delete(handle);
      return;
    }
    await this.#queue.send([this.#outgoing({ ...jsonOfClaimed(next, handle), dueAtMs }, delayMs)]);
    await this.delivered(claimed); // a crash before this one repeats the attempt
  }

  async bury(claimed: Claimed, reason: string, diedAtMs: number, attempt?: AttemptRecord): Promise<void> {
    const { envelope, attempts, history } = claimed;
    const all = attempt === undefined ? history : remember(history, attempt);
    await this.#side.addDead({ ...envelope, diedAtMs, reason, attempts: attempts + (attempt ? 1 : 0), history: all });
    await this.delivered(claimed);
  }

  async release({ place }: Claimed): Promise<void> {
    const { receipt, handle } = place as Place;
    this.#claimed.delete(handle);
    await this.#queue.hide(receipt, 0);
  }

  /** SQS does not show what waits: it is buried as it comes. */
  async buryAll(endpoint: string, reason: string, diedAtMs: number): Promise<number> {
    this.#buried.set(endpoint, { reason, diedAtMs });
    return 0;
  }

  deadLetters(selection: Selection): Promise<readonly DeadLetter[]> {
    return this.#side.deadLetters(selection);
  }

  replay(selection: Selection, nowMs: number): Promise<readonly string[]> {
    return this.#inTurn(async () => {
      const limit = limitOf(selection);
      const letters = (await this.#side.deadLetters({ ...selection, limit: Infinity })).toReversed().slice(0, limit);
      const raws = letters.map(letter => ({ ...jsonOf(letter, this.#handle(nowMs), nowMs), isReplay: true }));
      await this.#queue.send(raws.map(raw => this.#outgoing(raw)));
      return await this.#side.drop({ ...selection, ids: letters.map(({ id }) => id) });
    });
  }

  drop(selection: Selection): Promise<readonly string[]> {
    return this.#inTurn(() => this.#side.drop(selection));
  }

  schedule(deadline: Deadline): Promise<void> {
    return this.#side.schedule(deadline);
  }

  cancel(key: string): Promise<boolean> {
    return this.#side.cancel(key);
  }

  dueDeadlines(nowMs: number, limit: number) {
    return this.#side.dueDeadlines(nowMs, limit);
  }

  /** The envelopes go to the node's own store first, since SQS cannot take them in the same write. */
  async complete(deadline: Deadline, envelopes: readonly Envelope[], nowMs: number): Promise<boolean> {
    const isOurs = await this.#side.complete(deadline, envelopes, nowMs);
    if (isOurs) await this.#relay(nowMs);
    return isOurs;
  }

  facts(endpoint: string): Promise<EndpointFacts | undefined> {
    return this.#side.facts(endpoint);
  }

  saveFacts(endpoint: string, facts: EndpointFacts | undefined): Promise<void> {
    return this.#side.saveFacts(endpoint, facts);
  }

  async depths(): Promise<ReadonlyMap<string, Depth>> {
    const found = new Map(await this.#side.depths());
    const none = { ready: 0, delayed: 0, inFlight: 0, dead: 0 };
    for (const { endpoint } of this.#claimed.values()) {
      const depth = found.get(endpoint) ?? none;
      found.set(endpoint, { ...depth, inFlight: depth.inFlight + 1 });
    }
    return found.set(wholeQueue, { ...none, ...(await this.#queue.counts()) });
  }

  interrupt(): void {
    this.#queue.interrupt();
  }

  async close(): Promise<void> {
    this.#cancelTimer();
    this.#queue.close();
    await this.#side.close();
  }

  /** Claims the message, if it is due and its endpoint has room. */
  async #sort(message: Incoming, rooms: Map<string, number>, nowMs: number): Promise<Claimed | undefined> {
    const json = parse(message.body);
    if (json === undefined) {
      await this.#queue.hide(message.receipt, longestAwaySeconds); // not ours; the queue's redrive policy ends it
      return undefined;
    }
    const claimed = this.#claimedOf(json, message);
    const { endpoint, handle } = json;
    const dueAtMs = this.#tried.get(handle)?.dueAtMs ?? json.dueAtMs ?? 0;
    if (dueAtMs - nowMs > earlyMs) return await this.#delayAgain(json, message.receipt, dueAtMs - nowMs);
    const isBuried = await this.#buryIfAsked(claimed);
    if (isBuried) return undefined;
    const group = groupOf(json);
    if (this.#options.isFifo && this.#isInDelivery(group)) {
      await this.#queue.hide(message.receipt, 0); // SQS keeps it back until the one before it is settled
      return undefined;
    }
    const room = rooms.get(endpoint) ?? 0;
    if (room === 0) {
      await this.#queue.hide(message.receipt, Math.min(2 ** message.receiveCount, longestAwaySeconds));
      return undefined;
    }
    rooms.set(endpoint, room - 1);
    this.#claimed.set(handle, { receipt: message.receipt, endpoint, group });
    return claimed;
  }

  #isInDelivery(group: string): boolean {
    return [...this.#claimed.values()].some(claimed => claimed.group === group);
  }

  #claimedOf(json: JsonEnvelope, { receipt }: Incoming): Claimed {
    const { handle, acceptedAtMs, isReplay = false, history = [] } = json;
    const tried = this.#tried.get(handle);
    const place: Place = { receipt, handle };
    if (tried !== undefined) return { ...tried, isReplay: false, place };
    return { envelope: envelopeOfJson(json), acceptedAtMs, attempts: json.attempts ?? 0, history, isReplay, place };
  }

  async #delayAgain(json: JsonEnvelope, receipt: string, delayMs: number): Promise<undefined> {
    if (this.#options.isFifo) {
      await this.#hideFor(receipt, delayMs);
      return;
    }
    await this.#queue.send([this.#outgoing(json, delayMs)]);
    await this.#queue.delete(receipt);
  }

  async #buryIfAsked(claimed: Claimed): Promise<boolean> {
    const { endpoint } = claimed.envelope;
    const end = this.#buried.get(endpoint);
    if (end === undefined || claimed.acceptedAtMs > end.diedAtMs) return false;
    await this.bury(claimed, end.reason, end.diedAtMs);
    return true;
  }

  /** What came from deadlines goes to SQS. */
  async #relay(nowMs: number): Promise<void> {
    const depths = await this.#side.depths();
    const waiting = [...depths].filter(([, { ready }]) => ready > 0).map(([endpoint]) => endpoint);
    if (waiting.length === 0) return;
    const endpoints = waiting.map(endpoint => ({ endpoint, count: relayedAtOnce, isOrdered: false }));
    const { claimed } = await this.#side.claim(
      () => ({ total: relayedAtOnce, endpoints }),
      () => nowMs,
    );
    try {
      await this.add(
        claimed.map(({ envelope }) => envelope),
        nowMs,
      );
    } catch (error) {
      for (const each of claimed) await this.#side.release(each);
      throw error;
    }
    await Promise.all(claimed.map(each => this.#side.delivered(each)));
  }

  #outgoing(json: JsonEnvelope, delayMs = 0): Outgoing {
    // SQS takes the characters of XML 1.0; JSON escapes the others but for these two.
    const body = JSON.stringify(json).replace(/[\ufffe\uffff]/g, each => `\\u${each.charCodeAt(0).toString(16)}`);
    const delaySeconds = delayMs <= 0 ? 0 : Math.min(Math.max(1, Math.round(delayMs / 1_000)), longestDelaySeconds);
    return { body, delaySeconds, group: groupOf(json), deduplicationId: json.handle };
  }

  #hideFor(receipt: string, delayMs: number): Promise<void> {
    return this.#queue.hide(receipt, Math.max(1, Math.round(delayMs / 1_000)));
  }

  #forget(handle: string): void {
    this.#claimed.delete(handle);
    this.#tried.delete(handle);
  }

  #handle(nowMs: number): string {
    this.#count += 1;
    return `${nowMs}-${this.#count}-${this.#node}`;
  }

  #inTurn<T>(take: () => Promise<T>): Promise<T> {
    const taken = this.#taking.then(take, take);
    this.#taking = taken;
    return taken;
  }

  /** What is in delivery stays hidden as long as this process lives. */
  #extendLater(): void {
    const { clock, visibilitySeconds } = this.#options;
    this.#cancelTimer = clock.after((visibilitySeconds * 1_000) / 2, () => {
      this.#extendLater();
      for (const { receipt } of this.#claimed.values()) {
        this.#queue.hide(receipt, visibilitySeconds).catch(() => {
          // Settled meanwhile; or SQS is away, and then the message is delivered once more.
        });
      }
    });
  }
}

/** Envelopes of a group stay in order in a FIFO queue. One without a key is a group of its own. */
function groupOf({ endpoint, key, handle }: JsonEnvelope): string {
  return keyDigest(JSON.stringify(key === undefined ? [endpoint, null, handle] : [endpoint, key]));
}

function parse(body: string): JsonEnvelope | undefined {
  try {
    const json = JSON.parse(body) as Partial<JsonEnvelope> | null;
    const isOurs = typeof json?.endpoint === 'string' && typeof json.handle === 'string';
    return isOurs ? (json as JsonEnvelope) : undefined;
  } catch {
    return undefined;
  }
}

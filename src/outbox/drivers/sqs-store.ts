import { randomBytes } from 'node:crypto';
import type { Clock } from '../../clock.js';
import { type AttemptRecord, type DeadLetter, type Envelope, limitOf, remember, type Selection } from '../envelope.js';
import type {
  Claim,
  Claimed,
  Deadline,
  Depth,
  EndDeadline,
  EndpointFacts,
  OutboxStore,
  Room,
  Successors,
} from '../store.js';
import { wholeQueue } from '../store.js';
import { type JsonEnvelope, jsonOf, jsonOfClaimed } from './json-envelope.js';
import type { RowStore } from './row-store.js';
import { SqsClaims, type SqsPlace } from './sqs-claims.js';
import { groupOf, outgoingOf, parseMessage, secondsOf } from './sqs-messages.js';
import type { Incoming, SqsQueue } from './sqs-queue.js';

/** SQS counts in seconds: what is due within one is due. */
const earlyMs = 1_000;
/** A message of an endpoint without room comes back after 2, 4 … 60 s. */
const longestAwaySeconds = 60;
const shortPollMs = 1_000;
const relayedAtOnce = 100;

/** What the messages of one request may still become. */
interface Sorting {
  readonly rooms: Map<string, number>;
  /** Of a FIFO queue: groups with an earlier message in the request that still waits, behind which all others wait. */
  readonly waiting: Set<string>;
  readonly nowMs: number;
}

export interface SqsStoreOptions {
  readonly queue: SqsQueue;
  /** Of this node: dead letters, deadlines, drafts and facts, for which SQS has no place. Closed with this store. */
  readonly side: RowStore;
  readonly clock: Clock;
  readonly isFifo: boolean;
  readonly maxMessages: number;
  readonly waitSeconds: number;
  readonly visibilitySeconds: number;
  readonly concurrency: number | undefined;
  /** A message that could not be looked at: it comes again. */
  readonly onFault?: ((error: unknown) => void) | undefined;
}

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
  readonly #claims: SqsClaims;
  readonly #node = randomBytes(4).toString('hex');
  /** Endpoints whose last message had no room, as those that are not configured: SQS does not show what waits. */
  readonly #withoutRoom = new Set<string>();
  readonly #buried = new Map<string, { readonly reason: string; readonly diedAtMs: number }>();
  #count = 0;
  /** The clock of those who claim. */
  #nowMs: () => number;
  /** Settles once what came to the node's own store has gone to SQS. */
  #relayed: Promise<void> | undefined;
  /** Replays and drops, one after the other. */
  #taking: Promise<unknown> = Promise.resolve();

  constructor(options: SqsStoreOptions) {
    this.#options = options;
    this.#queue = options.queue;
    this.#side = options.side;
    this.#claims = new SqsClaims(options.queue, options.clock, options.visibilitySeconds);
    this.maxConcurrency = options.concurrency;
    this.pollMs = options.waitSeconds > 0 ? 0 : shortPollMs; // usually `claim` itself waits
    this.#nowMs = () => options.clock.now();
  }

  get isDurable(): boolean {
    return this.#side.isDurable;
  }

  async add(envelopes: readonly Envelope[], nowMs: number): Promise<void> {
    await this.#relayed?.catch(() => {}); // what came earlier goes first
    await this.#send(envelopes, nowMs);
  }

  addDrafts(drafts: readonly Envelope[], untilMs: number, nowMs: number): Promise<void> {
    return this.#side.addDrafts(drafts, untilMs, nowMs);
  }

  /** By way of the node's own store, since SQS cannot do both in one write. What it does not take now, it is given by the next claim. */
  async replaceDrafts(drafts: readonly string[], envelope: Envelope, nowMs: number): Promise<void> {
    const kept = this.#side.replaceDrafts(drafts, envelope, nowMs);
    this.#relay(nowMs, kept).catch(() => {});
    await kept;
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
    const sorting: Sorting = { rooms, waiting: new Set(), nowMs: nowMs() };
    const claimed: Claimed[] = [];
    for (const message of messages) {
      const each = await this.#sort(message, sorting).catch(error => this.#options.onFault?.(error)); // the others are not its fault
      if (each !== undefined) claimed.push(each);
    }
    return { ...nothing, claimed };
  }

  async delivered({ place }: Claimed): Promise<void> {
    const own = place as SqsPlace;
    await this.#queue.delete(own.receipt);
    this.#claims.forget(own);
  }

  async retry(claimed: Claimed, dueAtMs: number, attempt: AttemptRecord): Promise<void> {
    const { receipt, handle } = claimed.place as SqsPlace;
    const { attempts, history } = claimed;
    const next = { ...claimed, attempts: attempts + 1, history: remember(history, attempt) };
    const delayMs = dueAtMs - this.#nowMs();
    if (this.#options.isFifo) {
      this.#claims.remember(handle, next, dueAtMs);
      await this.#queue.hide(receipt, secondsOf(delayMs));
      this.#claims.end(handle);
      return;
    }
    const copy = outgoingOf({ ...jsonOfClaimed(next, handle), dueAtMs }, delayMs);
    await this.#replace(claimed, () => this.#queue.send([copy]));
  }

  async bury(claimed: Claimed, reason: string, diedAtMs: number, attempt?: AttemptRecord): Promise<void> {
    const { envelope, attempts, history } = claimed;
    const all = attempt === undefined ? history : remember(history, attempt);
    const letter = { ...envelope, diedAtMs, reason, attempts: attempts + (attempt ? 1 : 0), history: all };
    await this.#replace(claimed, () => this.#side.addDead(letter));
  }

  /** Something else is written in place of the message, once, however often its deletion is tried. A crash between the two repeats the attempt. */
  async #replace(claimed: Claimed, write: () => Promise<unknown>): Promise<void> {
    const place = claimed.place as SqsPlace;
    if (!this.#claims.isReplaced(place)) await write();
    this.#claims.replaced(place);
    await this.delivered(claimed);
  }

  async release({ place }: Claimed): Promise<void> {
    const { receipt, handle } = place as SqsPlace;
    this.#claims.end(handle);
    await this.#queue.hide(receipt, 0);
  }

  /** SQS does not show what waits: it is buried as it comes. */
  async buryAll(endpoint: string, reason: string, diedAtMs: number): Promise<number> {
    this.#buried.set(endpoint, { reason, diedAtMs });
    this.#withoutRoom.delete(endpoint);
    return 0;
  }

  deadLetters(selection: Selection): Promise<readonly DeadLetter[]> {
    return this.#side.deadLetters(selection);
  }

  replay(selection: Selection, nowMs: number, endpoint?: string): Promise<readonly string[]> {
    return this.#inTurn(async () => {
      const limit = limitOf(selection);
      const letters = (await this.#side.deadLetters({ ...selection, limit: Infinity })).toReversed().slice(0, limit);
      const raws = letters.map(letter => {
        const envelope = { ...letter, endpoint: endpoint ?? letter.endpoint };
        return { ...jsonOf(envelope, this.#handle(nowMs), nowMs), isReplay: true };
      });
      await this.#queue.send(raws.map(raw => outgoingOf(raw)));
      return await this.#side.drop({ ...selection, ids: letters.map(({ id }) => id) });
    });
  }

  drop(selection: Selection): Promise<readonly string[]> {
    return this.#inTurn(() => this.#side.drop(selection));
  }

  schedule(deadline: Deadline): Promise<void> {
    return this.#side.schedule(deadline);
  }

  scheduleAtEnd(deadline: EndDeadline): Promise<void> {
    return this.#side.scheduleAtEnd(deadline);
  }

  cancelAtEnd(key: string): Promise<void> {
    return this.#side.cancelAtEnd(key);
  }

  cancel(key: string): Promise<boolean> {
    return this.#side.cancel(key);
  }

  dueDeadlines(nowMs: number, limit: number) {
    return this.#side.dueDeadlines(nowMs, limit);
  }

  /** As `replaceDrafts`: once it is deleted from the node's own store, it does not matter whether SQS can be reached. */
  async complete(deadline: Deadline, successors: Successors, nowMs: number): Promise<boolean> {
    const completed = this.#side.complete(deadline, successors, nowMs);
    if (successors.envelopes.length > 0) this.#relay(nowMs, completed).catch(() => {});
    return await completed;
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
    for (const endpoint of this.#withoutRoom) {
      found.set(endpoint, { ...(found.get(endpoint) ?? none), ready: 1 }); // at least
    }
    for (const [endpoint, inFlight] of this.#claims.counts()) {
      found.set(endpoint, { ...(found.get(endpoint) ?? none), inFlight });
    }
    return found.set(wholeQueue, { ...none, ...(await this.#queue.counts()) });
  }

  /** SQS shows an age in CloudWatch only. */
  async oldestReadyAtMs(): Promise<undefined> {}

  interrupt(): void {
    this.#queue.interrupt();
  }

  async close(): Promise<void> {
    this.#claims.close();
    this.#queue.close();
    await this.#side.close();
  }

  /** Claims the message, if it is due and its endpoint has room. */
  async #sort(message: Incoming, { rooms, waiting, nowMs }: Sorting): Promise<Claimed | undefined> {
    const json = parseMessage(message.body);
    if (json === undefined) {
      await this.#queue.hide(message.receipt, longestAwaySeconds); // not ours; the queue's redrive policy ends it
      return undefined;
    }
    const group = groupOf(json);
    if (waiting.has(group)) return await this.#giveBack(message);
    if (this.#options.isFifo) waiting.add(group); // until it is known that it does not wait
    const earlyByMs = this.#claims.dueAtMs(json) - nowMs;
    if (earlyByMs > earlyMs) return await this.#delayAgain(json, message.receipt, earlyByMs);
    if (await this.#buryIfAsked(this.#claims.claimedOf(json, message.receipt))) {
      waiting.delete(group);
      return undefined;
    }
    if (this.#options.isFifo && this.#claims.isTaken(json)) return await this.#giveBack(message);
    const room = rooms.get(json.endpoint) ?? 0;
    if (room === 0) {
      this.#withoutRoom.add(json.endpoint);
      await this.#queue.hide(message.receipt, Math.min(2 ** message.receiveCount, longestAwaySeconds));
      return undefined;
    }
    this.#withoutRoom.delete(json.endpoint);
    rooms.set(json.endpoint, room - 1);
    return this.#claims.claim(json, message.receipt);
  }

  /** SQS keeps it back until the one before it is settled. */
  async #giveBack({ receipt }: Incoming): Promise<undefined> {
    await this.#queue.hide(receipt, 0);
  }

  async #delayAgain(json: JsonEnvelope, receipt: string, delayMs: number): Promise<undefined> {
    if (this.#options.isFifo) {
      await this.#queue.hide(receipt, secondsOf(delayMs));
      return;
    }
    await this.#queue.send([outgoingOf(json, delayMs)]);
    await this.#queue.delete(receipt);
  }

  async #buryIfAsked(claimed: Claimed): Promise<boolean> {
    const { endpoint } = claimed.envelope;
    const end = this.#buried.get(endpoint);
    if (end === undefined || claimed.acceptedAtMs > end.diedAtMs) return false;
    await this.bury(claimed, end.reason, end.diedAtMs);
    return true;
  }

  async #send(envelopes: readonly Envelope[], nowMs: number): Promise<void> {
    await this.#queue.send(envelopes.map(envelope => outgoingOf(jsonOf(envelope, this.#handle(nowMs), nowMs))));
  }

  /** What came from deadlines and drafts goes to SQS. @param kept what is to be there before */
  #relay(nowMs: number, kept?: Promise<unknown>): Promise<void> {
    const relayed = Promise.allSettled([this.#relayed, kept]).then(() => this.#relayNow(nowMs));
    this.#relayed = relayed;
    const done = () => {
      if (this.#relayed === relayed) this.#relayed = undefined;
    };
    relayed.then(done, done);
    return relayed;
  }

  async #relayNow(nowMs: number): Promise<void> {
    while (await this.#relaySome(nowMs)) {
      // All of it: what is accepted from now on would overtake the rest.
    }
  }

  /** @returns false if there was nothing */
  async #relaySome(nowMs: number): Promise<boolean> {
    const depths = await this.#side.depths();
    const waiting = [...depths].filter(([, { ready }]) => ready > 0).map(([endpoint]) => endpoint);
    if (waiting.length === 0) return false;
    const endpoints = waiting.map(endpoint => ({ endpoint, count: relayedAtOnce, isOrdered: false }));
    const { claimed } = await this.#side.claim(
      () => ({ total: relayedAtOnce, endpoints }),
      () => nowMs,
    );
    if (claimed.length === 0) return false;
    try {
      await this.#send(
        claimed.map(({ envelope }) => envelope),
        nowMs,
      );
    } catch (error) {
      for (const each of claimed) await this.#side.release(each);
      throw error;
    }
    await Promise.all(claimed.map(each => this.#side.delivered(each)));
    return true;
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
}

import { atMost } from '../../clock.js';
import type { AttemptRecord, DeadLetter, Envelope, Selection } from '../envelope.js';
import { NotKept } from '../outbox-error.js';
import type { Claim, Claimed, Deadline, Depth, EndpointFacts, OutboxStore, Room, Successors } from '../store.js';
import { Interruption } from './interruption.js';
import { NatsBodies, type Whole } from './nats-bodies.js';
import { NatsChooser } from './nats-choice.js';
import { NatsDead } from './nats-dead.js';
import type { KeptDeadline } from './nats-deadlines.js';
import type { Entry } from './nats-entries.js';
import { addOf, claimedOf, failOf, fits, mostBytesOf, type NatsPlace, numbersOf, partsOf } from './nats-envelopes.js';
import type { NatsQueue } from './nats-queue.js';
import { type AddOp, type Op, sizeOf } from './nats-records.js';
import { NatsRoom } from './nats-room.js';

/** What others have written is found after this time. */
const pollMs = 100;
const avoidMs = 1_000;
/** So long, who only looks waits for what this node has written. */
const lookMs = 2_000;
/** Of a claim of which nothing was won. */
const mostTries = 3;
const buriedAtOnce = 100;
/** Every node remembers each of them. */
const mostWaiting = 1_000_000;
/** So long a deadline is left to the node that scheduled it. */
const politeMs = 1_000;
export interface NatsStoreOptions {
  readonly queue: NatsQueue;
  /** Envelopes in delivery on this node at a time. */
  readonly concurrency: number | undefined;
  /** So long, what is to be kept waits for NATS. */
  readonly limitMs: number;
  /** The clock of those who claim, until they do. */
  readonly nowMs: () => number;
  readonly monotonicMs: () => number;
  readonly onFault: (error: unknown) => void;
  /** Ends the connection. */
  readonly onClosed: () => Promise<void>;
}

/** The outbox in a stream of JetStream, for one or several nodes. Kept as well as JetStream keeps it. */
export class NatsStore implements OutboxStore {
  readonly pollMs = pollMs;
  readonly deadlinePollMs = politeMs / 2;
  readonly maxConcurrency: number | undefined;
  readonly isDurable = true;
  readonly #options: NatsStoreOptions;
  readonly #queue: NatsQueue;
  readonly bodies: NatsBodies;
  readonly room: NatsRoom;
  readonly #dead: NatsDead;
  readonly #chooser = new NatsChooser();
  /** Claimed here and not settled, or being claimed. */
  readonly #held = new Set<number>();
  /** Numbers of the drafts of this node, once they are known. */
  readonly #drafts = new Map<string, Promise<number | undefined>>();
  readonly #interruption = new Interruption();
  #nowMs: () => number;

  constructor(options: NatsStoreOptions) {
    const { queue, concurrency, nowMs } = options;
    this.#options = options;
    this.#queue = queue;
    this.bodies = new NatsBodies(queue.options.stream, () => queue.access);
    this.room = new NatsRoom(queue);
    this.#dead = new NatsDead(queue, this.bodies, options.limitMs);
    this.maxConcurrency = concurrency;
    this.#nowMs = nowMs;
    queue.listen({ tick: () => this.#releaseUnheld(), renewed: () => this.#held.clear() });
  }

  async add(envelopes: readonly Envelope[], nowMs: number): Promise<void> {
    const adds = envelopes.map(envelope => addOf(envelope, nowMs));
    this.#checkRoom(adds);
    if (fits(adds, this.#queue.maxPayload)) await this.#write(adds).stored;
    else await this.#addInParts(adds);
  }

  async addDrafts(drafts: readonly Envelope[], _untilMs: number, nowMs: number): Promise<void> {
    const adds = drafts.map(draft => addOf(draft, nowMs, 'draft'));
    this.#checkRoom(adds);
    const { stored, applied } = this.#write(adds);
    for (const [index, { id }] of drafts.entries()) {
      const ref = applied.then(
        outcomes => numbersOf(outcomes[index])[0],
        () => undefined,
      );
      this.#drafts.set(id, ref); // it may be replaced before NATS has answered
    }
    try {
      await stored;
    } catch (error) {
      for (const { id } of drafts) this.#drafts.delete(id);
      throw error;
    }
  }

  async replaceDrafts(drafts: readonly string[], envelope: Envelope, nowMs: number): Promise<void> {
    const known = await Promise.all(drafts.map(id => this.#drafts.get(id)));
    const refs = known.filter(ref => ref !== undefined);
    const add = addOf(envelope, nowMs);
    this.#checkSizes([add]); // it takes the room of the drafts
    await this.#write([{ do: 'replace', refs }, add]).stored;
    for (const id of drafts) this.#drafts.delete(id);
  }

  async claim(room: () => Room, nowMs: () => number): Promise<Claim> {
    this.#nowMs = nowMs;
    const nothing: Claim = { claimed: [], nextDueAtMs: undefined };
    this.#queue.checkUnderstood();
    if (this.#queue.access === undefined) return nothing; // the connection tells
    if (this.room.isCrowded) return nothing; // until the next poll
    await this.#interruption.race(this.#queue.settled);
    for (let tries = 1; ; tries += 1) {
      const options = { nowMs: nowMs(), monotonicMs: this.#options.monotonicMs() };
      const { refs, nextDueAtMs } = this.#chooser.choose(this.#queue.replica, this.#queue.node, room(), options);
      const claimed = refs.length === 0 ? [] : await this.#claim(refs);
      const hasLost = refs.length > 0 && claimed.length === 0; // others were faster; there may be more
      if (!hasLost || tries === mostTries) return { claimed, nextDueAtMs };
    }
  }

  interrupt(): void {
    this.#interruption.interrupt();
  }

  delivered(claimed: Claimed): Promise<void> {
    return this.#settle(claimed, ({ ref }) => ({ do: 'done', ref }));
  }

  retry(claimed: Claimed, dueAtMs: number, attempt: AttemptRecord): Promise<void> {
    return this.#settle(claimed, place => failOf('retry', claimed, place, dueAtMs, attempt, this.#queue.maxPayload));
  }

  bury(claimed: Claimed, reason: string, diedAtMs: number, attempt?: AttemptRecord): Promise<void> {
    return this.#settle(claimed, place => ({
      ...failOf('dead', claimed, place, diedAtMs, attempt, this.#queue.maxPayload),
      reason,
    }));
  }

  release(claimed: Claimed): Promise<void> {
    return this.#settle(claimed, ({ ref }) => ({ do: 'release', ref }));
  }

  async buryAll(endpoint: string, reason: string, diedAtMs: number): Promise<number> {
    const room = { total: buriedAtOnce, endpoints: [{ endpoint, count: buriedAtOnce, isOrdered: false }] };
    const options = { nowMs: this.#nowMs(), monotonicMs: this.#options.monotonicMs(), isAll: true };
    for (let count = 0; ; ) {
      await this.#caughtUp();
      const { refs } = this.#chooser.choose(this.#queue.replica, this.#queue.node, room, options);
      const claimed = refs.length === 0 ? [] : await this.#claim(refs);
      if (claimed.length === 0) return count;
      await Promise.all(claimed.map(each => this.bury(each, reason, diedAtMs)));
      count += claimed.length;
    }
  }

  async deadLetters(selection: Selection): Promise<readonly DeadLetter[]> {
    await this.#caughtUp();
    return await this.#dead.list(selection);
  }

  async replay(selection: Selection, nowMs: number, endpoint?: string): Promise<readonly string[]> {
    await this.#caughtUp();
    const to = endpoint === undefined ? {} : { endpoint };
    return await this.#dead.change(selection, refs => ({ do: 'revive', refs, acceptedAtMs: nowMs, ...to }));
  }

  async drop(selection: Selection): Promise<readonly string[]> {
    await this.#caughtUp();
    return await this.#dead.change(selection, refs => ({ do: 'drop', refs }));
  }

  async schedule({ key, dueAtMs, content }: Deadline): Promise<void> {
    await this.#write([{ do: 'schedule', key, dueAtMs, content }]).stored;
  }

  /** Others are there when this process ends, and what one node knows is not what is left. */
  async scheduleAtEnd(): Promise<void> {}

  async cancelAtEnd(): Promise<void> {}

  async cancel(key: string): Promise<boolean> {
    const [wasThere] = await this.#write([{ do: 'cancel', key }]).applied;
    return wasThere === true;
  }

  async dueDeadlines(nowMs: number, limit: number) {
    await this.#caughtUp();
    const due: Deadline[] = [];
    let nextDueAtMs: number | undefined;
    for (const deadline of this.#queue.replica.deadlines.inOrder()) {
      if (due.length === limit || deadline.dueAtMs > nowMs) {
        nextDueAtMs = deadline.dueAtMs;
        break;
      }
      const { key, dueAtMs, content } = deadline;
      if (this.#isNear(deadline) || dueAtMs + politeMs <= nowMs) due.push({ key, dueAtMs, content });
    }
    return { due, nextDueAtMs };
  }

  /**
   * Takes as long as it takes: what is written and not confirmed in time may yet come into the stream, and this node would
   * not know of the drafts.
   */
  async complete(deadline: Deadline, { envelopes, drafts }: Successors, nowMs: number): Promise<boolean> {
    const { key, dueAtMs, content } = deadline;
    const kept = this.#queue.replica.deadlines.get(key);
    if (kept === undefined || kept.dueAtMs !== dueAtMs || !kept.content.equals(content)) return false;
    const adds = [
      ...drafts.map(draft => addOf(draft, nowMs, 'draft')), // first: some of the envelopes may be there already
      ...envelopes.map(envelope => addOf(envelope, nowMs)),
    ];
    this.#checkRoom(adds);
    const [outcome] = await this.#queue.write([{ do: 'complete', key, ref: kept.ref, adds }]).applied;
    if (typeof outcome !== 'object') return false;
    const isHeld = drafts.every((_, index) => this.#queue.replica.entries.get(outcome[index] ?? 0)?.state === 'draft');
    if (!isHeld) return false; // this node counted as gone: others deliver them as they are
    for (const [index, { id }] of drafts.entries()) this.#drafts.set(id, Promise.resolve(outcome[index]));
    return true;
  }

  async facts(endpoint: string): Promise<EndpointFacts | undefined> {
    await this.#caughtUp();
    return this.#queue.replica.facts.get(endpoint);
  }

  async saveFacts(endpoint: string, facts: EndpointFacts | undefined): Promise<void> {
    await this.#write([{ do: 'facts', endpoint, facts }]).stored;
  }

  async depths(): Promise<ReadonlyMap<string, Depth>> {
    await this.#caughtUp();
    const lanes = [...this.#queue.replica.lanes.values()].filter(lane => !lane.isEmpty);
    return new Map(lanes.map(({ endpoint, depth }) => [endpoint, depth]));
  }

  async oldestReadyAtMs(): Promise<number | undefined> {
    await this.#caughtUp();
    const times = [...this.#queue.replica.lanes.values()].flatMap(lane => lane.oldestReady?.acceptedAtMs ?? []);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  async close(): Promise<void> {
    this.#interruption.interrupt();
    await this.#queue.leave();
    await this.#options.onClosed();
  }

  #write(ops: readonly Op[]) {
    return this.#queue.write(ops, this.#options.limitMs);
  }

  /** Sees all that this node has written. Without a connection or an answer, what it has seen last. */
  async #caughtUp(): Promise<void> {
    const { access, settled, options } = this.#queue;
    if (access === undefined) return;
    await atMost(lookMs, this.#interruption.race(settled), options.clock);
  }

  /** @throws NotKept */
  #checkRoom(adds: readonly AddOp[]): void {
    if (this.#queue.replica.waiting + adds.length > mostWaiting) {
      throw new NotKept('full', `${mostWaiting} envelopes wait: the queue keeps no more`);
    }
    this.#checkSizes(adds);
    this.room.check(adds.reduce((sum, add) => sum + sizeOf(add), 0));
  }

  /** @throws NotKept */
  #checkSizes(adds: readonly AddOp[]): void {
    const most = mostBytesOf(this.#queue.maxPayload);
    const largest = Math.max(0, ...adds.map(sizeOf));
    if (largest <= most) return;
    const text = `an envelope of ${largest} bytes is larger than ${most}: raise max_payload of nats-server`;
    throw new NotKept('failed', text);
  }

  /** More than one message: they count once the last one is there. */
  async #addInParts(adds: readonly AddOp[]): Promise<void> {
    const refs: number[] = [];
    for (const part of partsOf(adds, this.#queue.maxPayload)) {
      const outcomes = await this.#write(part.map(add => ({ ...add, as: 'part' }) as const)).applied;
      refs.push(...outcomes.flatMap(numbersOf));
    }
    const [committed] = await this.#write([{ do: 'commit', refs }]).applied;
    const least = adds.filter(({ isOnce }) => isOnce !== true).length; // the others may be there already
    if (numbersOf(committed).length === refs.length && refs.length >= least) return;
    throw new NotKept('unreachable', 'this node was silent for too long while it wrote');
  }

  async #claim(refs: readonly number[]): Promise<readonly Claimed[]> {
    const { node } = this.#queue;
    for (const ref of refs) this.#held.add(ref);
    const applied = this.#write([{ do: 'claim', refs }]).applied;
    let won: readonly number[] = [];
    try {
      const outcomes = await this.#interruption.race(applied);
      won = numbersOf(outcomes?.[0]);
    } finally {
      const isWon = new Set(won);
      for (const ref of refs) if (!isWon.has(ref)) this.#held.delete(ref);
    }
    return await this.#claimedOf(won, node);
  }

  async #claimedOf(refs: readonly number[], node: string): Promise<readonly Claimed[]> {
    const entries = refs.map(ref => this.#queue.replica.entries.get(ref)).filter(entry => entry !== undefined);
    const wholes = await this.bodies.of(entries).catch((error: unknown) => {
      this.#options.onFault(error);
      return new Map<number, Whole>();
    });
    const claimed: Claimed[] = [];
    for (const entry of entries) {
      const whole = wholes.get(entry.ref);
      if (whole === undefined) this.#giveBack(entry);
      else claimed.push(claimedOf(entry, whole, node));
    }
    return claimed;
  }

  /** Its content cannot be read now. */
  #giveBack({ ref, seq }: Entry): void {
    this.#options.onFault(new Error(`an envelope in message ${seq} of the queue cannot be read now`));
    this.#chooser.avoid(ref, this.#options.monotonicMs() + avoidMs);
    this.#held.delete(ref);
    void this.#queue.write([{ do: 'release', ref }]);
  }

  /** What others have by now is theirs. */
  async #settle({ place }: Claimed, opOf: (place: NatsPlace) => Op): Promise<void> {
    const own = place as NatsPlace;
    if (own.node !== this.#queue.node) return;
    await this.#queue.write([opOf(own)]).stored;
    this.#held.delete(own.ref);
  }

  /** Claims of which nobody heard that they were won. */
  #releaseUnheld(): void {
    const { node, replica } = this.#queue;
    for (const { ref, state } of replica.writers.get(node)?.holdings ?? []) {
      if (state === 'claimed' && !this.#held.has(ref)) void this.#queue.write([{ do: 'release', ref }]);
    }
  }

  #isNear({ adder }: KeptDeadline): boolean {
    return adder === this.#queue.node || this.#queue.replica.writers.get(adder) === undefined;
  }
}

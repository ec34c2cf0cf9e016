import { deleteEach, repeatsPurges } from '../../nats/removal.js';
import type { NatsBodies, Whole } from './nats-bodies.js';
import type { Entry } from './nats-entries.js';
import type { NatsQueue } from './nats-queue.js';
import { type KeepOp, type Op, sizeOf } from './nats-records.js';
import type { NatsRoom } from './nats-room.js';

/** Of a piece of the stream, about. */
const pieceBytes = 1024 * 1024;
const pieceRecords = 1_000;
/** Of a stream that has almost all that it may have: between two runs. */
const tightBytes = 128 * 1024;
/** Of one message. */
const keptBytes = 100 * 1024;
/** Envelopes whose contents are read at a time. */
const atOnce = 200;

type CompactedRoom = Pick<NatsRoom, 'freeBytes' | 'neededBytes' | 'isTight' | 'look'>;

/** The queue, as far as it matters here. */
export type CompactedQueue = Pick<NatsQueue, 'node' | 'replica' | 'access' | 'options' | 'listen' | 'write'>;

/**
 * Deletes the beginning of the stream when all that it says is settled, or said again further on. One of the nodes does it;
 * two that do it at the same time do no harm.
 */
export class NatsCompactor {
  readonly #queue: CompactedQueue;
  readonly #bodies: Pick<NatsBodies, 'of'>;
  readonly #room: CompactedRoom;
  readonly #onFault: (error: unknown) => void;
  #lastBegin: number | undefined;
  #bytes = 0;
  #records = 0;
  #isRunning = false;
  /** Read since the last run. */
  #newBytes = 0;

  constructor(
    queue: CompactedQueue,
    bodies: Pick<NatsBodies, 'of'>,
    room: CompactedRoom,
    onFault: (error: unknown) => void,
  ) {
    this.#queue = queue;
    this.#bodies = bodies;
    this.#room = room;
    this.#onFault = onFault;
    queue.listen({ read: bytes => this.#count(bytes), tick: () => void this.run() });
  }

  /** Does what there is to do. Never rejects. */
  async run(): Promise<void> {
    if (this.#isRunning || !this.#isElected) return;
    this.#isRunning = true;
    this.#newBytes = 0;
    try {
      while (await this.#step());
    } catch (error) {
      if (this.#queue.access !== undefined) this.#onFault(error);
    }
    this.#isRunning = false;
  }

  /** The first of those who are there. */
  get #isElected(): boolean {
    const { node, replica, access } = this.#queue;
    if (access === undefined || replica.writers.get(node) === undefined) return false;
    for (const writer of replica.writers.live) if (writer.node < node) return false;
    return true;
  }

  #count(bytes: number): void {
    const { lastBegin } = this.#queue.replica.segments;
    if (lastBegin !== this.#lastBegin) {
      this.#lastBegin = lastBegin;
      this.#bytes = 0;
      this.#records = 0;
    }
    this.#bytes += bytes;
    this.#records += 1;
    this.#newBytes += bytes;
    if (this.#newBytes >= tightBytes && this.#room.isTight) void this.run();
    const isFull = this.#bytes >= pieceBytes || this.#records >= pieceRecords;
    if (!isFull || !this.#isElected) return;
    this.#bytes = 0;
    this.#records = 0;
    const { seq, writers } = this.#queue.replica;
    void this.#queue.write([{ do: 'begin', asOf: seq, nodes: writers.nodes }]);
  }

  /** @returns whether there may be more to do */
  async #step(): Promise<boolean> {
    const { segments } = this.#queue.replica;
    const end = segments.second?.begin;
    if (end === undefined) return false;
    if (this.#isInUse(end)) {
      if (!(await this.#isTooLarge())) return false;
      await this.#sayAgain(end);
      if (this.#isInUse(end)) return false; // some of it has changed meanwhile
    }
    while (segments.second !== undefined && !this.#isInUse(segments.second.begin)) segments.dropFirst();
    await this.#removeBefore(segments.first.begin);
    if (this.#room.isTight) await this.#room.look();
    return true;
  }

  /** Where messages are deleted one by one, the last of them goes first: who meets the gap knows that the stream begins behind it. */
  async #removeBefore(begin: number): Promise<void> {
    const { access, options } = this.#queue;
    if (access === undefined) return;
    const { connection, manager } = access;
    if (!repeatsPurges(connection)) {
      await manager.streams.purge(options.stream, { seq: begin });
      return;
    }
    const { state } = await manager.streams.info(options.stream);
    await deleteEach(manager, options.stream, descending(begin - 1, state.first_seq));
  }

  /** Is something in the first piece, which ends here? */
  #isInUse(end: number): boolean {
    const { segments, deadlines, facts, dependents } = this.#queue.replica;
    if (segments.first.entries.size > 0) return true;
    for (const seq of dependents.values()) if (seq < end) return true;
    for (const { rootSeq } of deadlines.all()) if (rootSeq < end) return true;
    for (const [, { rootSeq }] of facts.all()) if (rootSeq < end) return true;
    return false;
  }

  async #isTooLarge(): Promise<boolean> {
    const { access, options } = this.#queue;
    const info = await access?.manager.streams.info(options.stream);
    return info !== undefined && info.state.bytes > 2 * this.#room.neededBytes + this.#room.freeBytes;
  }

  async #sayAgain(end: number): Promise<void> {
    const { segments, dependents } = this.#queue.replica;
    const rooted = [...segments.first.entries];
    const dependent = [...dependents].filter(([, seq]) => seq < end).map(([entry]) => entry);
    const entries = [...new Set([...rooted, ...dependent])];
    for (let from = 0; from < entries.length; from += atOnce) await this.#keepAll(entries.slice(from, from + atOnce));
    await this.#write(this.#deadlinesAndFacts(end));
  }

  async #keepAll(entries: readonly Entry[]): Promise<void> {
    const seqs = entries.map(({ seq }) => seq);
    const wholes = await this.#bodies.of(entries);
    await this.#write(entries.map((entry, index) => () => this.#keep(entry, wholes.get(entry.ref), seqs[index])));
  }

  /** Nothing, if it is gone by now, or what was read is not its content any more. */
  #keep(entry: Entry, whole: Whole | undefined, seq: number | undefined): readonly Op[] {
    const { entries, seq: asOf } = this.#queue.replica;
    const isAsRead = entries.get(entry.ref) === entry && entry.seq === seq;
    return whole === undefined || !isAsRead ? [] : [keepOf(entry, whole, asOf)];
  }

  /** Each operation is made right before it is written: it is void if the envelope changes in between. */
  async #write(makers: readonly (() => readonly Op[])[]): Promise<void> {
    let ops: Op[] = [];
    let bytes = 0;
    for (const [index, make] of makers.entries()) {
      const made = make();
      ops.push(...made);
      for (const op of made) bytes += sizeOf(op);
      if (ops.length === 0 || (bytes < keptBytes && index < makers.length - 1)) continue;
      await this.#queue.write(ops).applied;
      ops = [];
      bytes = 0;
    }
    if (ops.length > 0) await this.#queue.write(ops).applied;
  }

  #deadlinesAndFacts(end: number): (() => readonly Op[])[] {
    const { replica } = this.#queue;
    const deadlines = [...replica.deadlines.all()].filter(({ rootSeq }) => rootSeq < end);
    const facts = [...replica.facts.all()].filter(([, { rootSeq }]) => rootSeq < end);
    return [
      ...deadlines.map(({ key, dueAtMs, content, ref, adder }) => (): readonly Op[] => {
        return [{ do: 'schedule', key, dueAtMs, content, kept: { ref, asOf: replica.seq, adder } }];
      }),
      ...facts.map(([endpoint]) => (): readonly Op[] => {
        return [{ do: 'facts', endpoint, facts: replica.facts.get(endpoint), asOf: replica.seq }];
      }),
    ];
  }
}

function* descending(from: number, to: number): Iterable<number> {
  for (let number = from; number >= to; number -= 1) yield number;
}

function keepOf(entry: Entry, whole: Whole, asOf: number): KeepOp {
  const { ref, order, state, holder, key, atMs, acceptedAtMs, isReplay, adder, lane } = entry;
  const { id, createdAtMs, content, isOnce } = whole;
  const tried = whole.do === 'add' || isReplay ? {} : { attempts: whole.attempts, history: whole.history };
  const reason = whole.do === 'add' ? undefined : whole.reason;
  const own = { id, endpoint: lane.endpoint, key, createdAtMs, isOnce, content };
  const now = { ref, order, state, holder: holder?.node, adder, acceptedAtMs, isReplay, atMs, reason };
  return { do: 'keep', asOf, ...own, ...now, ...tried };
}

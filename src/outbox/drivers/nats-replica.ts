import { BTree } from './b-tree.js';
import { NatsDeadlines, NatsFacts } from './nats-deadlines.js';
import { byTime, Entry, Lane, type Writer } from './nats-entries.js';
import { NatsKnownIds } from './nats-known-ids.js';
import { NatsMentions } from './nats-mentions.js';
import { type AddOp, type KeepOp, type Op, type OutboxRecord, orderIn, refOf, type SettleOp } from './nats-records.js';
import { NatsSegments } from './nats-segments.js';
import { Writers } from './nats-writers.js';

type ByTime = InstanceType<typeof BTree<readonly [atMs: number, order: number], Entry>>;

/** What an operation has done: the numbers of what it has added, or those for which it was not void. */
export type Outcome = boolean | readonly number[];

/** Contents that a node keeps at hand. */
export interface Contents {
  take(entry: Entry, op: AddOp | SettleOp): void;
  drop(entry: Entry): void;
}

/**
 * What the records of the stream come to, in their order: every node that reads them has the same queue. Who comes first in
 * the stream is right: a claim of what is claimed already is void, for every reader. What comes of an operation depends on
 * the one envelope that it names, so that the beginning of the stream can go once all that is in it is said again.
 */
export class NatsReplica {
  readonly entries = new Map<number, Entry>();
  readonly lanes = new Map<string, Lane>();
  /** By when they died. */
  readonly dead: ByTime = new BTree<readonly [number, number], Entry>(undefined, byTime);
  readonly writers = new Writers();
  readonly deadlines: NatsDeadlines;
  readonly facts: NatsFacts;
  readonly segments = new NatsSegments();
  /** Envelopes that are there only because a deadline was, by the record of that. */
  readonly dependents = new Map<Entry, number>();
  /** The last record that was read. */
  seq = 0;
  /** Bytes of all envelopes. */
  size = 0;
  readonly #contents: Contents;
  readonly #mentions = new NatsMentions();
  readonly #knownIds = new NatsKnownIds();
  #isAtBegin = true;
  #slot = 0;
  #revived = 0;

  constructor(contents: Contents) {
    this.#contents = contents;
    this.deadlines = new NatsDeadlines(this.#mentions);
    this.facts = new NatsFacts(this.#mentions);
  }

  /** Envelopes that are not dead. */
  get waiting(): number {
    return this.entries.size - this.dead.size;
  }

  lane(endpoint: string): Lane {
    const known = this.lanes.get(endpoint);
    if (known !== undefined) return known;
    const lane = new Lane(endpoint);
    this.lanes.set(endpoint, lane);
    return lane;
  }

  /** @returns what came of each operation; undefined for a record that has arrived before */
  apply({ seq, node, number, ops }: OutboxRecord): readonly Outcome[] | undefined {
    this.seq = seq;
    this.#mentions.seq = seq;
    this.#slot = 0;
    this.#revived = 0;
    if (this.#isAtBegin) this.#mentions.beginSeq = seq;
    const begin = ops.find(op => op.do === 'begin');
    if (this.#isAtBegin && begin !== undefined) this.writers.load(begin.nodes);
    const writer = this.writers.of(node, number, seq);
    if (begin !== undefined && writer !== undefined) this.#begin(begin.asOf);
    const outcomes = writer && ops.map(op => this.#perform(op, writer));
    this.#isAtBegin = false;
    this.#mentions.prune();
    return outcomes;
  }

  #perform(op: Op, writer: Writer): Outcome {
    switch (op.do) {
      case 'add':
        return this.#refsOf(this.#add(op, writer));
      case 'keep':
        return this.#keep(op, this.#nextSlot());
      case 'revive':
        return op.refs.filter(ref => this.#revive(ref, op));
      case 'drop':
        return op.refs.filter(ref => this.#drop(ref));
      case 'schedule':
      case 'cancel':
      case 'complete':
        return this.#performOnDeadline(op, writer);
      case 'facts':
        return this.facts.save(op);
      case 'begin':
        return this.segments.lastBegin === this.seq;
      case 'gone':
        return this.#end(this.writers.get(op.node));
      case 'leave':
        return this.#end(writer);
      case 'alive':
        return true;
      default:
        return this.#performOnHeld(op, writer);
    }
  }

  #performOnDeadline(op: Op & { do: 'schedule' | 'cancel' | 'complete' }, writer: Writer): Outcome {
    if (op.do === 'schedule') return this.deadlines.schedule(op, this.#nextRef(), writer.node);
    if (op.do === 'cancel') return this.deadlines.remove(op.key) !== undefined;
    const deadline = this.deadlines.complete(op.key, op.ref);
    if (deadline !== undefined) return op.adds.flatMap(add => this.#depend(this.#add(add, writer), deadline.rootSeq));
    for (const _ of op.adds) this.#nextSlot();
    return false;
  }

  #depend(entry: Entry | undefined, rootSeq: number): readonly number[] {
    if (entry !== undefined) this.dependents.set(entry, rootSeq);
    return this.#refsOf(entry);
  }

  /** Whatever else is in the record, it is behind the place where the stream may begin. */
  #begin(asOf: number): void {
    if (this.#isAtBegin || this.writers.changedSeq <= asOf) this.segments.begin(this.seq);
  }

  /** What only the node may say that has the envelopes, and claims. */
  #performOnHeld(op: Op, writer: Writer): Outcome {
    switch (op.do) {
      case 'claim':
        return op.refs.filter(ref => this.#claim(this.#mention(ref), writer));
      case 'commit':
        return op.refs.filter(ref => this.#ifHeld(ref, writer, 'part', entry => this.#free(entry)));
      case 'replace':
        return op.refs.filter(ref => this.#ifHeld(ref, writer, 'draft', entry => this.#remove(entry)));
      case 'done':
        return this.#ifHeld(op.ref, writer, 'claimed', entry => this.#remove(entry));
      case 'release':
        return this.#ifHeld(op.ref, writer, 'claimed', entry => this.#free(entry));
      case 'retry':
      case 'dead': {
        const slot = this.#nextSlot();
        return this.#ifHeld(op.ref, writer, 'claimed', entry => this.#fail(entry, op, slot));
      }
      default:
        return false; // of a version that knows more operations
    }
  }

  #refsOf(entry: Entry | undefined): readonly number[] {
    return entry === undefined ? [] : [entry.ref];
  }

  #nextSlot(): number {
    this.#slot += 1;
    return this.#slot - 1;
  }

  #nextRef(): number {
    return refOf(this.seq, this.#nextSlot());
  }

  /** Notes that an operation names it, whatever comes of that. */
  #mention(ref: number): Entry | undefined {
    const entry = this.entries.get(ref);
    if (entry === undefined) this.#mentions.note(ref);
    else entry.mentionedSeq = this.seq;
    return entry;
  }

  #ifHeld(ref: number, writer: Writer, state: Entry['state'], change: (entry: Entry) => void): boolean {
    const entry = this.#mention(ref);
    if (entry === undefined || entry.state !== state || entry.holder !== writer) return false;
    change(entry);
    return true;
  }

  #add(op: AddOp, writer: Writer): Entry | undefined {
    const slot = this.#nextSlot();
    if (op.as === 'part' && !writer.isLive) return undefined;
    if (op.isOnce === true && !this.#knownIds.add(op.endpoint, op.id)) return undefined;
    const ref = refOf(this.seq, slot);
    const entry = new Entry(ref, ref, this.lane(op.endpoint), op.key, writer.node);
    entry.acceptedAtMs = op.acceptedAtMs;
    if (op.as !== undefined && writer.isLive) hold(entry, op.as, writer);
    this.#enter(entry, slot, op.content.length);
    this.#contents.take(entry, op);
    return entry;
  }

  #claim(entry: Entry | undefined, writer: Writer): boolean {
    if (entry === undefined || !writer.isLive) return false;
    if (entry.state !== 'ready' && entry.state !== 'delayed') return false;
    entry.lane.take(entry);
    hold(entry, 'claimed', writer);
    entry.lane.put(entry);
    return true;
  }

  /** Claimable from now on. */
  #free(entry: Entry): void {
    entry.lane.take(entry);
    letGo(entry);
    entry.state = 'ready';
    entry.lane.put(entry);
  }

  #fail(entry: Entry, op: SettleOp, slot: number): void {
    entry.lane.take(entry);
    letGo(entry);
    entry.state = op.do === 'retry' ? 'delayed' : 'dead';
    entry.atMs = op.atMs;
    entry.isReplay = false;
    entry.acceptedAtMs = op.acceptedAtMs;
    this.#contents.drop(entry);
    this.size += op.content.length - entry.size;
    entry.size = op.content.length;
    entry.seq = this.seq;
    entry.slot = slot;
    if (op.do === 'dead') this.#die(entry, op.id);
    else this.#contents.take(entry, op);
    entry.lane.put(entry);
  }

  #die(entry: Entry, id: string): void {
    entry.id = id;
    entry.lane.unchain(entry);
    this.dead.set([entry.atMs, entry.order], entry);
  }

  #revive(ref: number, { endpoint, acceptedAtMs }: Op & { do: 'revive' }): boolean {
    const entry = this.#mention(ref);
    if (entry?.state !== 'dead') return false;
    entry.lane.take(entry);
    this.dead.delete([entry.atMs, entry.order]);
    entry.state = 'ready';
    entry.id = undefined;
    entry.isReplay = true;
    entry.acceptedAtMs = acceptedAtMs;
    entry.order = orderIn(this.seq, this.#revived);
    this.#revived += 1;
    entry.lane = this.lane(endpoint ?? entry.lane.endpoint);
    entry.lane.put(entry);
    return true;
  }

  #drop(ref: number): boolean {
    const entry = this.#mention(ref);
    if (entry?.state !== 'dead') return false;
    this.#remove(entry);
    return true;
  }

  #enter(entry: Entry, slot: number, bytes: number, rootSeq = this.seq): void {
    entry.rootSeq = rootSeq;
    entry.seq = this.seq;
    entry.slot = slot;
    entry.mentionedSeq = this.seq;
    entry.size = bytes;
    this.size += bytes;
    this.segments.add(entry);
    this.entries.set(entry.ref, entry);
    if (entry.state === 'dead') this.dead.set([entry.atMs, entry.order], entry);
    entry.lane.put(entry);
  }

  #remove(entry: Entry): void {
    entry.lane.take(entry);
    entry.lane.unchain(entry);
    letGo(entry);
    if (entry.state === 'dead') this.dead.delete([entry.atMs, entry.order]);
    this.size -= entry.size;
    this.segments.remove(entry);
    this.entries.delete(entry.ref);
    this.dependents.delete(entry);
    this.#contents.drop(entry);
    this.#mentions.note(entry.ref);
  }

  /** All of it is in this record, as it was in an earlier one. */
  #move(entry: Entry, slot: number, asOf: number): void {
    this.segments.remove(entry);
    entry.rootSeq = asOf;
    this.segments.add(entry);
    entry.seq = this.seq;
    entry.slot = slot;
    this.dependents.delete(entry);
  }

  #keep(op: KeepOp, slot: number): boolean {
    const known = this.entries.get(op.ref);
    const isUnchanged = this.#mentions.isQuietSince(op.ref, op.asOf, known?.mentionedSeq);
    if (!isUnchanged) return false;
    if (known === undefined) return this.#keepUnknown(op, slot);
    known.mentionedSeq = this.seq;
    this.#move(known, slot, op.asOf);
    return true;
  }

  /** For a reader that has begun behind its first record. */
  #keepUnknown(op: KeepOp, slot: number): boolean {
    const holder = op.holder === undefined ? undefined : this.writers.get(op.holder);
    if (op.state === 'part' && holder === undefined) return false;
    if (op.isOnce === true) this.#knownIds.add(op.endpoint, op.id);
    const entry = new Entry(op.ref, op.order, this.lane(op.endpoint), op.key, op.adder);
    if (op.state === 'ready' || op.state === 'delayed' || op.state === 'dead') entry.state = op.state;
    else if (holder !== undefined) hold(entry, op.state, holder);
    entry.atMs = op.atMs;
    entry.isReplay = op.isReplay === true;
    entry.acceptedAtMs = op.acceptedAtMs;
    if (entry.state === 'dead') entry.id = op.id;
    this.#enter(entry, slot, op.content.length, op.asOf);
    return true;
  }

  #end(writer: Writer | undefined): boolean {
    if (writer === undefined || !writer.isLive) return false;
    this.writers.remove(writer, this.seq);
    for (const entry of [...writer.holdings]) {
      entry.mentionedSeq = this.seq;
      if (entry.state === 'part') this.#remove(entry);
      else this.#free(entry);
    }
    return true;
  }
}

function hold(entry: Entry, state: 'part' | 'draft' | 'claimed', writer: Writer): void {
  entry.state = state;
  entry.holder = writer;
  writer.holdings.add(entry);
}

function letGo(entry: Entry): void {
  entry.holder?.holdings.delete(entry);
  entry.holder = undefined;
}

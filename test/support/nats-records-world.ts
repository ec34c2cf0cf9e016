import { type CompactedQueue, NatsCompactor } from '../../src/outbox/drivers/nats-compactor.js';
import type { Entry } from '../../src/outbox/drivers/nats-entries.js';
import type { NatsAccess } from '../../src/outbox/drivers/nats-reader.js';
import {
  type AddOp,
  decodeRecord,
  encodeRecord,
  envelopeAt,
  mayBegin,
  type Op,
  type OutboxRecord,
  type SettleOp,
} from '../../src/outbox/drivers/nats-records.js';
import { NatsReplica } from '../../src/outbox/drivers/nats-replica.js';
import { NatsRoom } from '../../src/outbox/drivers/nats-room.js';

const nothingKept = { take: () => {}, drop: () => {} };

/** Numbers between 0 and `below`, the same for the same seed. */
export function numbers(seed: number): (below: number) => number {
  let state = seed | 0;
  return below => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/**
 * A stream in memory, nodes that write whatever they may into it, and one replica that has read all of it. Its beginning
 * goes now and then, while others write.
 */
export class RecordsWorld {
  readonly replica = new NatsReplica(nothingKept);
  /** As readers have them. */
  readonly records = new Map<number, OutboxRecord>();
  readonly #pick: (below: number) => number;
  readonly #numbers = new Map<string, number>();
  readonly #late: { readonly node: string; readonly data: Buffer }[] = [];
  #nodes = ['n0', 'n1', 'n2'];
  #named = 3;
  #seq = 0;
  #ids = 0;
  firstSeq = 1;
  #onDeleted = () => {};
  purges = 0;

  constructor(seed: number) {
    this.#pick = numbers(seed);
  }

  /** What a node that begins to read now comes to. */
  fresh(): NatsReplica {
    let replica = new NatsReplica(nothingKept);
    for (const record of this.records.values()) {
      const isAfterGap = replica.seq > 0 && record.seq > replica.seq + 1;
      if (isAfterGap && mayBegin(record)) replica = new NatsReplica(nothingKept);
      replica.apply(record);
    }
    return replica;
  }

  append(node: string, ops: readonly Op[]): ReturnType<NatsReplica['apply']> {
    const number = (this.#numbers.get(node) ?? 0) + 1;
    this.#numbers.set(node, number);
    const before = ops.map(op => (op.do === 'keep' ? this.#contentOf(op.ref) : undefined));
    const data = encodeRecord(number, ops);
    const outcomes = this.#arrive(node, data);
    for (const [index, op] of ops.entries()) {
      const isKept = op.do === 'keep' && outcomes?.[index] === true;
      if (isKept && !op.content.equals(before[index] as Buffer)) throw new Error('something else was kept');
    }
    if (this.#pick(20) === 0) this.#late.push({ node, data }); // it was not known whether it had arrived
    if (this.#pick(4) === 0) this.#arriveAgain();
    return outcomes;
  }

  /** Perhaps long after its node has gone. */
  #arriveAgain(): void {
    const [again] = this.#late.splice(this.#pick(this.#late.length), 1);
    if (again !== undefined && this.#arrive(again.node, again.data) !== undefined) throw new Error('it counts twice');
  }

  #arrive(node: string, data: Buffer): ReturnType<NatsReplica['apply']> {
    this.#seq += 1;
    const record = decodeRecord(this.#seq, `hw.1.out.${node}`, data);
    this.records.set(this.#seq, record);
    return this.replica.apply(record);
  }

  #contentOf(ref: number): Buffer | undefined {
    const entry = this.replica.entries.get(ref);
    return entry && this.#wholes([entry]).get(ref)?.content;
  }

  /** Some node does something. */
  step(): void {
    const node = this.#one(this.#nodes);
    this.append(node, Array.from({ length: 1 + this.#pick(3) }, () => this.#op(node)).flat());
    if (this.#pick(40) === 0) this.#replaceNode();
  }

  /** @param version of the server: before 2.9.18 one message after another goes @param onDeleted after each of these */
  async compact(version = '2.9.18', onDeleted = () => {}): Promise<void> {
    this.#onDeleted = onDeleted;
    const [node = ''] = this.replica.writers.nodes.map(({ node }) => node).toSorted();
    const world = this;
    const queue: CompactedQueue = {
      node,
      replica: this.replica,
      access: {
        connection: { info: { version, cluster: 'c' } },
        manager: { streams: this.#streams() },
      } as unknown as NatsAccess,
      options: { stream: 'hw_outbox' } as CompactedQueue['options'],
      listen: () => {},
      write(ops) {
        for (let others = world.#pick(3); others > 0; others -= 1) world.step();
        const outcomes = world.append(node, ops);
        return { stored: Promise.resolve(0), applied: Promise.resolve(outcomes ?? []) };
      },
    };
    const bodies = { of: async (entries: readonly Entry[]) => this.#wholes(entries) };
    await new NatsCompactor(queue, bodies, new NatsRoom(queue), error => {
      throw error;
    }).run();
  }

  #wholes(entries: readonly Entry[]) {
    return new Map(
      entries.flatMap(({ ref, seq, slot }) => {
        const record = this.records.get(seq);
        const op = record && envelopeAt(record, slot);
        return op === undefined ? [] : [[ref, op] as const];
      }),
    );
  }

  #streams() {
    return {
      info: async () => ({ state: { bytes: Number.MAX_SAFE_INTEGER, first_seq: this.firstSeq } }),
      deleteMessage: async (_stream: string, seq: number) => {
        this.records.delete(seq);
        if (seq === this.firstSeq) {
          [this.firstSeq = 0] = this.records.keys();
          this.purges += 1;
        }
        this.#onDeleted();
        return true;
      },
      purge: async (_stream: string, { seq: end }: { seq: number }) => {
        if (end <= this.firstSeq) return;
        for (let seq = this.firstSeq; seq < end; seq += 1) this.records.delete(seq);
        this.firstSeq = end;
        this.purges += 1;
      },
    };
  }

  #op(node: string): Op[] {
    const [ref, refs] = [this.#ref(), [this.#ref(), this.#ref()]];
    const key = `key ${this.#pick(3)}`;
    switch (this.#pick(17)) {
      case 0:
      case 1:
      case 2:
        return [this.#add(this.#as())];
      case 3:
        return [this.#add('part')];
      case 4:
        return [{ do: 'commit', refs: this.#held(node) }];
      case 5:
        return [{ do: 'replace', refs: this.#held(node) }, this.#add()];
      case 6:
      case 7:
      case 8:
        return [{ do: 'claim', refs }];
      case 9:
        return [{ do: this.#pick(3) === 0 ? 'release' : 'done', ref: this.#held(node)[0] ?? ref }];
      case 10:
      case 11:
        return [this.#fail(this.#held(node)[0] ?? ref)];
      case 12:
        return [this.#pick(2) === 0 ? { do: 'drop', refs } : { do: 'revive', refs, acceptedAtMs: 7, endpoint: 'b' }];
      case 13:
        return [{ do: 'schedule', key, dueAtMs: this.#pick(100), content: Buffer.from(`of ${this.#seq}`) }];
      case 14:
        return [{ do: 'cancel', key }];
      case 15:
        return [this.#complete(key)];
      default:
        return [this.#pick(3) > 0 ? this.#begin() : { do: 'facts', endpoint: 'a', ...this.#facts() }];
    }
  }

  #facts() {
    return this.#pick(3) === 0 ? {} : { facts: { failingSinceMs: this.#pick(100) } };
  }

  /** From what was read a moment ago. */
  #begin(): Op {
    return { do: 'begin', asOf: Math.max(0, this.replica.seq - this.#pick(3)), nodes: this.replica.writers.nodes };
  }

  #complete(key: string): Op {
    const ref = this.replica.deadlines.get(key)?.ref ?? 1;
    return { do: 'complete', key, ref, adds: [this.#add(this.#as()), this.#add()].slice(0, this.#pick(3)) };
  }

  #as(): AddOp['as'] {
    return this.#pick(6) === 0 ? 'draft' : undefined;
  }

  #add(as?: AddOp['as']): AddOp {
    this.#ids += 1;
    const key = this.#pick(3) === 0 ? undefined : `k${this.#pick(4)}`;
    const endpoint = this.#one(['a', 'b']);
    const content = Buffer.from(`content ${this.#ids}`);
    return { do: 'add', id: `e${this.#ids}`, endpoint, key, createdAtMs: 1, acceptedAtMs: this.#seq, as, content };
  }

  #fail(ref: number): SettleOp {
    const entry = this.replica.entries.get(ref);
    const { order = ref, key, lane } = entry ?? {};
    this.#ids += 1;
    const what = this.#pick(2) === 0 ? 'retry' : 'dead';
    const own = {
      id: `f${ref}`,
      endpoint: lane?.endpoint ?? 'a',
      key,
      createdAtMs: 1,
      content: Buffer.from(`again ${this.#ids}`),
    };
    return {
      do: what,
      ref,
      order,
      ...own,
      acceptedAtMs: 2,
      attempts: 1,
      history: [],
      atMs: this.#pick(100),
      reason: 'r',
    };
  }

  /** Of an envelope that is or was there. */
  #ref(): number {
    const known = [...this.replica.entries.keys()];
    return known.length === 0 || this.#pick(5) === 0 ? 4_096 * (1 + this.#pick(this.#seq + 1)) : this.#one(known);
  }

  #held(node: string): number[] {
    return [...(this.replica.writers.get(node)?.holdings ?? [])].map(({ ref }) => ref);
  }

  /** One is gone, or leaves, and another one comes. Who is gone may not know it yet. */
  #replaceNode(): void {
    const gone = this.#one(this.#nodes);
    if (this.#pick(2) === 0) this.append(gone, [{ do: 'leave' }]);
    else this.append(this.#one(this.#nodes), [{ do: 'gone', node: gone }]);
    if (this.#pick(2) === 0) this.append(gone, [{ do: 'claim', refs: [this.#ref()] }, this.#add('draft'), this.#add()]);
    this.#nodes = this.#nodes.filter(node => node !== gone);
    this.#nodes.push(`n${this.#named}`);
    this.#named += 1;
  }

  #one<T>(of: readonly T[]): T {
    return of[this.#pick(of.length)] as T;
  }
}

/** All that a replica says, in words that can be compared; contents as their records have them. */
export function stateOf(replica: NatsReplica, records: RecordsWorld['records']): object {
  const entry = ({ lane, holder, seq, slot, before, ...entry }: Entry) => {
    const { ref, order, key, adder, state, isReplay, acceptedAtMs, id = '' } = entry;
    const atMs = state === 'delayed' || state === 'dead' ? entry.atMs : 0;
    const record = records.get(seq);
    const content = record && envelopeAt(record, slot)?.content.toString();
    const own = [order, lane.endpoint, key, adder, state, isReplay, acceptedAtMs, atMs, id, holder?.node, before?.ref];
    return [ref, ...own, seq, content];
  };
  const lanes = [...replica.lanes.values()].filter(lane => !lane.isEmpty);
  return {
    entries: [...replica.entries.values()].toSorted((a, b) => a.ref - b.ref).map(entry),
    lanes: Object.fromEntries(
      lanes.map(lane => [
        lane.endpoint,
        {
          heads: refsOf(lane.heads.values()),
          behind: refsOf(lane.behind.values()),
          delayed: refsOf(lane.delayed.values()),
          depth: lane.depth,
        },
      ]),
    ),
    dead: refsOf(replica.dead.values()),
    deadlines: [...replica.deadlines.inOrder()].map(({ key, dueAtMs, content, ref, adder, rootSeq }) => [
      key,
      dueAtMs,
      content.toString(),
      ref,
      adder,
      rootSeq,
    ]),
    facts: [...replica.facts.all()],
    nodes: replica.writers.nodes.map(({ node, number }) => `${node} ${number}`).toSorted(),
    waiting: replica.waiting,
    size: replica.size,
  };
}

function refsOf(entries: Iterable<Entry>): number[] {
  return Array.from(entries, ({ ref }) => ref);
}

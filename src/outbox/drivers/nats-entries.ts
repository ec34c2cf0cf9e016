import type { Depth } from '../store.js';
import { BTree } from './b-tree.js';
import type { AddOp, SettleOp } from './nats-records.js';

type ByOrder = InstanceType<typeof BTree<number, Entry>>;
type ByTime = InstanceType<typeof BTree<readonly [atMs: number, order: number], Entry>>;

export type EntryState = 'part' | 'draft' | 'ready' | 'delayed' | 'claimed' | 'dead';

/** A node that writes into the stream, from its first record until it has left or counts as gone. */
export class Writer {
  /** Of its last record. */
  number = 0;
  isLive: boolean;
  /** What it has claimed, and its drafts and parts. */
  readonly holdings = new Set<Entry>();

  constructor(
    readonly node: string,
    isLive: boolean,
  ) {
    this.isLive = isLive;
  }
}

/** What every node remembers of an envelope in the stream: not its content. There may be a million of them. */
export class Entry {
  state: EntryState = 'ready';
  /** Who claimed it, or whose draft or part it is. */
  holder: Writer | undefined;
  /** When it is due, or when it died. */
  atMs = 0;
  isReplay = false;
  acceptedAtMs = 0;
  /** Readers that begin with this record, or before it, know it. */
  rootSeq = 0;
  /** The record that its content is in, and where there. */
  seq = 0;
  slot = 0;
  /** The last record that mentions it. */
  mentionedSeq = 0;
  /** Of dead letters. */
  id: string | undefined;
  /** Bytes of its content, about. */
  size = 0;
  /** As its record has it, if that is at hand. */
  cached: AddOp | SettleOp | undefined;
  /** Neighbours with the same key, in order of acceptance. */
  before: Entry | undefined;
  next: Entry | undefined;
  chain: Chain | undefined;

  constructor(
    readonly ref: number,
    /** Entries sort by it in order of acceptance. */
    public order: number,
    public lane: Lane,
    readonly key: string | undefined,
    /** The node that accepted it. */
    readonly adder: string,
  ) {}
}

/** Envelopes of one endpoint with the same key that are neither delivered nor dead. */
class Chain {
  first: Entry | undefined;
  #last: Entry | undefined;

  /** Usually at the end. */
  insert(entry: Entry): void {
    let before = this.#last;
    while (before !== undefined && before.order > entry.order) before = before.before;
    const next = before === undefined ? this.first : before.next;
    entry.chain = this;
    this.#join(before, entry);
    this.#join(entry, next);
  }

  remove(entry: Entry): void {
    this.#join(entry.before, entry.next);
    entry.before = undefined;
    entry.next = undefined;
    entry.chain = undefined;
  }

  #join(before: Entry | undefined, next: Entry | undefined): void {
    if (before === undefined) this.first = next;
    else before.next = next;
    if (next === undefined) this.#last = before;
    else next.before = before;
  }
}

export function byTime(a: readonly [number, number], b: readonly [number, number]): number {
  return a[0] - b[0] || a[1] - b[1];
}

/** The envelopes of one endpoint. */
export class Lane {
  /** Claimable: first of their key, or without one. */
  readonly heads: ByOrder = new BTree<number, Entry>();
  /** Behind an earlier one of their key: claimable where the endpoint is not ordered. */
  readonly behind: ByOrder = new BTree<number, Entry>();
  readonly delayed: ByTime = new BTree<readonly [number, number], Entry>(undefined, byTime);
  /** As its room said last. */
  isOrdered = false;
  readonly #chains = new Map<string, Chain>();
  readonly #counts = { part: 0, draft: 0, claimed: 0, dead: 0 };

  constructor(readonly endpoint: string) {}

  get depth(): Depth {
    const { draft, claimed, dead } = this.#counts;
    const ready = this.heads.size + this.behind.size + draft;
    return { ready, delayed: this.delayed.size, inFlight: claimed, dead };
  }

  get isEmpty(): boolean {
    const { ready, delayed, inFlight, dead } = this.depth;
    return ready + delayed + inFlight + dead === 0;
  }

  /** Of those that wait for a first attempt and for nothing else. */
  get oldestReady(): Entry | undefined {
    const [head, behind] = [firstOf(this.heads), this.isOrdered ? undefined : firstOf(this.behind)];
    return head !== undefined && behind !== undefined && behind.order < head.order ? behind : (head ?? behind);
  }

  /** Listed from now on as its state says. */
  put(entry: Entry): void {
    if (holdsBack(entry) && entry.key !== undefined && entry.chain === undefined) this.#chain(entry.key).insert(entry);
    this.#list(entry, true);
    if (entry.next !== undefined) this.#listAgain(entry.next); // it may have come in front
  }

  /** To be called before its state changes. */
  take(entry: Entry): void {
    this.#list(entry, false);
  }

  /** After it was taken: later ones of its key do not wait for it any more. */
  unchain(entry: Entry): void {
    const { chain, next } = entry;
    if (chain === undefined) return;
    chain.remove(entry);
    if (chain.first === undefined) this.#chains.delete(entry.key ?? '');
    if (next !== undefined) this.#listAgain(next);
  }

  #chain(key: string): Chain {
    const known = this.#chains.get(key);
    if (known !== undefined) return known;
    const chain = new Chain();
    this.#chains.set(key, chain);
    return chain;
  }

  #listAgain(entry: Entry): void {
    if (entry.state !== 'ready') return;
    this.#list(entry, false);
    this.#list(entry, true);
  }

  #list(entry: Entry, isIn: boolean): void {
    const { state, order, atMs } = entry;
    if (state === 'ready') {
      if (isIn) (entry.before === undefined ? this.heads : this.behind).set(order, entry);
      else if (!this.heads.delete(order)) this.behind.delete(order);
    } else if (state === 'delayed') {
      if (isIn) this.delayed.set([atMs, order], entry);
      else this.delayed.delete([atMs, order]);
    } else {
      this.#counts[state] += isIn ? 1 : -1;
    }
  }
}

function firstOf(entries: ByOrder): Entry | undefined {
  const key = entries.minKey();
  return key === undefined ? undefined : entries.get(key);
}

/** Later ones of its key wait for it. */
function holdsBack({ state }: Entry): boolean {
  return state === 'ready' || state === 'delayed' || state === 'claimed';
}

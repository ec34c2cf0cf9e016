import type { Envelope } from '../envelope.js';
import type { Claimed } from '../store.js';
import { keyDigest, type Lane } from './lane.js';
import type { RecentRows } from './recent-rows.js';
import { decodeRow, encodeRow, type Row, type RowHead } from './row-codec.js';
import { type Change, endOf, type RowKey, type Tables } from './tables.js';

/** Rows that one claim may move behind an earlier one of their key. */
const mostMoves = 256;

/** Rows of `ready` whose numbers one search finds. */
const mostAhead = 256;

/** Where a claimed row is. */
export interface Place {
  readonly lane: Lane;
  readonly table: 'ready' | 'waiting' | 'held';
  readonly rowKey: RowKey;
  readonly seq: number;
  /** Of ordered envelopes. */
  readonly keyDigest: string | undefined;
  /** Its row is removed. */
  isGone?: boolean;
}

export interface Wanted {
  readonly count: number;
  readonly isOrdered: boolean;
  readonly nowMs: number;
}

export interface Found {
  readonly claimed: readonly Claimed[];
  /** To be written before anything else is claimed. */
  readonly moves: readonly Change[];
  /** Infinity: none. */
  readonly nextDueAtMs: number;
}

/** Where rows are, and who is told of one that cannot be read. */
export interface ClaimedFrom {
  readonly tables: Tables;
  readonly recent: RecentRows;
  readonly onFault: (error: unknown) => void;
}

/** Claims of one endpoint: first what follows a settled one of its key, then what is due, then what is new. */
export function claimFrom(from: ClaimedFrom, lane: Lane, wanted: Wanted): Found {
  const claim = new LaneClaim(from, lane, wanted);
  claim.takeFreed();
  claim.takeDue();
  claim.takeNew();
  return claim;
}

/** When the first envelope that nothing holds back was accepted. */
export function firstReadyAtMs(tables: Tables, { endpoint, cursor, taken }: Lane): number | undefined {
  for (const [rowKey, value] of tables.range('ready', [endpoint, cursor + 1], endOf([endpoint]))) {
    if (!taken.has(rowKey[1] as number)) return acceptedAtMsOf(value);
  }
  return undefined;
}

/** Undefined for a row that cannot be read: the claim that finds it tells. */
function acceptedAtMsOf(value: Buffer): number | undefined {
  try {
    return decodeRow(value).head.acceptedAtMs;
  } catch {
    return undefined;
  }
}

class LaneClaim implements Found {
  readonly claimed: Claimed[] = [];
  readonly moves: Change[] = [];
  nextDueAtMs = Infinity;
  readonly #from: ClaimedFrom;
  readonly #lane: Lane;
  readonly #wanted: Wanted;

  constructor(from: ClaimedFrom, lane: Lane, wanted: Wanted) {
    this.#from = from;
    this.#lane = lane;
    this.#wanted = wanted;
  }

  takeFreed(): void {
    const { endpoint, freedKeys, activeKeys } = this.#lane;
    for (const digest of freedKeys) {
      if (this.#isFull) return;
      freedKeys.delete(digest);
      const isNext = this.#takeFirstHeld(endpoint, digest);
      if (!isNext) activeKeys.delete(digest);
    }
  }

  takeDue(): void {
    const { endpoint, taken, delayed } = this.#lane;
    if (delayed === 0) return;
    for (const [rowKey, value] of this.#from.tables.range('waiting', [endpoint], endOf([endpoint]))) {
      const [, dueAtMs, seq] = rowKey as [string, number, number];
      if (taken.has(seq)) continue;
      if (dueAtMs > this.#wanted.nowMs) this.nextDueAtMs = dueAtMs;
      if (dueAtMs > this.#wanted.nowMs || this.#isFull) return;
      this.#takeStored('waiting', rowKey, seq, value); // its key may be blocked, whatever the order is now
    }
  }

  takeNew(): void {
    const lane = this.#lane;
    while (!this.#isFull) {
      if (this.moves.length >= mostMoves) {
        this.nextDueAtMs = this.#wanted.nowMs; // go on soon
        return;
      }
      const seq = this.#nextNew();
      if (seq === undefined) return;
      if (!lane.taken.has(seq)) this.#takeOrHold([lane.endpoint, seq], seq);
    }
  }

  /** Moves the cursor. Hot path: a search of the table costs as much as a delivery. */
  #nextNew(): number | undefined {
    const lane = this.#lane;
    const { endpoint, cursor } = lane;
    if (lane.ahead.length === 0) {
      const keys = this.#from.tables.keys('ready', [endpoint, cursor + 1], endOf([endpoint]), mostAhead);
      lane.ahead = Array.from(keys, ([, seq]) => seq as number).reverse();
    }
    const seq = lane.ahead.pop();
    if (seq !== undefined) lane.cursor = seq;
    return seq;
  }

  get #isFull(): boolean {
    return this.claimed.length >= this.#wanted.count;
  }

  #takeFirstHeld(endpoint: string, digest: string): boolean {
    for (const [rowKey, value] of this.#from.tables.range('held', [endpoint, digest], endOf([endpoint, digest]))) {
      const seq = rowKey[2] as number;
      if (!this.#lane.taken.has(seq) && this.#takeStored('held', rowKey, seq, value)) return true;
    }
    return false;
  }

  #takeOrHold(rowKey: RowKey, seq: number): void {
    const row = this.#from.recent.take(seq) ?? this.#read(seq, this.#from.tables.get('ready', rowKey));
    if (row === undefined) return;
    const { key } = row.head;
    const digest = this.#wanted.isOrdered && key !== undefined ? keyDigest(key) : undefined;
    if (digest === undefined || !this.#isTaken(digest)) this.#take('ready', rowKey, seq, row, digest);
    else this.#hold(rowKey, digest, seq, row);
  }

  #hold(rowKey: RowKey, digest: string, seq: number, { head, content }: Row): void {
    const heldKey = [this.#lane.endpoint, digest, seq];
    this.moves.push(['ready', rowKey, undefined], ['held', heldKey, encodeRow(head, content)]);
  }

  #isTaken(digest: string): boolean {
    const { endpoint, activeKeys } = this.#lane;
    return activeKeys.has(digest) || this.#from.tables.get('blocked', [endpoint, digest]) !== undefined;
  }

  /** Of ordered envelopes. */
  #takeStored(table: 'waiting' | 'held', rowKey: RowKey, seq: number, value: Buffer): boolean {
    const row = this.#read(seq, value);
    if (row === undefined) return false;
    const { key } = row.head;
    this.#take(table, rowKey, seq, row, key === undefined ? undefined : keyDigest(key));
    return true;
  }

  #take(table: Place['table'], rowKey: RowKey, seq: number, { head, content }: Row, digest: string | undefined): void {
    const lane = this.#lane;
    if (digest !== undefined) lane.activeKeys.add(digest);
    lane.taken.add(seq);
    lane.inFlight += 1;
    if (table === 'waiting') lane.delayed -= 1;
    else lane.ready -= 1;
    this.claimed.push(claimedOf(lane.endpoint, head, content, { lane, table, rowKey, seq, keyDigest: digest }));
  }

  /** A row that cannot be read stays where it is, and is not looked at again before the next start. */
  #read(seq: number, value: Buffer | undefined): Row | undefined {
    try {
      return value && decodeRow(value);
    } catch (error) {
      this.#lane.taken.add(seq);
      this.#from.onFault(error);
      return undefined;
    }
  }
}

function claimedOf(endpoint: string, head: RowHead, content: Buffer, place: Place): Claimed {
  const { attempts = 0, history = [], isReplay = false, acceptedAtMs } = head;
  return { envelope: envelopeOf(endpoint, head, content), acceptedAtMs, attempts, history, isReplay, place };
}

export function envelopeOf(endpoint: string, { id, key, createdAtMs }: RowHead, content: Buffer): Envelope {
  return key === undefined ? { id, endpoint, createdAtMs, content } : { id, endpoint, key, createdAtMs, content };
}

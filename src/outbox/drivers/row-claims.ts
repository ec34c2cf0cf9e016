import type { Envelope } from '../envelope.js';
import type { Claimed } from '../store.js';
import { keyDigest, type Lane } from './lane.js';
import type { NewRow } from './ready-rows.js';
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

/** Where rows are, who is told of one that cannot be read, and what a claim of several endpoints has so far. */
export interface ClaimedFrom {
  readonly tables: Tables;
  readonly onFault: (error: unknown) => void;
  readonly claimed: Claimed[];
  /** To be written before anything else is claimed. */
  readonly moves: Change[];
}

/**
 * Claims of one endpoint: first what follows a settled one of its key, then what is due, then what is new.
 * @returns when the next one is due; Infinity: none is
 */
export function claimFrom(from: ClaimedFrom, lane: Lane, wanted: Wanted): number {
  const claim = new LaneClaim(from, lane, wanted);
  claim.takeFreed();
  claim.takeDue();
  claim.takeNew();
  return claim.nextDueAtMs;
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

class LaneClaim {
  nextDueAtMs = Infinity;
  readonly #from: ClaimedFrom;
  readonly #lane: Lane;
  readonly #wanted: Wanted;
  /** As many rows are claimed when there is no more room. */
  readonly #full: number;
  readonly #movesFull: number;

  constructor(from: ClaimedFrom, lane: Lane, wanted: Wanted) {
    this.#from = from;
    this.#lane = lane;
    this.#wanted = wanted;
    this.#full = from.claimed.length + wanted.count;
    this.#movesFull = from.moves.length + mostMoves;
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
      if (this.#from.moves.length >= this.#movesFull) {
        this.nextDueAtMs = this.#wanted.nowMs; // go on soon
        return;
      }
      const next = this.#nextNew();
      if (next === undefined) return;
      if (typeof next !== 'number') this.#takeOrHold(next.seq, next);
      else if (!lane.taken.has(next)) this.#takeOrHold(next, this.#readNew(next));
    }
  }

  /** Moves the cursor. */
  #nextNew(): number | NewRow | undefined {
    const lane = this.#lane;
    const next = lane.ahead.shift() ?? this.#lookAhead();
    if (next !== undefined) lane.cursor = Math.max(lane.cursor, typeof next === 'number' ? next : next.seq);
    return next;
  }

  /** Many at a time. */
  #lookAhead(): number | NewRow | undefined {
    const { endpoint, cursor, ahead } = this.#lane;
    if (ahead.isWhole) return undefined;
    const keys = this.#from.tables.keys('ready', [endpoint, cursor + 1], endOf([endpoint]), mostAhead);
    const seqs = Array.from(keys, ([, seq]) => seq as number);
    ahead.found(seqs, seqs.length < mostAhead);
    return ahead.shift();
  }

  #readNew(seq: number): Row | undefined {
    return this.#read(seq, this.#from.tables.get('ready', [this.#lane.endpoint, seq]));
  }

  get #isFull(): boolean {
    return this.#from.claimed.length >= this.#full;
  }

  #takeFirstHeld(endpoint: string, digest: string): boolean {
    for (const [rowKey, value] of this.#from.tables.range('held', [endpoint, digest], endOf([endpoint, digest]))) {
      const seq = rowKey[2] as number;
      if (!this.#lane.taken.has(seq) && this.#takeStored('held', rowKey, seq, value)) return true;
    }
    return false;
  }

  #takeOrHold(seq: number, row: Row | undefined): void {
    if (row === undefined) return;
    const rowKey = [this.#lane.endpoint, seq];
    const { key } = row.head;
    const digest = this.#wanted.isOrdered && key !== undefined ? keyDigest(key) : undefined;
    if (digest === undefined || !this.#isTaken(digest)) this.#take('ready', rowKey, seq, row, digest);
    else this.#hold(rowKey, digest, seq, row);
  }

  #hold(rowKey: RowKey, digest: string, seq: number, { head, content }: Row): void {
    const heldKey = [this.#lane.endpoint, digest, seq];
    this.#from.moves.push(['ready', rowKey, undefined], ['held', heldKey, encodeRow(head, content)]);
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
    this.#from.claimed.push(claimedOf(lane.endpoint, head, content, { lane, table, rowKey, seq, keyDigest: digest }));
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

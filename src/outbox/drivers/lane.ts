import { createHash } from 'node:crypto';
import type { NewRow, ReadyRows, RowRoom } from './ready-rows.js';

/** What a local store remembers of one endpoint; never more than there is in delivery. */
export class Lane {
  /** Claimable, or held back by an earlier one of their key. */
  ready = 0;
  drafts = 0;
  delayed = 0;
  dead = 0;
  inFlight = 0;
  /** The last row of `ready` that a claim has looked at; all before it are claimed, moved or gone. */
  cursor = 0;
  /** Rows in delivery, or whose next place is being written. */
  readonly taken = new Set<number>();
  /** Keys, as in the tables, of ordered envelopes in delivery. */
  readonly activeKeys = new Set<string>();
  /** Of those, the ones whose envelope is settled: the next held one may be claimed. */
  readonly freedKeys = new Set<string>();

  /** What is not in delivery becomes dead letters: nothing is claimed meanwhile. */
  isBurying = false;

  /** @param ahead rows of `ready` behind the cursor */
  constructor(
    readonly endpoint: string,
    readonly ahead: ReadyRows,
  ) {}

  /** It is written. A claim or a burial may have found it before this is called. */
  added(row: NewRow): void {
    if (!this.ahead.add(row, this.ready === 0)) this.rewind(row.seq);
    this.ready += 1;
  }

  /** The row of `ready` is claimable again, or was passed by. */
  rewind(seq: number): void {
    this.cursor = Math.min(this.cursor, seq - 1);
    this.ahead.forget();
  }

  get isEmpty(): boolean {
    return this.ready + this.drafts + this.delayed + this.dead + this.inFlight === 0;
  }
}

export class Lanes {
  readonly #room: RowRoom;
  readonly #lanes = new Map<string, Lane>();

  /** @param room of the rows that are kept in memory until they are claimed */
  constructor(room: RowRoom) {
    this.#room = room;
  }

  of(endpoint: string): Lane {
    const known = this.#lanes.get(endpoint);
    if (known !== undefined) return known;
    const lane = new Lane(endpoint, this.#room.line());
    this.#lanes.set(endpoint, lane);
    return lane;
  }

  find(endpoint: string): Lane | undefined {
    return this.#lanes.get(endpoint);
  }

  all(): Iterable<Lane> {
    return this.#lanes.values();
  }
}

/** A key of any length as part of a row's key, which LMDB limits. */
export function keyDigest(key: string): string {
  return createHash('sha256').update(key).digest('base64url').slice(0, 32);
}

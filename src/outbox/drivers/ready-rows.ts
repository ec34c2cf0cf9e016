import type { Row } from './row-codec.js';

/** One that was written by this process. */
export interface NewRow extends Row {
  readonly endpoint: string;
  readonly seq: number;
}

/** A claim of what waits for longer reads it from the tables: its endpoint is slow, and others make better use of the room. */
const keptMs = 10_000;

/** What a row takes beside its content, about. */
const headBytes = 256;

/** So many that are taken may stay in front before the others move up. */
const mostTaken = 1_024;

/** The room in memory that the rows of all lanes share. */
export class RowRoom {
  readonly #maxBytes: number;
  readonly #lines: ReadyRows[] = [];
  #bytes = 0;
  /** No row is old enough before that. */
  #oldAtMs = -Infinity;

  /** @param maxBytes of all rows; 0: none are kept */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** A line of rows that share this room. */
  line(): ReadyRows {
    const line = new ReadyRows(this);
    this.#lines.push(line);
    return line;
  }

  /** @returns whether there is room for the row, which is taken then */
  take(row: NewRow): boolean {
    const bytes = bytesOf(row);
    if (this.#bytes + bytes > this.#maxBytes) this.#forgetOld(row.head.acceptedAtMs);
    if (this.#bytes + bytes > this.#maxBytes) return false;
    this.#bytes += bytes;
    return true;
  }

  giveBack(row: NewRow): void {
    this.#bytes -= bytesOf(row);
  }

  #forgetOld(nowMs: number): void {
    if (nowMs < this.#oldAtMs) return;
    this.#oldAtMs = Infinity;
    for (const line of this.#lines) {
      const oldAtMs = line.keptSinceMs + keptMs;
      if (oldAtMs <= nowMs) line.forget();
      else this.#oldAtMs = Math.min(this.#oldAtMs, oldAtMs);
    }
  }
}

/**
 * Rows of `ready` behind the cursor of a lane, as far as they are known, the next one first. Most are claimed soon after they
 * were written: those need not be looked for, read and decoded. What is not known is found by a search behind the last one.
 * Hot path: without them, each claim searches the table.
 */
export class ReadyRows {
  readonly #room: RowRoom;
  /** Of one that was found in the table its number. */
  #rows: (number | NewRow)[] = [];
  /** Index of the first that is not taken. */
  #next = 0;
  #isWhole = false;
  #addedTo = 0;
  /** No row with a higher number was found in the table. */
  #foundTo = 0;

  constructor(room: RowRoom) {
    this.#room = room;
  }

  /** No row of the table is behind the last one. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Of those that are kept in memory; Infinity: none is. In the time of `acceptedAtMs`. */
  get keptSinceMs(): number {
    for (let index = this.#next; index < this.#rows.length; index += 1) {
      const row = this.#rows[index]!;
      if (typeof row !== 'number') return row.head.acceptedAtMs;
    }
    return Infinity;
  }

  /**
   * It is written. What a search has found before is left out: it is in the line or claimed.
   * @param isAlone nothing else is in the table, but for what is still to be added
   * @returns false for one whose number is lower than that of a row which was added before: claims may have passed it by
   */
  add(row: NewRow, isAlone: boolean): boolean {
    if (row.seq <= this.#addedTo) return false;
    this.#addedTo = row.seq;
    if (row.seq <= this.#foundTo) return true;
    if (isAlone) this.#isWhole = true;
    if (this.#isWhole && this.#room.take(row)) this.#rows.push(row);
    else this.#isWhole = false;
    return true;
  }

  /**
   * What a search behind the last one has found.
   * @param isAll nothing more is behind them
   */
  found(seqs: readonly number[], isAll: boolean): void {
    for (const seq of seqs) this.#rows.push(seq);
    this.seen(seqs.at(-1) ?? 0);
    this.#isWhole = isAll;
  }

  /** The row of that number was found in the table, which may be before it is added. */
  seen(seq: number): void {
    this.#foundTo = Math.max(this.#foundTo, seq);
  }

  /** The next one, which is taken out: of one that was found in the table its number. Undefined: none is known. */
  shift(): number | NewRow | undefined {
    const row = this.#rows[this.#next];
    if (row === undefined) return undefined;
    this.#next += 1;
    if (this.#isEmpty) this.#empty();
    else if (this.#next > mostTaken && this.#next * 2 > this.#rows.length) this.#moveUp();
    if (typeof row !== 'number') this.#room.giveBack(row);
    return row;
  }

  /** The table has changed, or the cursor: they are to be looked for. */
  forget(): void {
    for (let index = this.#next; index < this.#rows.length; index += 1) {
      const row = this.#rows[index]!;
      if (typeof row !== 'number') this.#room.giveBack(row);
    }
    this.#empty();
    this.#isWhole = false;
  }

  get #isEmpty(): boolean {
    return this.#next === this.#rows.length;
  }

  #empty(): void {
    this.#rows = [];
    this.#next = 0;
  }

  #moveUp(): void {
    this.#rows = this.#rows.slice(this.#next);
    this.#next = 0;
  }
}

function bytesOf({ content }: Row): number {
  return content.length + headBytes;
}

import type { Row } from './row-codec.js';

interface Kept {
  readonly row: Row;
  readonly atMs: number;
}

/** A claim of what waits for longer reads it from the tables: its endpoint is slow, and others make better use of the room. */
const keptMs = 10_000;

/** What a row takes beside its content, about. */
const headBytes = 256;

/**
 * Rows of `ready` that were written a moment ago: most are claimed soon, and need not be read and decoded again. The oldest
 * are claimed first, so what finds no room is not kept.
 */
export class RecentRows {
  readonly #maxBytes: number;
  /** By sequence number, the oldest first. */
  readonly #rows = new Map<number, Kept>();
  #bytes = 0;

  /** @param maxBytes of all rows; 0: none are kept */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @param nowMs of a clock that is never set */
  keep(seq: number, row: Row, nowMs: number): void {
    const bytes = bytesOf(row);
    if (this.#bytes + bytes > this.#maxBytes) this.#dropBefore(nowMs - keptMs);
    if (this.#bytes + bytes > this.#maxBytes) return;
    this.#rows.set(seq, { row, atMs: nowMs });
    this.#bytes += bytes;
  }

  /** Undefined: it is to be read from the tables. */
  take(seq: number): Row | undefined {
    const kept = this.#rows.get(seq);
    if (kept === undefined) return undefined;
    this.#rows.delete(seq);
    this.#bytes -= bytesOf(kept.row);
    return kept.row;
  }

  #dropBefore(atMs: number): void {
    for (const [seq, kept] of this.#rows) {
      if (kept.atMs >= atMs) return;
      this.take(seq);
    }
  }
}

function bytesOf({ content }: Row): number {
  return content.length + headBytes;
}

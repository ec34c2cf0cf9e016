import type { Entry } from './nats-entries.js';

/** Of a node that never deletes any, empty ones are not remembered beyond this. */
const mostPieces = 1_000;

interface Piece {
  /** The first record; of the first piece it may be gone. */
  readonly begin: number;
  /** Envelopes that who begins behind this piece does not know. */
  readonly entries: Set<Entry>;
}

/** The stream in pieces, each of which begins with a record at which the stream may begin. */
export class NatsSegments {
  readonly #pieces: Piece[] = [{ begin: 0, entries: new Set() }];

  get first(): Piece {
    return this.#pieces[0] as Piece;
  }

  /** Undefined as long as there is one only. */
  get second(): Piece | undefined {
    return this.#pieces[1];
  }

  get lastBegin(): number {
    return this.#pieces.at(-1)?.begin ?? 0;
  }

  /** A piece begins with this record. */
  begin(seq: number): void {
    this.#pieces.push({ begin: seq, entries: new Set() });
    if (this.#pieces.length > mostPieces && this.first.entries.size === 0) this.dropFirst();
  }

  /** It is rooted in the record that it names. */
  add(entry: Entry): void {
    this.#pieceOf(entry.rootSeq).entries.add(entry);
  }

  remove(entry: Entry): void {
    this.#pieceOf(entry.rootSeq).entries.delete(entry);
  }

  dropFirst(): void {
    this.#pieces.shift();
  }

  /** Usually the last one. */
  #pieceOf(seq: number): Piece {
    let [low, high] = [0, this.#pieces.length - 1];
    while (low < high) {
      const middle = high - low > 8 ? (low + high + 1) >> 1 : high;
      if ((this.#pieces[middle]?.begin ?? 0) <= seq) low = middle;
      else high = middle - 1;
    }
    return this.#pieces[low] as Piece;
  }
}

import { type Entry, entriesOf, type OpenConnection } from './entries.js';

/** All that a ledger says, in parts that fit into records. Nothing of it changes while it is written. [cluster 6.1] */
export class SnapshotParts {
  readonly #entries: Iterator<Entry>;
  #next: IteratorResult<Entry>;
  #made = 0;
  #stored = 0;
  /** Of the record with its first part. */
  firstSequence = 0;
  /** Of its records so far. */
  bytes = 0;

  constructor(connections: ReadonlyMap<string, OpenConnection>) {
    this.#entries = entriesOfAll(connections);
    this.#next = this.#entries.next();
  }

  /** Entries as JSON: at least one, if there is one. */
  next(maxBytes: number): { readonly texts: readonly string[]; readonly first: boolean; readonly last: boolean } {
    const texts: string[] = [];
    let bytes = 0;
    while (this.#next.done !== true) {
      const text = JSON.stringify(this.#next.value);
      bytes += Buffer.byteLength(text) + 1;
      if (texts.length > 0 && bytes > maxBytes) break;
      texts.push(text);
      this.#next = this.#entries.next();
    }
    this.#made += 1;
    return { texts, first: this.#made === 1, last: this.#next.done === true };
  }

  /** The part that was made last is stored. */
  stored(sequence: number, bytes: number): void {
    if (this.#stored === 0) this.firstSequence = sequence;
    this.#stored = this.#made;
    this.bytes += bytes;
  }

  get isOver(): boolean {
    return this.#next.done === true && this.#stored === this.#made;
  }
}

function* entriesOfAll(connections: ReadonlyMap<string, OpenConnection>): Generator<Entry> {
  for (const connection of connections.values()) yield* entriesOf(connection);
}

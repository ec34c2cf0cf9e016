import { entriesOf, type OpenConnection } from './entries.js';

/** All that a ledger says, in parts that fit into records. Nothing of it changes while it is written. [cluster 6.1] */
export class SnapshotParts {
  readonly #connections: Iterator<OpenConnection>;
  #next: IteratorResult<OpenConnection>;
  #made = 0;
  #stored = 0;
  /** Of the record with its first part. */
  firstSequence = 0;
  /** Of its records so far. */
  bytes = 0;

  constructor(connections: ReadonlyMap<string, OpenConnection>) {
    this.#connections = connections.values();
    this.#next = this.#connections.next();
  }

  /** Entries as JSON, of whole connections: at least one, if there is one. */
  next(maxBytes: number): { readonly texts: readonly string[]; readonly first: boolean; readonly last: boolean } {
    const texts: string[] = [];
    let bytes = 0;
    while (this.#next.done !== true && bytes < maxBytes) {
      const own = [...entriesOf(this.#next.value)].map(entry => JSON.stringify(entry));
      texts.push(...own);
      bytes += own.reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0);
      this.#next = this.#connections.next();
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

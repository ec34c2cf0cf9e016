import { NotKept } from '../outbox-error.js';
import { BTree } from './b-tree.js';
import { type Change, type RowKey, type TableName, type Tables, tableNames } from './tables.js';

/** Numbers come before strings, as in LMDB. */
function compare(a: RowKey, b: RowKey): number {
  const shared = Math.min(a.length, b.length);
  for (let index = 0; index < shared; index += 1) {
    const order = comparePart(a[index]!, b[index]!);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function comparePart(a: string | number, b: string | number): number {
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Tables that are gone with the process. */
export class MemoryTables implements Tables {
  readonly isDurable: boolean = false;
  readonly gatherMs = 0;
  readonly #tables = new Map(tableNames.map(name => [name, new BTree<RowKey, Buffer>(undefined, compare)]));
  readonly #maxRows: number;

  /** @param maxRows envelopes that are not dead; more are refused */
  constructor(maxRows: number) {
    this.#maxRows = maxRows;
  }

  async write(changes: readonly Change[]): Promise<void> {
    for (const [table, key, value] of changes) {
      if (value === undefined) this.#table(table).delete(key);
      else this.#table(table).set(key, value);
    }
  }

  get(table: TableName, key: RowKey): Buffer | undefined {
    return this.#table(table).get(key);
  }

  *range(table: TableName, from: RowKey, to: RowKey): Iterable<readonly [RowKey, Buffer]> {
    for (const entry of this.#table(table).entries(from)) {
      if (compare(entry[0], to) >= 0) return;
      yield [entry[0], entry[1]];
    }
  }

  *reversed(table: TableName, from: RowKey, to: RowKey): Iterable<readonly [RowKey, Buffer]> {
    for (const [key, value] of this.#table(table).entriesReversed(to, undefined, true)) {
      if (compare(key, from) <= 0) return;
      yield [key, value];
    }
  }

  *keys(table: TableName, from: RowKey, to: RowKey, limit: number): Iterable<RowKey> {
    let count = 0;
    for (const [key] of this.range(table, from, to)) {
      if (count === limit) return;
      count += 1;
      yield key;
    }
  }

  checkRoom(): void {
    const rows = this.#table('ready').size + this.#table('waiting').size + this.#table('held').size;
    if (rows >= this.#maxRows) throw new NotKept('full', `the outbox in memory is full: ${rows} envelopes wait`);
  }

  async close(): Promise<void> {}

  #table(name: TableName) {
    return this.#tables.get(name)!;
  }
}

/**
 * Envelopes are in `ready` [endpoint, seq], `waiting` [endpoint, due, seq] for their next attempt, `held` [endpoint, key, seq] by an
 * earlier one of their key, or `dead` [died, seq]. `drafts` [endpoint, seq] are to be replaced. `blocked` [endpoint, key]: one with
 * this key is waiting. `endings` [number]: deadlines for the end of the process. `meta`: of the store itself.
 */
export const tableNames = [
  'ready',
  'drafts',
  'waiting',
  'held',
  'blocked',
  'dead',
  'deadlines',
  'endings',
  'facts',
  'meta',
] as const;

export type TableName = (typeof tableNames)[number];

/** Strings and numbers in the same places in each key of a table. Ordered part by part; a shorter key comes first. */
export type RowKey = readonly (string | number)[];

/** Undefined deletes the row. */
export type Change = readonly [table: TableName, key: RowKey, value: Buffer | undefined];

/** Ordered tables of bytes, written asynchronously and read at once: what was not resolved yet may not be seen. */
export interface Tables {
  /** What is written survives the process. */
  readonly isDurable: boolean;
  /** All or none, and after what was written earlier. @throws NotKept; nothing has changed then */
  write(changes: readonly Change[]): Promise<void>;
  /** Milliseconds for which a write that need not be at once is to wait for others. */
  readonly gatherMs: number;
  get(table: TableName, key: RowKey): Buffer | undefined;
  /** Rows with `from` ≤ key < `to`, in order. */
  range(table: TableName, from: RowKey, to: RowKey): Iterable<readonly [key: RowKey, value: Buffer]>;
  /** As `range`, the last row first; no key is equal to `from`. */
  reversed(table: TableName, from: RowKey, to: RowKey): Iterable<readonly [key: RowKey, value: Buffer]>;
  /** Keys from `from` on, with `from` ≤ key < `to`, in order. */
  keys(table: TableName, from: RowKey, to: RowKey, limit: number): Iterable<RowKey>;
  /** Is there room for more? Deletions and moves are always tried. @throws NotKept */
  checkRoom(): void;
  close(): Promise<void>;
}

/** Behind every key that begins with `prefix` and continues with a number or an ordinary string. */
export function endOf(prefix: RowKey): RowKey {
  return [...prefix, '\u{10ffff}'];
}

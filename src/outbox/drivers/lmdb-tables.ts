import { statfsSync } from 'node:fs';
import type { Database, RootDatabase } from 'lmdb';
import type { Clock } from '../../clock.js';
import { NotKept, StoreOpenError } from '../outbox-error.js';
import { checkPages } from './page-check.js';
import { type Change, type RowKey, type TableName, type Tables, tableNames } from './tables.js';

/** Free space is looked up at most this often. */
const spaceCheckMs = 250;
/** A commit that failed with less free than this did so for want of space. */
const leastWrittenBytes = 1024 * 1024;
const mebibyte = 1024 * 1024;

export interface LmdbOptions {
  readonly directory: string;
  /** With less free space nothing new is accepted: LMDB needs some to delete what was delivered. */
  readonly minFreeBytes: number;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

type Row = Database<Buffer, RowKey & (string | number)[]>;

/**
 * Tables in LMDB. All that is written while one commit is on its way to the disk goes into the next one, with one fsync.
 * A write resolves after that.
 */
export class LmdbTables implements Tables {
  readonly isDurable = true;
  /** A commit costs as much processor time as two to ten deliveries. */
  readonly gatherMs = 25;
  readonly #root: RootDatabase;
  readonly #tables: ReadonlyMap<TableName, Row>;
  readonly #options: LmdbOptions;
  #checkedAtMs = -Infinity;
  #freeBytes = Infinity;

  /** @throws StoreOpenError */
  static async open(lmdbOptions: LmdbOptions): Promise<LmdbTables> {
    const { directory, minFreeBytes } = lmdbOptions;
    const freeBytes = freeBytesOf(directory);
    if (freeBytes < minFreeBytes) throw new StoreOpenError('no_space', spaceText(directory, freeBytes, minFreeBytes));
    try {
      await checkPages(directory);
      const { open } = await import('lmdb');
      // `overlappingSync`: a commit would be resolved before its fsync. `eventTurnBatching`: a failed commit would reject a
      // promise that nobody has, and end the process. `commitDelay` would stop the immediates of the whole process: the library
      // clears its timer as if it were one.
      const options = { overlappingSync: false, eventTurnBatching: false, maxDbs: tableNames.length };
      const root = open({ path: directory, noSubdir: false, ...options }); // a directory, also with a dot in its name
      return new LmdbTables(root, lmdbOptions);
    } catch (error) {
      throw asOpenError(directory, error);
    }
  }

  private constructor(root: RootDatabase, options: LmdbOptions) {
    this.#root = root;
    this.#options = options;
    this.#tables = new Map(tableNames.map(name => [name, root.openDB({ name, encoding: 'binary' }) as unknown as Row]));
  }

  async write(changes: readonly Change[]): Promise<void> {
    try {
      await this.#root.batch(() => this.#queue(changes));
    } catch (error) {
      const cause = await causeOf(error);
      throw this.#isFull(cause) ? new NotKept('disk_full', this.#fullText(), { cause }) : cause;
    }
  }

  /** A failed commit rejects the promise of the batch and also those of some rows, which are of no use here. */
  #queue(changes: readonly Change[]): void {
    let last: Promise<boolean> | undefined;
    for (const [table, key, value] of changes) {
      const rows = this.#table(table);
      const written = value === undefined ? rows.remove(key as string[]) : rows.put(key as string[], value);
      if (written !== last) written.catch(() => {});
      last = written;
    }
  }

  get(table: TableName, key: RowKey): Buffer | undefined {
    return this.#table(table).get(key as string[]);
  }

  *range(table: TableName, from: RowKey, to: RowKey): Iterable<readonly [RowKey, Buffer]> {
    const range = { start: from as string[], end: to as string[] };
    for (const { key, value } of this.#table(table).getRange(range)) {
      yield [Array.isArray(key) ? key : [key], value]; // a key of one part comes back as that part
    }
  }

  *reversed(table: TableName, from: RowKey, to: RowKey): Iterable<readonly [RowKey, Buffer]> {
    const range = { start: to as string[], end: from as string[], reverse: true, exclusiveStart: true };
    for (const { key, value } of this.#table(table).getRange(range)) yield [Array.isArray(key) ? key : [key], value];
  }

  keys(table: TableName, from: RowKey, to: RowKey, limit: number): Iterable<RowKey> {
    return this.#table(table).getKeys({ start: from as string[], end: to as string[], limit });
  }

  checkRoom(): void {
    const { clock, directory, minFreeBytes } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#checkedAtMs >= spaceCheckMs) {
      this.#checkedAtMs = nowMs;
      this.#freeBytes = freeBytesOf(directory);
    }
    if (this.#freeBytes < minFreeBytes) throw new NotKept('disk_full', this.#fullText());
  }

  async close(): Promise<void> {
    await this.#root.flushed;
    await this.#root.close();
  }

  /** A page that was written in part is an input/output error. */
  #isFull(cause: unknown): boolean {
    return isSpaceError(cause) || freeBytesOf(this.#options.directory) < leastWrittenBytes;
  }

  #table(name: TableName): Row {
    return this.#tables.get(name)!;
  }

  #fullText(): string {
    const { directory, minFreeBytes } = this.#options;
    return spaceText(directory, freeBytesOf(directory), minFreeBytes);
  }
}

/** LMDB rejects with a promise of what was wrong. */
async function causeOf(error: unknown): Promise<unknown> {
  try {
    await (error as { commitError?: Promise<never> }).commitError;
    return error;
  } catch (cause) {
    return cause;
  }
}

function freeBytesOf(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}

function spaceText(directory: string, freeBytes: number, minFreeBytes: number): string {
  const free = `${Math.floor(freeBytes / mebibyte)} MiB`;
  const least = `${Math.ceil(minFreeBytes / mebibyte)} MiB`;
  return `${directory} has ${free} of free space, and the outbox needs at least ${least}: free some, or use another directory.`;
}

function isSpaceError(error: unknown): boolean {
  const text =
    error instanceof Error ? `${error.message} ${(error as NodeJS.ErrnoException).code ?? ''}` : String(error);
  return /ENOSPC|No space left|MAP_FULL|mapsize limit|Disk quota/i.test(text);
}

/** What to do about a store that cannot be read. */
export function asOpenError(directory: string, error: unknown): StoreOpenError {
  if (error instanceof StoreOpenError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const isVersion = /MDB_VERSION_MISMATCH|version mismatch/i.test(text);
  if (isVersion) {
    return new StoreOpenError(
      'newer_version',
      `The outbox in ${directory} was written with another version of LMDB (${text}). Use the version of Hubwire that wrote it, or another directory.`,
      { cause: error },
    );
  }
  const isOfFileSystem = /^E[A-Z]+$/.test(String((error as NodeJS.ErrnoException).code));
  if (isOfFileSystem || /permission denied/i.test(text)) {
    return new StoreOpenError(
      'unusable',
      `The outbox in ${directory} cannot be opened (${text}). Give this user the right to write there, or use another directory.`,
      { cause: error },
    );
  }
  return new StoreOpenError(
    'corrupt',
    `The outbox in ${directory} is damaged (${text}). Nothing was changed. Move data.mdb and lock.mdb to a safe place ` +
      'and start again with an empty outbox, or restore them from a backup.',
    { cause: error },
  );
}

import type { Clock } from '../../clock.js';
import { makeFolder } from '../../folders.js';
import { DirectoryLock } from './directory-lock.js';
import { asOpenError, LmdbTables } from './lmdb-tables.js';
import { RowStore, type RowStoreOptions } from './row-store.js';
import type { Tables } from './tables.js';

/** Enough for LMDB to write down that everything was delivered. */
const defaultMinFreeBytes = 64 * 1024 * 1024;

export interface FileOptions {
  /** Made when it is not there. */
  readonly directory: string;
  /** 64 MiB by default. */
  readonly minFreeBytes?: number | undefined;
}

/**
 * The outbox in a directory of this process, durable on its disk.
 * @throws StoreOpenError
 */
export async function openFileStore(
  { directory, minFreeBytes = defaultMinFreeBytes }: FileOptions,
  clock: Clock,
  options: RowStoreOptions = {},
): Promise<RowStore> {
  const lock = await lockDirectory(directory, clock, options.onWaiting);
  let tables: Tables | undefined;
  try {
    tables = await LmdbTables.open({ directory, minFreeBytes, clock });
    return await RowStore.open(releasing(tables, lock), options);
  } catch (error) {
    await tables?.close();
    lock.release();
    throw asOpenError(directory, error);
  }
}

async function lockDirectory(
  directory: string,
  clock: Clock,
  onWaiting: RowStoreOptions['onWaiting'],
): Promise<DirectoryLock> {
  try {
    makeFolder(directory, 0o700);
    return await DirectoryLock.take(directory, clock, onWaiting);
  } catch (error) {
    throw asOpenError(directory, error);
  }
}

/** The tables, whose end is that of the lock. */
function releasing(tables: Tables, lock: DirectoryLock): Tables {
  return {
    isDurable: tables.isDurable,
    gatherMs: tables.gatherMs,
    write: changes => tables.write(changes),
    get: (table, key) => tables.get(table, key),
    range: (table, from, to) => tables.range(table, from, to),
    reversed: (table, from, to) => tables.reversed(table, from, to),
    keys: (table, from, to, limit) => tables.keys(table, from, to, limit),
    checkRoom: () => tables.checkRoom(),
    close: async () => {
      await tables.close();
      lock.release();
    },
  };
}

/**
 * A program of its own, which reads every row of the LMDB directory that its argument names: damaged pages can end the
 * process that reads them. Exits with 0 if all can be read; otherwise it says why, or is ended by a signal.
 */
import { ABORT, open } from 'lmdb';
import { decodeRow } from './row-codec.js';
import { tableNames } from './tables.js';

const [, , directory = ''] = process.argv;

/** More than is free in one piece, most likely: LMDB reads its list of free pages to the end before it takes new ones. */
const largeBytes = 16 * 1024 * 1024;

function check(): void {
  const root = open({ path: directory, noSubdir: false, maxDbs: tableNames.length });
  const tables = tableNames.map(name => root.openDB<Buffer, (string | number)[]>({ name, encoding: 'binary' }));
  for (const [index, table] of tables.entries()) {
    let rows = 0;
    for (const { value } of table.getRange()) {
      if (value.length > 0) decodeRow(value); // those of `blocked` are empty
      rows += 1;
    }
    const { entryCount } = table.getStats() as { entryCount: number };
    if (rows !== entryCount) throw new Error(`${tableNames[index]} has ${rows} of ${entryCount} rows`);
  }
  const meta = root.openDB<Buffer, string[]>({ name: 'meta', encoding: 'binary' });
  root.transactionSync(() => {
    meta.putSync(['check'], Buffer.alloc(largeBytes));
    return ABORT;
  });
  root.transactionSync(() => meta.putSync(['check'], Buffer.alloc(0)));
}

try {
  check();
} catch (error) {
  process.stderr.write(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

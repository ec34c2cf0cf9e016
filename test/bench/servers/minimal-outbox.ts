/** The least that keeping envelopes can cost: as many bytes, put into LMDB, with one fsync a batch. The argument is the directory. */
import { open } from 'lmdb';
import { batchSize, rowBytes } from './outbox-batch.js';
import { serveOwnWork } from './own-work.js';

const [path = ''] = process.argv.slice(2);
const root = open({ path, overlappingSync: false });
const rows = root.openDB<Buffer, number>({ name: 'rows', encoding: 'binary' });
const row = Buffer.alloc(rowBytes, 'x');
let count = 0;

serveOwnWork(async () => {
  let last: Promise<boolean> | undefined;
  for (let index = 0; index < batchSize; index += 1) {
    count += 1;
    last = rows.put(count, row);
  }
  await last;
  return batchSize;
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CorruptRow } from './row-codec.js';

const textBytes = 2_000;

/**
 * Reads all of an LMDB directory in another process, since a damaged page would end this one.
 * @throws CorruptRow
 */
export async function checkPages(directory: string): Promise<void> {
  if (!existsSync(join(directory, 'data.mdb'))) return;
  const extension = extname(fileURLToPath(import.meta.url));
  const program = fileURLToPath(new URL(`./check-file${extension}`, import.meta.url));
  const loader = extension === '.ts' ? ['--import', 'tsx'] : []; // not built yet, as in the tests
  const child = spawn(process.execPath, [...loader, program, directory], { stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-textBytes);
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  if (code === 0) return;
  throw new CorruptRow(signal === null ? text.trim() : `its pages cannot be read, ${signal}`);
}

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, 'findings');

/** Inputs that broke a target's rule before, by name; they are run before anything new. */
export function findingsOf(target: string): { path: string; bytes: Buffer }[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter(name => name.startsWith(`${target}-`) && name.endsWith('.bin'));
  return names.sort().map(name => ({ path: pathOf(name), bytes: readFileSync(join(folder, name)) }));
}

/** Keeps an input as a file; the answer is its path. The same input has the same name. */
export function keepFinding(target: string, bytes: Buffer): string {
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  const name = `${target}-${digest}.bin`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), bytes);
  return pathOf(name);
}

function pathOf(name: string): string {
  return `test/fuzz/findings/${name}`;
}

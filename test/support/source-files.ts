import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { repository } from './doc-pages.js';
import type { SourceFile } from './import-graph.js';

/** Files below a folder of the repository, by their path from that folder, with forward slashes. */
export function filesIn(folder: string, isWanted: (path: string) => boolean): SourceFile[] {
  const top = join(repository, folder);
  return readdirSync(top, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(top, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter(isWanted)
    .sort()
    .map(path => ({ path, text: readFileSync(join(top, path), 'utf8') }));
}

export function programFiles(): SourceFile[] {
  return filesIn('src', path => path.endsWith('.ts'));
}

import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a folder, and those above it that are missing; one that is there stays as it is. Not by `recursive` of Node, which in
 * Node 20 never returns where a folder cannot be made although its parent is there, as in /proc.
 * @param mode of all that are made @throws the error of the system, with its `code`
 */
export function makeFolder(path: string, mode = 0o777): void {
  try {
    makeOne(path, mode);
  } catch (error) {
    const parent = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path) throw error;
    if (!isFolder(parent)) makeFolder(parent, mode);
    makeOne(path, mode); // once more, also where the parent is there: another process may just have made it
  }
}

function makeOne(path: string, mode: number): void {
  try {
    mkdirSync(path, mode);
  } catch (error) {
    if (!isFolder(path)) throw error;
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false; // why it cannot be made is said by the attempt to make it
  }
}

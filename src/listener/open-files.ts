import { readFileSync } from 'node:fs';

/** How many files, sockets among them, this process may have open; undefined where the system does not say, or sets no limit. */
export function openFileLimit(limitsFile = '/proc/self/limits'): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync(limitsFile, 'utf8')) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined; // only Linux has the file
  }
}

import { readdirSync, readlinkSync } from 'node:fs';
import type { Samples } from './metrics.js';

/** What a process holds open. */
export interface Handles {
  /** Kind → how many; undefined where there is no /proc. Sockets to app servers are left out. */
  readonly descriptors: ReadonlyMap<string, number> | undefined;
  /** What keeps the event loop going, by type, as Node counts it; sockets to app servers included. */
  readonly resources: ReadonlyMap<string, number>;
}

/** @param pooled sockets that app servers have open: the service keeps them for the next event */
export function readHandles(pid: number, samples: Samples, pooled: number): Handles {
  const descriptors = process.platform === 'linux' ? countDescriptors(pid) : undefined;
  if (descriptors !== undefined) descriptors.set('socket', (descriptors.get('socket') ?? 0) - pooled);
  return { descriptors, resources: samples.by('nodejs_active_resources', 'type') };
}

function countDescriptors(pid: number): Map<string, number> {
  const counts = new Map<string, number>();
  const folder = `/proc/${pid}/fd`;
  for (const name of readdirSync(folder)) {
    const kind = kindOf(`${folder}/${name}`);
    if (kind !== undefined) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

/** `socket:[123]`, `pipe:[4]`, `anon_inode:[eventpoll]`, or a file's path. */
function kindOf(link: string): string | undefined {
  try {
    const target = readlinkSync(link);
    return target.startsWith('/') ? 'file' : target.replace(/:\[\d+\]$/, '');
  } catch {
    return undefined; // closed since the folder was read
  }
}

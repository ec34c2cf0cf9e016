import { pace } from '../load/pace.js';
import type { Hubwire } from './hubwire.js';
import type { Scraper } from './metrics.js';

/** In bytes. */
export interface MemoryReading {
  /** What is in use: objects of the heap and buffers outside it. */
  readonly live: number;
  readonly resident: number;
}

export const readings = 5;

/**
 * Resident memory says little of a leak: V8 gives pages back late, and its heap grows to what its last collections found
 * handy, so it differs by half from one run to the next. What is in use right after a full collection is steady to a few
 * per mille, and whatever leaks is in it. Such a collection is asked of the inspector, which leaves the process as users
 * have it; `--expose-gc` would have to be called by the program itself, and waiting for V8's own full collections can
 * take minutes. The median of some readings evens out who happens to be connected.
 */
export async function readMemory(hubwire: Hubwire, scraper: Scraper, gapMs: number): Promise<MemoryReading> {
  const taken: MemoryReading[] = [];
  for (let count = 0; count < readings; count += 1) {
    if (count > 0) await pace(gapMs);
    taken.push(await readOnce(hubwire, scraper));
  }
  return { live: median(taken.map(({ live }) => live)), resident: median(taken.map(({ resident }) => resident)) };
}

async function readOnce({ inspector }: Hubwire, scraper: Scraper): Promise<MemoryReading> {
  await inspector.collectGarbage();
  const samples = await scraper.read();
  return {
    live: samples.sum('nodejs_heap_size_used_bytes') + samples.sum('nodejs_external_memory_bytes'),
    resident: samples.sum('process_resident_memory_bytes'),
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}

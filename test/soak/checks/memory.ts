import type { MemoryReading } from '../server/memory.js';
import { megabytes, type Row, shown } from './row.js';

export interface MemoryFacts {
  /** Before any client came. */
  readonly before: MemoryReading;
  /** Under load, after the first minute, or the first third of a shorter load. */
  readonly early: MemoryReading;
  /** Under load, at its end. */
  readonly late: MemoryReading;
  /** After everybody has left. */
  readonly drained: MemoryReading;
}

/** Less than before is no leak. */
const mostGrowth = 0.1;

export function memoryRows({ before, early, late, drained }: MemoryFacts): Row[] {
  const grown = (check: string, { live }: MemoryReading): Row => ({
    check,
    figures: `${megabytes(live)} now, ${megabytes(early.live)} early (${percent(live / early.live - 1)})`,
    isOk: live <= early.live * (1 + mostGrowth),
  });
  const resident = [before, early, late, drained].map(reading => megabytes(reading.resident));
  return [
    grown('memory in use at the end of the load', late),
    grown('memory in use after everybody has left', drained),
    shown('resident memory', `${resident.join(', ')} (before, early, late, after)`),
  ];
}

function percent(share: number): string {
  return `${share >= 0 ? '+' : ''}${(share * 100).toFixed(1)} %`;
}

import { readFileSync } from 'node:fs';

/** Descriptors that a process needs for other things than its clients. */
const spare = 500;

/** Clients that one process can hold here, of `wanted`; Node raises the soft limit to the hard one by itself. */
export function clientsThatFit(wanted: number): number {
  return Math.min(wanted, openFileLimit() - spare);
}

function openFileLimit(): number {
  if (process.platform !== 'linux') return 10_240; // what macOS gives a process at the least
  const [, hard = ''] = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard);
}

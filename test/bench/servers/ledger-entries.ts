import { setTimeout } from 'node:timers/promises';

/** Connections that open, and as many that close, in a step. A step takes a millisecond or more: 5,000 of each a second at most. */
export const perStep = 5;

/** A step of opens and closes, not more often than once a millisecond. @returns how many those are */
export async function paced(step: () => Promise<unknown>): Promise<number> {
  await Promise.all([step(), setTimeout(1)]);
  return 2 * perStep;
}

/** An id as nodes give it: a tag, and 25 characters. */
export function connectionIdOf(number: number): string {
  return `bench-${String(number).padStart(25, '0')}`;
}

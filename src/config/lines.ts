import type { Path } from './problems.js';
import { readSource } from './source.js';

/** The line of what stands at a path of the file, from 1; of the last thing on the way to it when it is not written. */
export type LineOf = (path: Path) => number;

/** @param text of a valid hubs.yaml */
export function lineOf(text: string): LineOf {
  const source = readSource(text, '', {});
  return path => source.problem(path, '', 'key').line;
}

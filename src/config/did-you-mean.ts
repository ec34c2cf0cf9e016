import { closest, distance } from 'fastest-levenshtein';

/** Longer texts are compared by their beginning: the search takes time with the square of the length. */
const mostCompared = 100;

/** The word that was probably meant, ignoring letter case; undefined when none is near. */
export function nearestWord(given: string, words: readonly string[]): string | undefined {
  if (words.length === 0) return undefined;
  const lower = given.slice(0, mostCompared).toLowerCase();
  const nearest = closest(
    lower,
    words.map(word => word.toLowerCase()),
  );
  const changed = distance(lower, nearest);
  const hasLetterInCommon = changed < Math.max(lower.length, nearest.length);
  const isNear = hasLetterInCommon && changed <= Math.max(2, lower.length / 3);
  return isNear ? words.find(word => word.toLowerCase() === nearest) : undefined;
}

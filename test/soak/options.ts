import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

export interface SoakOptions {
  /** How long the load lasts. */
  readonly loadMs: number;
  /** Of all that is left to chance in the load, except who comes first. */
  readonly seed: number;
  /** The service's entry file. */
  readonly program: string;
}

const built = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** @param defaultMinutes of load @throws Error that names the option */
export function readOptions(args: readonly string[], defaultMinutes = 10): SoakOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: String(defaultMinutes) },
      seed: { type: 'string' },
      program: { type: 'string', default: built },
    },
  });
  return { loadMs: minutesOf(values.minutes) * 60_000, seed: seedOf(values.seed), program: values.program };
}

function minutesOf(text: string): number {
  const minutes = Number(text);
  if (minutes > 0 && Number.isFinite(minutes)) return minutes;
  throw new Error(`--minutes must be a number above 0, such as 0.5, not "${text}"`);
}

function seedOf(text: string | undefined): number {
  if (text === undefined) return randomInt(2 ** 32);
  const seed = Number(text);
  if (Number.isInteger(seed) && seed >= 0) return seed;
  throw new Error(`--seed must be a whole number from 0, not "${text}"`);
}

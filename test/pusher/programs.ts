import { type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';

/** Longest that one suite may take, in milliseconds. */
const patienceMs = 480_000;

/**
 * What a program printed, whatever it ended with: suites end with the number of their failures.
 * @throws when it cannot be started, or was ended because it took too long
 */
export async function outputOf(
  file: string,
  args: readonly string[],
  options: Pick<SpawnOptions, 'cwd' | 'env'> = {},
): Promise<string> {
  const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], timeout: patienceMs });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-1_000_000);
    });
  }
  const [, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (signal !== null) throw new Error(`${file} was ended with ${signal}:\n${output.slice(-4_000)}`);
  return output;
}

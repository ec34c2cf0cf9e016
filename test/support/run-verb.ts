import { vi } from 'vitest';
import { groupArguments } from '../../src/cli/argument-groups.js';
import { exitCodeOf, failureText } from '../../src/cli/failure.js';
import { makeProgram } from '../../src/cli/program.js';

/**
 * Runs a verb of `hubwire` within the test, for those that run many: a process each takes most of a second. What commander
 * refuses ends a process, and is not for this.
 */
export async function runVerb(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const written = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map(name =>
    vi.spyOn(process[name], 'write').mockImplementation(text => {
      written[name] += text;
      return true;
    }),
  );
  let code = 0;
  try {
    await makeProgram(env).parseAsync(groupArguments(args), { from: 'user' });
  } catch (error) {
    code = exitCodeOf(error);
    written.stderr += `${failureText(error, env)}\n`;
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return { code, ...written };
}

import { spawnSync } from 'node:child_process';
import type { TestContext } from 'vitest';

/** Set where everything has to run, as in CI: what cannot run is a failure there. */
export const mustAllRun = process.env.HUBWIRE_TEST_ALL === '1';

/**
 * Ends a test that cannot run on this machine as skipped, with the reason, which `NotRunReporter` prints at the end. With
 * HUBWIRE_TEST_ALL=1 the test fails instead.
 * @param reason what is missing, and how to get it
 * @throws always
 */
export function notRun(context: TestContext, reason: string): never {
  if (mustAllRun) throw new Error(`not run, although HUBWIRE_TEST_ALL=1: ${reason}`);
  return context.skip(reason);
}

/** Is there such a program on this machine? */
export function hasProgram(name: string, args: readonly string[] = ['--version']): boolean {
  return spawnSync(name, args, { stdio: 'ignore' }).error === undefined;
}

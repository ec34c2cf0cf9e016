// Runs the suites of pusher-js and pusher-http-node against this build, from checkouts that are given as arguments: each is
// one of the two, or a folder that contains them. `--only pusher-js` runs one. Exits with 1 unless all specs pass.
import { parseArgs } from 'node:util';
import { findCheckout } from './checkouts.js';
import { type Suite, suites } from './suites.js';

const usage = 'npm run test:pusher -- <folder with checkouts of pusher-js and pusher-http-node>';

async function main(): Promise<boolean> {
  const { values, positionals } = parseArgs({ options: { only: { type: 'string' } }, allowPositionals: true });
  if (positionals.length === 0) throw new Error(`no checkouts were given: ${usage}`);
  const wanted = suites.filter(({ repository }) => values.only === undefined || values.only === repository);
  if (wanted.length === 0) throw new Error(`--only: there are no suites of ${values.only}`);
  let isGood = true;
  for (const suite of wanted) {
    const startedMs = performance.now();
    const { line, isPassed } = await report(suite, positionals);
    console.log(`${line} (${((performance.now() - startedMs) / 1000).toFixed(0)} s)`);
    isGood &&= isPassed;
  }
  return isGood;
}

async function report(suite: Suite, paths: readonly string[]): Promise<{ line: string; isPassed: boolean }> {
  const title = `${suite.repository}, ${suite.name}`;
  try {
    const checkout = await checkoutOf(suite, paths);
    const { passed, failed, failures } = await suite.run(checkout);
    if (failures !== '') console.error(failures);
    const all = passed + failed;
    const fewer = all < suite.specs ? `; ${suite.specs} were expected` : '';
    return {
      line: `${title} (${checkout.version}): ${passed} of ${all} passed${fewer}`,
      isPassed: failed === 0 && fewer === '',
    };
  } catch (error) {
    return { line: `${title}: not run: ${(error as Error).message}`, isPassed: false };
  }
}

/** In the first path that has one. */
async function checkoutOf({ repository }: Suite, paths: readonly string[]) {
  const found = await Promise.allSettled(paths.map(path => findCheckout(repository, path)));
  for (const each of found) if (each.status === 'fulfilled') return each.value;
  return await findCheckout(repository, paths[0] ?? '.'); // throws
}

main().then(
  isGood => process.exit(isGood ? 0 : 1),
  (error: unknown) => {
    console.error(`test:pusher: ${(error as Error).message}`);
    process.exit(2);
  },
);

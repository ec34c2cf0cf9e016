import { openStage } from './open.js';
import { readOptions } from './options.js';
import { failuresOf, textOf } from './report.js';
import { Soak } from './soak.js';

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  print(`soak: ${options.loadMs / 60_000} min of load, --seed ${options.seed}, node ${process.version}`);
  const end = new AbortController();
  const stage = await openStage(options, end.signal);
  const rows = await Promise.race([new Soak(stage, end, options.loadMs, print).run(), stage.hubwire.untilItDies()]);
  print(textOf(rows, options.seed));
  process.exit(failuresOf(rows).length === 0 ? 0 : 1);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1)); // the service ends with us
main().catch((error: unknown) => {
  process.stderr.write(`soak: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});

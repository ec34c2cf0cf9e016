import { rmSync } from 'node:fs';
import { readOptions } from '../soak/options.js';
import { failuresOf, textOf } from '../soak/report.js';
import { natsProgram, natsVersion } from '../support/nats-server.js';
import { Chaos } from './chaos.js';
import { Cluster } from './cluster.js';
import { partitionsHere, runInNamespace } from './namespace.js';

async function main(): Promise<void> {
  const { loadMs, seed, program } = readOptions(process.argv.slice(2), 5);
  if (natsProgram === undefined)
    throw new Error('there is no nats-server: sh test/setup.sh installs it, NATS_SERVER_PATH names one');
  const code = await runInNamespace();
  if (code !== undefined) process.exit(code);
  const partitions = partitionsHere();
  print(`chaos: ${loadMs / 60_000} min, --seed ${seed}, node ${process.version}, nats-server ${natsVersion()}`);
  print(`chaos: partitions: ${partitions.name}`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1)); // all processes end with us
  const cluster = await Cluster.start(program, partitions);
  const rows = await new Chaos(cluster, seed, loadMs, print).run();
  print(textOf(rows, seed, 'chaos'));
  const hasFailed = failuresOf(rows).length > 0;
  if (hasFailed) print(`chaos: logs of the nodes are in ${cluster.folder}`);
  await cluster.stop();
  if (!hasFailed) rmSync(cluster.folder, { recursive: true, force: true });
  process.exit(hasFailed ? 1 : 0);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`chaos: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});

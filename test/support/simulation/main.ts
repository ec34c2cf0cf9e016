import { parseArgs } from 'node:util';
import { explore } from '../takeover-model/explore.js';
import { simulate } from './run.js';

/** `npm run simulate -- --seeds N [--from SEED]`, `-- --seed N` for one of them, `-- --model` for the exploration with more in it. */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '2000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    model: { type: 'boolean', default: false },
  },
});

async function runSeeds(from: number, count: number): Promise<boolean> {
  let isFine = true;
  let connections = 0;
  for (let seed = from; seed < from + count; seed += 1) {
    const outcome = await simulate(seed);
    connections += outcome.connections;
    if (outcome.faults.length === 0) continue;
    isFine = false;
    process.stdout.write(`seed ${seed}: ${outcome.faults.join('; ')}\n`);
  }
  process.stdout.write(`${count} seeds from ${from}, ${connections} connections: ${isFine ? 'all held' : 'broken'}\n`);
  return isFine;
}

function runModel(): boolean {
  const variants = [
    { connections: 1, lost: 1, takeovers: 1 },
    { connections: 1, lost: 0, takeovers: 2 },
    { connections: 2, lost: 0, takeovers: 1 },
  ];
  return variants.every(variant => {
    const { states, fault } = explore(variant);
    process.stdout.write(`${JSON.stringify(variant)}: ${states} states, ${fault?.what ?? 'all held'}\n`);
    return fault === undefined;
  });
}

const one = values.seed === undefined ? undefined : Number(values.seed);
const isFine = values.model
  ? runModel()
  : await runSeeds(one ?? Number(values.from), one === undefined ? Number(values.seeds) : 1);
process.exitCode = isFine ? 0 : 1;

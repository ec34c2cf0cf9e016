import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { measure, type SeriesResult } from './measure.js';
import { type PublishedSeries, publish } from './publish.js';
import { isAlarming, textOf } from './report.js';
import { scenarios } from './scenarios/index.js';
import type { Scenario, Series } from './scenarios/scenario.js';
import { type Cores, separateCores } from './servers/cores.js';
import { Stage, type StageOptions } from './servers/stage.js';

const smokeRounds = 4;
const fullRounds = 10;

const { values: args } = parseArgs({
  options: {
    smoke: { type: 'boolean', default: false },
    only: { type: 'string' },
    series: { type: 'string', default: '' },
    rounds: { type: 'string' },
    json: { type: 'string' },
    publish: { type: 'boolean', default: false },
    profile: { type: 'string' },
  },
});

async function main(): Promise<void> {
  const chosen = choose(args.only);
  const rounds = roundsOf(args.rounds);
  if (args.profile !== undefined) await mkdir(args.profile, { recursive: true });
  const cores = separateCores();
  print(`${machine(cores)}\n`);
  const results: PublishedSeries[] = [];
  let isTooSlow = false;
  for (const scenario of chosen) {
    for (const series of scenario.series.filter(isChosen)) {
      const result = await run(series, rounds, { cores, profileDir: args.profile });
      print(textOf(scenario, series, result));
      const { name, title, unit } = scenario;
      results.push({ scenario: name, series: series.name, title, unit, date: today(), ...result });
      isTooSlow ||= isAlarming(result);
    }
    if (args.publish) await publish(results, keys()); // what is measured is kept, should a later scenario fail
  }
  if (args.json !== undefined) await writeFile(args.json, `${JSON.stringify({ ...facts(cores), results }, null, 2)}\n`);
  if (isTooSlow) print('bench: FAILED, Hubwire is far from a goal (see MISSED above)');
  process.exitCode = isTooSlow ? 1 : 0;
}

async function run(series: Series, rounds: number, options: StageOptions): Promise<SeriesResult> {
  const stage = new Stage(options);
  try {
    return await measure(series, await series.open(stage), rounds);
  } finally {
    await stage.end();
  }
}

function choose(only: string | undefined): readonly Scenario[] {
  const chosen = scenarios.filter(({ name }) => only === undefined || name === only);
  if (chosen.length > 0) return chosen;
  throw new Error(`--only must be one of ${scenarios.map(({ name }) => name).join(', ')}, not "${only}"`);
}

/** The smoke leaves out what takes long, unless it is asked for by name. */
function isChosen({ name, isInSmoke = false }: Series): boolean {
  return name.includes(args.series) && (!args.smoke || args.only !== undefined || isInSmoke);
}

function roundsOf(text: string | undefined): number {
  const rounds = text === undefined ? (args.smoke ? smokeRounds : fullRounds) : Number(text);
  if (Number.isInteger(rounds) && rounds >= 1) return rounds;
  throw new Error(`--rounds must be a whole number from 1, not "${text}"`);
}

/** All series, in the order of the table. */
function keys(): string[] {
  return scenarios.flatMap(({ name, series }) => series.map(each => `${name}, ${each.name}`));
}

function today(): string {
  return new Date().toISOString().slice(0, 10);
}

function machine(cores: Cores | undefined): string {
  const pinned =
    cores === undefined
      ? 'NOT pinned: servers and load share the cores as the system likes, so ratios are less steady'
      : `servers on core ${cores.server}, load on core ${cores.load}`;
  return `node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}; ${pinned}`;
}

function facts(cores: Cores | undefined): object {
  return { node: process.version, cpus: cpus().length, model: cpus()[0]?.model, cores: cores ?? null };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

process.setMaxListeners(0); // each server, its folder and the holder of its clients ends with us
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1)); // servers end with us
main().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});

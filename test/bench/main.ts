import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { mustAllRun } from '../support/not-run.js';
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
  const failures = new Set<string>();
  for (const scenario of chosen) {
    const series = scenario.series.filter(isChosen);
    if (series.length === 0) continue;
    const missing = await scenario.missing?.();
    if (missing !== undefined) {
      print(`${scenario.name}: not run: ${missing}\n`);
      if (mustAllRun) failures.add('not everything was run, although HUBWIRE_TEST_ALL=1');
      continue;
    }
    for (const each of series) {
      const result = await run(each, rounds, { cores, profileDir: args.profile });
      print(textOf(scenario, each, result));
      const { name, title, unit } = scenario;
      results.push({ scenario: name, series: each.name, title, unit, date: today(), ...result });
      if (isAlarming(result)) failures.add('Hubwire is far from a goal (see MISSED above)');
    }
    if (args.publish) await publish(results, keys()); // what is measured is kept, should a later scenario fail
  }
  if (args.json !== undefined) await writeFile(args.json, `${JSON.stringify({ ...facts(cores), results }, null, 2)}\n`);
  for (const failure of failures) print(`bench: FAILED, ${failure}`);
  process.exitCode = failures.size > 0 ? 1 : 0;
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
  const chosen = scenarios.filter(({ name }) => only === undefined || name === only || name.startsWith(`${only}-`));
  if (chosen.length > 0) return chosen;
  throw new Error(`--only must be one of ${scenarios.map(({ name }) => name).join(', ')}, not "${only}"`);
}

/** The smoke leaves out what takes long, and more where no scenario is named. */
function isChosen({ name, isInSmoke = false, isLong = false }: Series): boolean {
  const isShort = args.only === undefined ? isInSmoke : !isLong;
  return name.includes(args.series) && (!args.smoke || isShort);
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

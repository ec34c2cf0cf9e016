// Runs vendors' SDKs against a service and writes docs/conformance.md. `--only python,pusher-js` runs some of them, and
// HUBWIRE_TEST_NODES=3 all against three nodes: either leaves the document as it is. Exits with 1 when a row that is expected to
// pass fails, or when nothing could be run.
import { mkdir, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { nodeCount } from '../support/service-nodes.js';
import { type Family, families } from './families.js';
import { outcomesOf } from './outcome.js';
import { prepareAll } from './preparing.js';
import { broken, columnsOf, conformance, type Part, type Run, summary } from './report.js';
import type { Suite } from './suites.js';

const { values } = parseArgs({ options: { only: { type: 'string' } } });
const only = values.only?.split(',');
const languages = families.flatMap(({ suites }) => suites.map(({ language }) => language));
const strangers = only?.filter(name => !languages.includes(name)) ?? [];
if (strangers.length > 0) {
  console.error(`--only: no such language: ${strangers.join(', ')}; there are ${[...new Set(languages)].join(', ')}`);
  process.exit(2);
}

const isWanted = ({ language }: Suite) => only === undefined || only.includes(language);
const secondsSince = (startedMs: number) => ((performance.now() - startedMs) / 1000).toFixed(0);

const commands = await prepareAll(families.flatMap(({ suites }) => suites).filter(isWanted));
console.error(`installed and built: ${secondsSince(0)} s`);

async function partOf({ name, about, features, suites, start }: Family): Promise<Part> {
  const wanted = suites.filter(isWanted);
  const runs: Run[] = [];
  if (wanted.length === 0) return { name, about, features, columns: [] };
  const stage = await start();
  try {
    for (const suite of wanted) {
      const startedMs = performance.now();
      const outcomes = await outcomesOf(
        { ...suite, prepare: () => commands.get(suite) ?? suite.prepare() },
        features.map(feature => feature.name),
        stage.environment,
      );
      runs.push({ suite, outcomes });
      console.error(`${suite.column}: ${suite.packages.join(', ')}: ${secondsSince(startedMs)} s`);
    }
  } finally {
    await stage.stop();
  }
  return { name, about, features, columns: columnsOf(runs) };
}

const parts: Part[] = [];
for (const family of families) parts.push(await partOf(family));
for (const { columns, features } of parts) if (columns.length > 0) console.log(summary(columns, features));
if (only === undefined && nodeCount === 1) {
  const docs = new URL('../../docs/', import.meta.url);
  await mkdir(docs, { recursive: true });
  const today = new Date().toISOString().slice(0, 10);
  await writeFile(new URL('conformance.md', docs), conformance(parts, today));
}

const failures = parts.flatMap(({ columns, features }) => broken(columns, features));
for (const failure of failures) console.error(`expected to pass: ${failure}`);
const outcomes = parts.flatMap(({ columns }) => columns.flatMap(column => [...column.outcomes.values()]));
const hasRun = outcomes.some(({ status }) => status !== 'not run');
if (!hasRun) console.error('nothing could be run');
process.exitCode = failures.length > 0 || !hasRun ? 1 : 0;

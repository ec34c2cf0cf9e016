// Runs the vendor's SDKs against one service and writes docs/conformance.md. `--only python,java` runs some of them and
// leaves the document as it is. Exits with 1 when a row that is expected to pass fails, or when nothing could be run.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { outcomesOf } from './outcome.js';
import { broken, columnsOf, conformance, type Feature, type Run, summary } from './report.js';
import { startStage } from './stage.js';
import { suites } from './suites.js';

const { values } = parseArgs({ options: { only: { type: 'string' } } });
const only = values.only?.split(',');
const strangers = only?.filter(name => !suites.some(({ language }) => language === name)) ?? [];
if (strangers.length > 0) {
  console.error(`--only: no such language: ${strangers.join(', ')}`);
  process.exit(2);
}

const list = await readFile(new URL('features.json', import.meta.url), 'utf8');
const { features } = JSON.parse(list) as { features: readonly Feature[] };
const names = features.map(({ name }) => name);

const stage = await startStage();
const runs: Run[] = [];
try {
  for (const suite of suites) {
    if (only !== undefined && !only.includes(suite.language)) continue;
    const startedMs = performance.now();
    runs.push({ suite, outcomes: await outcomesOf(suite, names, stage.environment) });
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
    console.error(`${suite.column}: ${suite.packages.join(', ')}: ${seconds} s`);
  }
} finally {
  await stage.stop();
}

const columns = columnsOf(runs);
console.log(summary(columns, features));
if (only === undefined) {
  const docs = new URL('../../docs/', import.meta.url);
  await mkdir(docs, { recursive: true });
  const today = new Date().toISOString().slice(0, 10);
  await writeFile(new URL('conformance.md', docs), conformance(columns, features, today));
}

const failures = broken(columns, features);
for (const failure of failures) console.error(`expected to pass: ${failure}`);
const hasRun = runs.some(({ outcomes }) => [...outcomes.values()].some(({ status }) => status !== 'not run'));
if (!hasRun) console.error('nothing could be run');
process.exitCode = failures.length > 0 || !hasRun ? 1 : 0;

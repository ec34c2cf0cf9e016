import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { findingsOf, keepFinding } from './findings.js';
import type { FuzzTarget } from './fuzz-target.js';
import { Inputs } from './inputs.js';
import { targets } from './targets.js';

/** A run that takes longer is a finding: inputs have at most 4 KiB. */
const maxRunMs = 1000;
/** Of one target, in one go: more of the same help nobody. */
const maxFindings = 10;

const { values: args } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    only: { type: 'string' },
    seed: { type: 'string' },
  },
});

function main(): void {
  const chosen = choose(args.only);
  const seconds = numberOf('seconds', args.seconds, 1);
  const seed = args.seed === undefined ? randomInt(2 ** 32) : numberOf('seed', args.seed, 0);
  print(`fuzz: --seed ${seed}, ${seconds} s for each of ${chosen.map(({ name }) => name).join(', ')}`);
  const findings = chosen.map(target => rerun(target) + search(target, seed, seconds));
  process.exitCode = findings.some(count => count > 0) ? 1 : 0;
}

/** What was found before must not come back. */
function rerun(target: FuzzTarget): number {
  const broken = findingsOf(target.name).map(({ path, bytes }) => ({ path, fault: faultOf(target, bytes) }));
  const left = broken.filter(({ fault }) => fault !== undefined);
  for (const { path, fault } of left) print(`${target.name}: STILL BROKEN by ${path}\n${fault}`);
  return left.length;
}

function search(target: FuzzTarget, seed: number, seconds: number): number {
  const inputs = new Inputs(target.corpus ?? [], seed, target.name);
  const end = performance.now() + seconds * 1000;
  let runs = 0;
  let found = 0;
  for (; found < maxFindings && performance.now() < end; runs += 1) {
    const bytes = inputs.next();
    const fault = faultOf(target, bytes);
    if (fault === undefined) continue;
    found += 1;
    print(`${target.name}: BROKEN at run ${runs}, kept as ${keepFinding(target.name, bytes)}\n${fault}`);
  }
  print(`${target.name}: ${runs} runs, ${found} findings`);
  return found;
}

function faultOf(target: FuzzTarget, bytes: Buffer): string | undefined {
  const start = performance.now();
  try {
    target.run(bytes);
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const tookMs = performance.now() - start;
  return tookMs > maxRunMs ? `took ${Math.round(tookMs)} ms` : undefined;
}

function choose(only: string | undefined): readonly FuzzTarget[] {
  const chosen = targets.filter(({ name }) => only === undefined || name === only);
  if (chosen.length > 0) return chosen;
  throw new Error(`--only must be one of ${targets.map(({ name }) => name).join(', ')}, not "${only}"`);
}

function numberOf(option: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least) return value;
  throw new Error(`--${option} must be a whole number from ${least}, not "${text}"`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

try {
  main();
} catch (error) {
  process.stderr.write(`fuzz: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

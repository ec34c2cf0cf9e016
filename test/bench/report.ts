import type { ContenderResult, PairResult } from './measure.js';
import type { Scenario, Series } from './scenarios/scenario.js';

/** The least that Hubwire is to do per CPU-second, as a share of what the minimal loop does. */
export const leastRatio = 0.6;

export type Verdict = 'ok' | 'too slow' | 'load-bound';

export function verdictOf({ isLoadBound, ratio }: PairResult): Verdict {
  if (isLoadBound) return 'load-bound';
  return ratio.median >= leastRatio ? 'ok' : 'too slow';
}

/** One series as a person reads it. */
export function textOf(scenario: Scenario, series: Series, result: PairResult): string {
  const { hubwire, minimal } = result;
  return [
    `${scenario.name}, ${series.name}: ${scenario.title}`,
    columns('', [`${scenario.unit}/CPU-s`, `${scenario.unit}/s`, 'p50 ms', 'p99 ms', 'busy', 'load busy', 'RSS MB']),
    columns('hubwire', [...figures(hubwire), (hubwire.residentBytes / 1e6).toFixed(0)]),
    columns('minimal loop', [...figures(minimal), '']),
    `  ratio ${ratioText(result)}   ${verdictText(result)}`,
    '',
  ].join('\n');
}

export function jsonOf(scenario: Scenario, series: Series, result: PairResult): object {
  const { name, title, unit } = scenario;
  return { scenario: name, series: series.name, title, unit, verdict: verdictOf(result), ...result };
}

function ratioText({ ratio, ratios, rounds }: PairResult): string {
  const quartiles = `quartiles ${ratio.lowerQuartile.toFixed(2)} … ${ratio.upperQuartile.toFixed(2)}`;
  return `${ratio.median.toFixed(2)} (${quartiles}, ${ratios.length} of ${rounds} rounds)`;
}

function verdictText(result: PairResult): string {
  switch (verdictOf(result)) {
    case 'ok':
      return `ok, at least ${leastRatio} is expected`;
    case 'too slow':
      return `TOO SLOW: at least ${leastRatio} is expected`;
    case 'load-bound':
      return 'load-bound: in most rounds the load side was busy for more than 90 %, so this is not valid';
  }
}

function figures({ perCpuSecond, perSecond, p50Ms, p99Ms, serverShare, loadShare }: ContenderResult): string[] {
  return [
    Math.round(perCpuSecond).toLocaleString('en'),
    Math.round(perSecond).toLocaleString('en'),
    p50Ms.toFixed(2),
    p99Ms.toFixed(2),
    `${Math.round(serverShare * 100)} %`,
    `${Math.round(loadShare * 100)} %`,
  ];
}

function columns(name: string, cells: readonly string[]): string {
  return `  ${name.padEnd(12)}${cells.map((cell, index) => cell.padStart(index < 2 ? 18 : 10)).join('')}`;
}

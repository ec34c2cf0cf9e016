import type { ContenderResult, GoalResult, SeriesResult } from './measure.js';
import type { Goal, Scenario, Series } from './scenarios/scenario.js';

/** A busy machine costs a ratio its last tenths; further from its goal than this, the code has become slower. */
const tolerance = 2 / 3;

/** Is it so far from the goal that the run is to fail? A load-bound series says nothing, so it fails nothing. */
export function isAlarming({ goals }: SeriesResult): boolean {
  return goals.some(
    ({ verdict, spread, least = -Infinity, most = Infinity }) =>
      verdict === 'missed' && (spread.median < least * tolerance || spread.median > most / tolerance),
  );
}

/** One series as a person reads it. */
export function textOf(scenario: Scenario, series: Series, result: SeriesResult): string {
  const { unit } = scenario;
  const head = [`${unit}/CPU-s`, `${unit}/s`, 'p50 ms', 'p99 ms', 'p99.9 ms', 'busy', 'load busy', 'RSS MB'];
  return [
    `${scenario.name}, ${series.name}: ${scenario.title}`,
    columns('', head),
    ...result.contenders.map(contender => columns(contender.name, figures(contender))),
    ...result.goals.map(goal => `  ${goalText(goal, result.rounds)}`),
    ...ungradedPeers(result).map(({ name, ratio }) => `  work per CPU-second to ${name}: ${ratio.median.toFixed(2)}`),
    ...(result.vendorUnits === undefined
      ? []
      : [`  one core equals ${units(result.vendorUnits)} of the vendor's units`]),
    '',
  ].join('\n');
}

const metricNames = {
  perCpuSecond: 'work per CPU-second',
  p99Ms: 'p99',
  serverShare: 'processor time',
  bytesPerConnection: 'memory per connection',
} as const satisfies Record<Goal['metric'], string>;

function goalText({ metric, against, least, most, spread, values, verdict }: GoalResult, rounds: number): string {
  const what = against === 'alone' ? metricNames[metric] : `${metricNames[metric]} to ${againstText(against)}`;
  const wanted = least === undefined ? `at most ${most}` : `at least ${least}`;
  const quartiles = `quartiles ${spread.lowerQuartile.toFixed(2)} … ${spread.upperQuartile.toFixed(2)}`;
  return `${what}: ${spread.median.toFixed(2)} (${quartiles}, ${values.length} of ${rounds} rounds)   ${verdictTexts[verdict]}, ${wanted} is the goal`;
}

const verdictTexts = {
  reached: 'ok',
  missed: 'MISSED',
  'load-bound': 'NOT VALID (in most rounds the load side was busy for more than 90 %)',
} as const satisfies Record<GoalResult['verdict'], string>;

/** Peers that no goal speaks of. */
export function ungradedPeers({ peers, goals }: SeriesResult): SeriesResult['peers'] {
  return peers.filter(({ name }) => !goals.some(({ against }) => against === `peer ${name}`));
}

export function againstText(against: Goal['against']): string {
  return against === 'limit' ? 'the limit' : against.replace(/^peer /, '');
}

export function units(count: number): string {
  return count < 10 ? count.toFixed(1) : Math.round(count).toLocaleString('en');
}

function figures(result: ContenderResult): string[] {
  const { perCpuSecond, perSecond, p50Ms, p99Ms, p999Ms, serverShare, loadShare, residentBytes } = result;
  return [
    Math.round(perCpuSecond).toLocaleString('en'),
    Math.round(perSecond).toLocaleString('en'),
    ...[p50Ms, p99Ms, p999Ms].map(ms => (Number.isNaN(ms) ? '' : ms.toFixed(2))),
    `${Math.round(serverShare * 100)} %`,
    `${Math.round(loadShare * 100)} %`,
    (residentBytes / 1e6).toFixed(0),
  ];
}

function columns(name: string, cells: readonly string[]): string {
  return `  ${name.padEnd(22)}${cells.map((cell, index) => cell.padStart(index < 2 ? 18 : 10)).join('')}`;
}

import type { ContenderResult, GoalResult, SeriesResult } from './measure.js';
import type { Goal, Scenario, Series } from './scenarios/scenario.js';
import type { Spread } from './statistics.js';

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
  if (result.contenders.some(hasBytesPerConnection)) head.push('kB each');
  if (result.contenders.some(hasNats)) head.push('NATS busy');
  return [
    `${scenario.name}, ${series.name}: ${scenario.title}`,
    columns('', head),
    ...result.contenders.map(contender => columns(contender.name, figures(contender, head))),
    ...result.goals.map(goal => `  ${goalText(goal, result.rounds)}`),
    ...ungradedPeers(result).map(peer => `  ${peerText(peer)}`),
    ...(result.vendorUnits === undefined
      ? []
      : [`  one core equals ${units(result.vendorUnits)} of the vendor's units`]),
    '',
  ].join('\n');
}

const metricNames = {
  perCpuSecond: 'work per CPU-second',
  cpuMicroseconds: 'µs of processor time each',
  p50Ms: 'p50',
  p99Ms: 'p99',
  serverShare: 'processor time',
  bytesPerConnection: 'memory each',
} as const satisfies Record<Goal['metric'], string>;

function goalText({ least, most, spread, values, verdict, ...goal }: GoalResult, rounds: number): string {
  const what = [metricNames[goal.metric], comparisonText(goal)].filter(Boolean).join(' ');
  const wanted = least === undefined ? `at most ${most}` : `at least ${least}`;
  const quartiles = `quartiles ${spread.lowerQuartile.toFixed(2)} … ${spread.upperQuartile.toFixed(2)}`;
  return `${what}: ${spread.median.toFixed(2)} (${quartiles}, ${values.length} of ${rounds} rounds)   ${verdictTexts[verdict]}, ${wanted} is the goal`;
}

function comparisonText({ against, isDifference = false }: Pick<Goal, 'against' | 'isDifference'>): string {
  if (against === 'alone') return '';
  return `${isDifference ? 'more than' : 'to'} ${againstText(against)}`;
}

const verdictTexts = {
  reached: 'ok',
  missed: 'MISSED',
  'load-bound': 'NOT VALID (in most rounds the load side was busy for more than 90 %)',
} as const satisfies Record<GoalResult['verdict'], string>;

export interface UngradedPeer {
  readonly name: string;
  /** Of work per CPU-second. */
  readonly ratio: Spread;
  /** Ratio of memory per connection; undefined where that is not measured. */
  readonly memory: number | undefined;
}

/** Peers that no goal speaks of. */
export function ungradedPeers({ contenders, peers, goals }: SeriesResult): UngradedPeer[] {
  const ungraded = peers.filter(({ name }) => !goals.some(({ against }) => against === `peer ${name}`));
  const bytesOf = (contender?: ContenderResult) => contender?.bytesPerConnection ?? Number.NaN;
  return ungraded.map(({ name, ratio }) => {
    const memory = bytesOf(contenders[0]) / bytesOf(contenders.find(each => each.name === name));
    return { name, ratio, memory: Number.isNaN(memory) ? undefined : memory };
  });
}

function peerText({ name, ratio, memory }: UngradedPeer): string {
  const work = `${metricNames.perCpuSecond} to ${name}: ${ratio.median.toFixed(2)}`;
  return memory === undefined ? work : `${work}, ${metricNames.bytesPerConnection}: ${memory.toFixed(2)}`;
}

export function againstText(against: Goal['against']): string {
  return against === 'limit' ? 'the baseline' : against.replace(/^peer /, '');
}

export function units(count: number): string {
  return count < 10 ? count.toFixed(1) : Math.round(count).toLocaleString('en');
}

function figures(result: ContenderResult, head: readonly string[]): string[] {
  const { perCpuSecond, perSecond, p50Ms, p99Ms, p999Ms, serverShare, loadShare, residentBytes } = result;
  const { bytesPerConnection, natsShare } = result;
  return [
    Math.round(perCpuSecond).toLocaleString('en'),
    Math.round(perSecond).toLocaleString('en'),
    ...[p50Ms, p99Ms, p999Ms].map(latency => orNothing(latency, ms => ms.toFixed(2))),
    `${Math.round(serverShare * 100)} %`,
    `${Math.round(loadShare * 100)} %`,
    (residentBytes / 1e6).toFixed(0),
    ...(head.includes('kB each') ? [orNothing(bytesPerConnection / 1e3, each => each.toFixed(1))] : []),
    ...(head.includes('NATS busy') ? [orNothing(natsShare, share => `${Math.round(share * 100)} %`)] : []),
  ];
}

function orNothing(figure: number, textOf: (figure: number) => string): string {
  return Number.isNaN(figure) ? '' : textOf(figure);
}

function hasNats({ natsShare }: ContenderResult): boolean {
  return !Number.isNaN(natsShare);
}

function hasBytesPerConnection({ bytesPerConnection }: ContenderResult): boolean {
  return !Number.isNaN(bytesPerConnection);
}

function columns(name: string, cells: readonly string[]): string {
  return `  ${name.padEnd(22)}${cells.map((cell, index) => cell.padStart(index < 2 ? 18 : 10)).join('')}`;
}

import { performance } from 'node:perf_hooks';
import type { Contender, Pair } from './scenarios/scenario.js';
import { median, quantile, type Spread, spreadOf } from './statistics.js';

/** Above this share of working time the load side is what is measured. */
const loadBoundShare = 0.9;

/** Milliseconds. A slice is long enough for a ratio within a few per cent, and short enough that the machine is the same for both. */
const sliceMs = 800;
const warmUpMs = 600;

interface SliceResult {
  readonly perCpuSecond: number;
  readonly perSecond: number;
  /** Processor time of the server per second; near 1 when it had all the work it could do. */
  readonly serverShare: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Share of the slice in which the load side worked rather than waited for its sockets: 0..1. */
  readonly loadShare: number;
}

/** One server's figures: the medians of its slices. */
export interface ContenderResult extends SliceResult {
  readonly residentBytes: number;
}

export interface PairResult {
  readonly hubwire: ContenderResult;
  readonly minimal: ContenderResult;
  readonly rounds: number;
  /** Work per CPU-second, Hubwire's to the minimal loop's, taken within each round that is not load-bound. */
  readonly ratios: readonly number[];
  readonly ratio: Spread;
  /** More than half of the rounds were, so the figures say how fast the load side is. `ratios` then holds all rounds. */
  readonly isLoadBound: boolean;
}

/** Alternates slices between the two servers. The order changes from round to round, so that a drift favours neither. */
export async function measure(pair: Pair, rounds: number): Promise<PairResult> {
  await pair.hubwire.load.run(warmUpMs);
  await pair.minimal.load.run(warmUpMs);
  const hubwire: SliceResult[] = [];
  const minimal: SliceResult[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const first = round % 2 === 0 ? 'hubwire' : 'minimal';
    if (first === 'hubwire') hubwire.push(await slice(pair.hubwire));
    minimal.push(await slice(pair.minimal));
    if (first === 'minimal') hubwire.push(await slice(pair.hubwire));
  }
  const results = { hubwire: resultOf(pair.hubwire, hubwire), minimal: resultOf(pair.minimal, minimal) };
  return { ...results, ...compare(hubwire, minimal) };
}

function compare(hubwire: readonly SliceResult[], minimal: readonly SliceResult[]): Omit<PairResult, keyof Pair> {
  const rounds = hubwire.map((result, round) => [result, minimal[round]!] as const);
  const valid = rounds.filter(slices => slices.every(({ loadShare }) => loadShare <= loadBoundShare));
  const isLoadBound = valid.length * 2 < rounds.length;
  const ratios = (isLoadBound ? rounds : valid).map(([ours, least]) => ours.perCpuSecond / least.perCpuSecond);
  return { rounds: rounds.length, ratios, ratio: spreadOf(ratios), isLoadBound };
}

async function slice({ server, load }: Contender): Promise<SliceResult> {
  const cpuBefore = server.cpuSeconds();
  const before = performance.eventLoopUtilization();
  const startedMs = performance.now();
  const { done, latenciesMs } = await load.run(sliceMs);
  const seconds = (performance.now() - startedMs) / 1000;
  const loadShare = performance.eventLoopUtilization(before).utilization;
  const cpuSeconds = server.cpuSeconds() - cpuBefore;
  return {
    perCpuSecond: done / cpuSeconds,
    perSecond: done / seconds,
    serverShare: cpuSeconds / seconds,
    p50Ms: median(latenciesMs),
    p99Ms: quantile(latenciesMs, 0.99),
    loadShare,
  };
}

function resultOf({ server }: Contender, slices: readonly SliceResult[]): ContenderResult {
  const of = (figure: keyof SliceResult) => median(slices.map(each => each[figure]));
  return {
    perCpuSecond: of('perCpuSecond'),
    perSecond: of('perSecond'),
    serverShare: of('serverShare'),
    p50Ms: of('p50Ms'),
    p99Ms: of('p99Ms'),
    loadShare: of('loadShare'),
    residentBytes: server.residentBytes(),
  };
}

import { performance } from 'node:perf_hooks';
import type { Contender, Contest, Goal, Series } from './scenarios/scenario.js';
import { median, quantile, type Spread, spreadOf } from './statistics.js';

/** Above this share of working time the load side is what is measured. */
const loadBoundShare = 0.9;

/** Milliseconds. A slice is long enough for a ratio within a few per cent, and short enough that the machine is the same for all. */
const usualSliceMs = 700;

/** The first second of a server is that of its compiler. */
const usualWarmUpMs = 1_000;

/**
 * Several processes, and one that needs more than usual, get their processor time in at most so many times as many runs as it
 * takes: a busy machine gives them little at a time.
 */
const warmUpPatience = 5;

interface SliceResult {
  readonly perCpuSecond: number;
  /** Microseconds of processor time that one piece of work took. */
  readonly cpuMicroseconds: number;
  readonly perSecond: number;
  /** Processor time of the server per second; near 1 when it had all the work it could do. */
  readonly serverShare: number;
  /** The same of its nats-server; NaN where there is none. */
  readonly natsShare: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** Share of the slice in which the load side worked rather than waited for its sockets: 0..1. */
  readonly loadShare: number;
  readonly residentBytes: number;
  /** NaN where it is not what the series is about. */
  readonly bytesPerConnection: number;
}

/** One server's figures: the medians of its slices. */
export interface ContenderResult extends SliceResult {
  readonly name: string;
}

export interface GoalResult extends Goal {
  /** The figure, or the ratio within each round, over the rounds that are not load-bound. */
  readonly spread: Spread;
  readonly values: readonly number[];
  /** `load-bound`: in more than half of the rounds the figures say how fast the load side is. */
  readonly verdict: 'reached' | 'missed' | 'load-bound';
}

export interface SeriesResult {
  readonly rounds: number;
  readonly contenders: readonly ContenderResult[];
  readonly goals: readonly GoalResult[];
  /** Ratios of work per CPU-second to each peer, for which no goal is set. */
  readonly peers: readonly { readonly name: string; readonly ratio: Spread }[];
  /** By work per CPU-second; undefined where the vendor publishes no figure. */
  readonly vendorUnits: number | undefined;
}

interface Track {
  readonly contender: Contender;
  readonly slices: SliceResult[];
}

/**
 * Alternates slices between the servers. The order changes from round to round, so that a drift favours none.
 * @param rounds that count; those in which the load side was too busy are made up for, as long as most are not
 */
export async function measure(series: Series, contest: Contest, rounds: number): Promise<SeriesResult> {
  const { subject, limit, peers = [] } = contest;
  const tracks = [subject, ...(limit ? [limit] : []), ...peers].map(contender => ({ contender, slices: [] }) as Track);
  const sliceMs = series.sliceMs ?? usualSliceMs;
  const warmUpMs = series.warmUpMs ?? usualWarmUpMs;
  const contenders = tracks.map(({ contender }) => contender);
  await warmUp(contenders, warmUpMs, Math.max(usualWarmUpMs, sliceMs));
  const judged = tracks.slice(0, limit === undefined ? 1 : 2);
  for (let round = 0; round < rounds * 2 && validRounds(judged) < rounds; round += 1) {
    const order = round % 2 === 0 ? tracks : tracks.toReversed();
    const take = async ({ contender, slices }: Track) => slices.push(await slice(contender, sliceMs));
    if (series.isTogether) await Promise.all(order.map(take));
    else for (const track of order) await take(track);
  }
  await contest.check?.();
  return resultOf(series, tracks, contest);
}

/**
 * In turn, as the slices that follow: V8 gives up much of what it has compiled while a server is idle, and one that was warmed up
 * first, and then idle for a minute while others were, began at a third of its speed.
 */
async function warmUp(contenders: readonly Contender[], eachMs: number, runMs: number): Promise<void> {
  const warmUps = contenders.map(contender => new WarmUp(contender, eachMs));
  const longestMs = Math.max(...warmUps.map(({ neededMs }) => neededMs));
  for (let left = warmUps; left.length > 0; left = left.filter(each => !each.isOver)) {
    for (const each of left) await each.run((runMs * each.neededMs) / longestMs);
  }
}

class WarmUp {
  /** Processor time of all its processes. */
  readonly neededMs: number;
  readonly #contender: Contender;
  readonly #cpuBefore: number;
  readonly #mostMs: number;
  #ranMs = 0;

  constructor(contender: Contender, eachMs: number) {
    const { processes = 1, server } = contender;
    this.#contender = contender;
    this.neededMs = processes * eachMs;
    this.#cpuBefore = server.cpuSeconds();
    this.#mostMs = this.neededMs * (this.neededMs <= usualWarmUpMs ? 1 : warmUpPatience);
  }

  get isOver(): boolean {
    const cpuMs = (this.#contender.server.cpuSeconds() - this.#cpuBefore) * 1_000;
    return cpuMs >= this.neededMs || this.#ranMs >= this.#mostMs;
  }

  async run(durationMs: number): Promise<void> {
    const { load } = this.#contender;
    await load.prepare?.();
    await load.run(durationMs);
    this.#ranMs += durationMs;
  }
}

/** Rounds in which the load side was too busy for none of them. */
function validRounds(tracks: readonly Track[]): number {
  return tracks[0]!.slices.filter((_, round) => tracks.every(({ slices }) => isValid(slices[round]!))).length;
}

function isValid({ loadShare }: SliceResult): boolean {
  return loadShare <= loadBoundShare;
}

function resultOf(series: Series, tracks: readonly Track[], contest: Contest): SeriesResult {
  const subject = tracks[0]!;
  const find = (contender: Contender) => tracks.find(track => track.contender === contender)!;
  const opponents = new Map<Goal['against'], Track>();
  if (contest.limit) opponents.set('limit', find(contest.limit));
  for (const peer of contest.peers ?? []) opponents.set(`peer ${peer.name}`, find(peer));
  const goals = series.goals.map(goal => judge(goal, subject, opponents.get(goal.against)));
  return {
    rounds: subject.slices.length,
    contenders: tracks.map(summary),
    goals,
    peers: (contest.peers ?? []).map(peer => ({
      name: peer.name,
      ratio: spreadOf(compare({ metric: 'perCpuSecond' }, subject, find(peer)).values),
    })),
    vendorUnits: series.vendorUnit && summary(subject).perCpuSecond / series.vendorUnit.perSecond,
  };
}

/** @throws Error when the peer that the goal names takes no part */
function judge(goal: Goal, subject: Track, opponent: Track | undefined): GoalResult {
  if (goal.against !== 'alone' && opponent === undefined)
    throw new Error(`nobody is there to compare with: ${goal.against}`);
  const { values, isLoadBound } = compare(goal, subject, opponent);
  const spread = spreadOf(values);
  const isReached = spread.median >= (goal.least ?? -Infinity) && spread.median <= (goal.most ?? Infinity);
  return { ...goal, spread, values, verdict: isLoadBound ? 'load-bound' : isReached ? 'reached' : 'missed' };
}

/** The subject's figure in each round that is not load-bound, or how it compares with the opponent's. When most rounds are, all of them. */
function compare(
  { metric, isDifference = false }: Pick<Goal, 'metric' | 'isDifference'>,
  subject: Track,
  opponent: Track | undefined,
): { values: number[]; isLoadBound: boolean } {
  const rounds = subject.slices.map((ours, round) => ({ ours, theirs: opponent?.slices[round] }));
  const valid = rounds.filter(({ ours, theirs }) => isValid(ours) && (theirs === undefined || isValid(theirs)));
  const isLoadBound = valid.length * 2 < rounds.length;
  const values = (isLoadBound ? rounds : valid).map(({ ours, theirs }) => {
    if (theirs === undefined) return ours[metric];
    return isDifference ? ours[metric] - theirs[metric] : ours[metric] / theirs[metric];
  });
  return { values, isLoadBound };
}

async function slice({ server, nats, load, idle }: Contender, sliceMs: number): Promise<SliceResult> {
  await load.prepare?.();
  const cpuBefore = server.cpuSeconds();
  const natsBefore = nats?.cpuSeconds() ?? Number.NaN;
  const before = performance.eventLoopUtilization();
  const startedMs = performance.now();
  const { done, latenciesMs } = await load.run(sliceMs);
  const seconds = (performance.now() - startedMs) / 1000;
  const loadShare = performance.eventLoopUtilization(before).utilization;
  const cpuSeconds = server.cpuSeconds() - cpuBefore;
  const natsCpuSeconds = (nats?.cpuSeconds() ?? Number.NaN) - natsBefore;
  const residentBytes = server.residentBytes();
  return {
    perCpuSecond: done / cpuSeconds,
    cpuMicroseconds: (cpuSeconds * 1e6) / done,
    perSecond: done / seconds,
    serverShare: cpuSeconds / seconds,
    natsShare: natsCpuSeconds / seconds,
    p50Ms: median(latenciesMs),
    p99Ms: quantile(latenciesMs, 0.99),
    p999Ms: quantile(latenciesMs, 0.999),
    loadShare,
    residentBytes,
    bytesPerConnection: idle === undefined ? Number.NaN : (residentBytes - idle.bytesBefore) / idle.connections,
  };
}

function summary({ contender, slices }: Track): ContenderResult {
  const of = (figure: keyof SliceResult) => median(slices.map(each => each[figure]));
  return {
    name: contender.name,
    perCpuSecond: of('perCpuSecond'),
    cpuMicroseconds: of('cpuMicroseconds'),
    perSecond: of('perSecond'),
    serverShare: of('serverShare'),
    natsShare: of('natsShare'),
    p50Ms: of('p50Ms'),
    p99Ms: of('p99Ms'),
    p999Ms: of('p999Ms'),
    loadShare: of('loadShare'),
    residentBytes: of('residentBytes'),
    bytesPerConnection: of('bytesPerConnection'),
  };
}

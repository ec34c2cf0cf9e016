import { readFile, writeFile } from 'node:fs/promises';
import { arch, cpus, platform, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { GoalResult, SeriesResult } from './measure.js';
import { againstText, type UngradedPeer, ungradedPeers, units } from './report.js';

const root = new URL('../../', import.meta.url);
const resultFile = fileURLToPath(new URL('result.json', import.meta.url));
/** Where people read the results. */
const pageFile = fileURLToPath(new URL('docs/performance.md', root));

/** Marks around the table on that page. */
const begin = '<!-- bench: written by `npm run bench -- --publish` -->';
const end = '<!-- /bench -->';

/** One series of one run. */
export interface PublishedSeries extends SeriesResult {
  readonly scenario: string;
  readonly series: string;
  readonly title: string;
  readonly unit: string;
  /** ISO 8601, the day. */
  readonly date: string;
}

export interface Published {
  readonly machine: string;
  /** Of node and of the packages that take part. */
  readonly versions: Readonly<Record<string, string>>;
  readonly results: readonly PublishedSeries[];
}

/** Writes the results into `result.json`, in the place of those of the same series, and the table of `docs/performance.md` from all of them. */
export async function publish(fresh: readonly PublishedSeries[], order: readonly string[]): Promise<void> {
  const before = await readResult().catch(() => undefined); // the first one
  const keyOf = ({ scenario, series }: PublishedSeries) => `${scenario}, ${series}`;
  const all = new Map([...(before?.results ?? []), ...fresh].map(each => [keyOf(each), each]));
  const results = order.flatMap(key => all.get(key) ?? []);
  const published = { machine: machine(), versions: await versions(), results };
  await writeFile(resultFile, `${JSON.stringify(published, rounded, 1)}\n`);
  await writeFile(pageFile, withTable(await readFile(pageFile, 'utf8'), await readResult()));
}

export async function readResult(): Promise<Published> {
  return JSON.parse(await readFile(resultFile, 'utf8')) as Published;
}

/** The page's text with the table of these results. @throws Error when its marks are missing */
export function withTable(page: string, published: Published): string {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/performance.md lacks the table's marks: ${begin} … ${end}`);
  return `${page.slice(0, from)}${begin}\n${tableOf(published)}\n${page.slice(to)}`;
}

function tableOf({ machine, versions, results }: Published): string {
  const dates = [...new Set(results.map(({ date }) => date))].sort();
  const rows = results.map(result => `| ${cellsOf(result).join(' | ')} |`);
  const used = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    `Measured ${dates.join(', ')} on ${machine}, with ${used.join(', ')}; ratios are medians of paired rounds.`,
    '',
    '| Work | per CPU-second | p99 ms | goals, and what was reached |',
    '|---|---|---|---|',
    ...rows,
  ].join('\n');
}

function cellsOf(result: PublishedSeries): string[] {
  const { scenario, series, unit, contenders, goals, vendorUnits } = result;
  const [hubwire] = contenders;
  const reached = [
    ...goals.map(goalCell),
    ...ungradedPeers(result).map(peerCell),
    ...(vendorUnits == null ? [] : [`= ${units(vendorUnits)} of the vendor's units`]),
  ];
  const p99 = hubwire?.p99Ms;
  return [
    `${scenario}: ${series}`,
    `${Math.round(hubwire?.perCpuSecond ?? 0).toLocaleString('en')} ${unit}`,
    p99 == null ? '' : p99.toFixed(p99 < 10 ? 1 : 0),
    reached.join('; '),
  ];
}

function peerCell({ name, ratio, memory }: UngradedPeer): string {
  const work = `${ratio.median.toFixed(1)} × ${name}`;
  return memory === undefined ? work : `${work} with ${memory.toFixed(2)} of its memory`;
}

const metricTexts = {
  perCpuSecond: '',
  cpuMicroseconds: 'µs of processor time each ',
  p50Ms: 'p50 ',
  p99Ms: 'p99 ',
  serverShare: 'processor time ',
  bytesPerConnection: 'memory ',
} as const satisfies Record<GoalResult['metric'], string>;

function goalCell({ metric, against, isDifference, least, most, spread, verdict }: GoalResult): string {
  const wanted = least === undefined ? `≤ ${most}` : `≥ ${least}`;
  const mark = { reached: '✔', missed: '✘', 'load-bound': 'not valid' }[verdict];
  const isRatio = against !== 'alone' && isDifference !== true;
  const figure = spread.median.toFixed(isRatio ? 2 : (least ?? most ?? 0) < 100 ? 1 : 0);
  const to = against === 'alone' ? '' : ` ${isRatio ? 'of' : 'more than'} ${againstText(against)}`;
  return `${metricTexts[metric]}**${figure}**${to} (${wanted}) ${mark}`;
}

function machine(): string {
  const [{ model = 'unknown processor' } = {}] = cpus();
  return `${cpus().length} × ${model}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${platform()} ${arch()}`;
}

async function versions(): Promise<Record<string, string>> {
  const names = ['ws', 'undici', 'fastify', 'socket.io'];
  const found = names.map(async name => {
    const manifest = await readFile(new URL(`node_modules/${name}/package.json`, root), 'utf8');
    return [name, (JSON.parse(manifest) as { version: string }).version] as const;
  });
  return { node: process.version, ...Object.fromEntries(await Promise.all(found)) };
}

/** Four digits are more than any of it is good for. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(4)) : value;
}

import { parseConfig } from '../load.js';
import { ConfigError, type ConfigProblem, formatPath, type Path } from '../problems.js';
import { hubsOfAzure } from './azure.js';
import { type Block, blockOf } from './block.js';
import type { Draft, Unmatched } from './draft.js';
import { mapAt, readPeerFile } from './peer-file.js';
import { type PeerMap, PeerSettings } from './peer-settings.js';
import { draftOfSockudo, sockudoApps } from './sockudo.js';
import { draftOfSoketi, soketiApps } from './soketi.js';

export const peers = ['sockudo', 'soketi'] as const;
export type Peer = (typeof peers)[number];

export interface Imported extends Block {
  readonly apps: number;
  readonly hubs: number;
  /** Settings of the file that are not in the block. */
  readonly unmatched: readonly Unmatched[];
  /** What has to be corrected before the block is valid: places are those of the block. */
  readonly problems: readonly ConfigProblem[];
}

interface Format {
  readonly title: string;
  readonly apps: Path;
  readonly drivers: Path;
  draft(root: PeerSettings, apps: readonly PeerSettings[]): Draft;
}

const formats: Readonly<Record<Peer, Format>> = {
  sockudo: { title: 'Sockudo', apps: sockudoApps, drivers: ['app_manager', 'driver'], draft: draftOfSockudo },
  soketi: { title: 'soketi', apps: soketiApps, drivers: ['appManager', 'driver'], draft: draftOfSoketi },
};

/**
 * Reads the configuration of a peer and writes what of a hubs.yaml it stands for. Messages show no value of the file.
 * @param text of at most 1 MiB; `file` is its name in messages
 * @throws ConfigError for a file that is not one of the peer's, or has no apps
 */
export function importFrom(
  peer: Peer,
  text: string,
  { file, asVariables }: { file: string; asVariables: boolean },
): Imported {
  const format = formats[peer];
  const tree = readPeerFile(text, file);
  const { root, apps } = appsOf(tree, peer, file);
  const draft = format.draft(root, apps);
  const block = blockOf(draft, asVariables);
  return {
    ...block,
    apps: apps.length,
    hubs: 0,
    unmatched: [...draft.unmatched, ...root.remarks()],
    problems: problemsOf(block.text, variablesOf(block, asVariables)),
  };
}

/**
 * Reads what `az webpubsub hub show` printed, and writes what of a hubs.yaml it stands for.
 * @throws ConfigError for a file without hubs
 */
export function importFromAzure(text: string, from: { file: string; asVariables: boolean }): Imported {
  const block = hubsOfAzure(text, from);
  return { ...block, apps: 0, problems: problemsOf(block.text, block.variables) };
}

/** The whole file, or only its list of apps. */
function appsOf(tree: unknown, peer: Peer, file: string): { root: PeerSettings; apps: readonly PeerSettings[] } {
  const { title, apps: place } = formats[peer];
  const whole: PeerMap | undefined = Array.isArray(tree) ? nested(place, tree) : tree instanceof Map ? tree : undefined;
  if (whole === undefined) throw ConfigError.ofFile(file, `the file is no configuration of ${title}: it is no mapping`);
  const root = new PeerSettings(whole);
  const holder = place.slice(0, -1).reduce<PeerSettings>((settings, name) => settings.mapping(String(name)), root);
  const apps = holder.mappings([String(place.at(-1))]);
  if (apps === undefined || apps.length === 0) throw ConfigError.ofFile(file, withoutApps(whole, peer));
  return { root, apps };
}

function nested(place: Path, value: unknown): PeerMap {
  const inner = place.reduceRight<unknown>((found, name) => new Map([[name, found]]), value);
  return inner as PeerMap;
}

function withoutApps(root: PeerMap, peer: Peer): string {
  const { title, apps, drivers } = formats[peer];
  const other = peers.find(each => each !== peer && mapAt(root, formats[each].apps.slice(0, 1)) !== undefined);
  if (other !== undefined) {
    return `the file is one of ${formats[other].title}, not of ${title}; run: hubwire import ${other} FILE`;
  }
  const driver = mapAt(root, drivers.slice(0, 1))?.get(String(drivers.at(-1)));
  const isElsewhere =
    typeof driver === 'string' && /^[a-z0-9_-]{1,20}$/.test(driver) && !/^(?:array|memory)$/.test(driver);
  const found = isElsewhere
    ? `${formatPath(drivers)} is ${driver}, so the apps are in that database; write them to a list there`
    : 'is it the right file?';
  return `${formatPath(apps)} is no list of apps, so there is nothing to import; ${found}`;
}

function variablesOf({ secrets }: Block, asVariables: boolean): Readonly<Record<string, string>> {
  return asVariables ? Object.fromEntries(secrets.map(({ name, value }) => [name, value])) : {};
}

/** Is the block a hubs.yaml? */
function problemsOf(text: string, env: Readonly<Record<string, string>>): readonly ConfigProblem[] {
  try {
    parseConfig(text, { file: 'the block', env });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

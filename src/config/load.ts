import { readFile, stat } from 'node:fs/promises';
import type { Insertion } from '../upstream/options.js';
import { checkBridges } from './bridges.js';
import { canonicalise } from './canonicalise.js';
import { buildConfig, type Config } from './config.js';
import { checkApps, checkHubNames, checkQueue, checkWebhooks } from './consistency.js';
import type { Environment } from './environment.js';
import { ConfigError, type ConfigProblem, formatPath, inOrder, type Path } from './problems.js';
import { schemaProblemOf } from './reasons.js';
import { isHubsFile } from './schema/check.js';
import { hubsFileSchema } from './schema/hubs-file.js';
import { readSource, type Source } from './source.js';

export type { AppBridge } from '../bridges/rules.js';
export { type App, type AppLimits, type Apps, sampleKeyOf, weaknessOf } from './apps.js';
export { type Changes, changesOf } from './changes.js';
export type { ClusterSettings } from './cluster.js';
export { type Config, defaultHubConfig, type HubConfig, handlersOf } from './config.js';
export type { Environment } from './environment.js';
export { type LineOf, lineOf } from './lines.js';
export { ConfigError, type ConfigProblem } from './problems.js';
export type { QueueSettings } from './queue.js';
export { defaultPerAddress } from './schema/limits.js';

export const maxConfigBytes = 1024 * 1024;

/**
 * Reads the text of a hubs.yaml; `file` is its name in messages.
 * @throws ConfigError with every problem that was found
 * [design 2]
 */
export function parseConfig(text: string, from: { file: string; env: Environment }): Config {
  const source = readSource(text, from.file, from.env);
  if (source.tree === null || source.tree === undefined) throw ConfigError.ofFile(from.file, emptyReason);
  const problems = new Problems(source);
  const insertions = new Map<string, readonly Insertion[]>();
  const tree = canonicalise(hubsFileSchema, source.tree, [], {
    report: (path, reason) => problems.add(path, reason, 'value'),
    filled: (path, from) => insertions.set(formatPath(path), from.insertions),
    numberText: path => source.numberText(path),
  });
  checkHubNames(tree, problems);
  const isValid = isHubsFile(tree);
  if (isValid) checkApps(tree, problems);
  if (isValid) checkQueue(tree, problems);
  if (isValid && problems.isEmpty) checkWebhooks(tree, problems);
  if (isValid && problems.isEmpty) checkBridges(tree, problems);
  if (isValid && problems.isEmpty) {
    if (source.cutOff !== undefined) throw new ConfigError([source.cutOff]);
    return buildConfig({ text, tree }, path => insertions.get(formatPath(path)));
  }
  for (const error of isHubsFile.errors ?? []) {
    const problem = schemaProblemOf(error, pathIn(tree, error.instancePath));
    if (problem) problems.add(problem.path, problem.reason, problem.part);
  }
  throw new ConfigError(problems.inOrder);
}

/** A file that was emptied by mistake or by a full disk would open every hub that a `connect` handler guards. */
const emptyReason = 'the file is empty; write `hubs: {}` if no hub needs settings';

/**
 * Reads a hubs.yaml of at most 1 MiB of UTF-8.
 * @param namedBy the flag or variable that names the file, for messages
 * @throws ConfigError when it cannot be read or used
 */
export async function loadConfig(file: string, env: Environment, namedBy?: string): Promise<Config> {
  return parseConfig(await readConfigText(file, namedBy), { file, env });
}

/** @throws ConfigError */
export async function readConfigText(file: string, namedBy?: string): Promise<string> {
  const bytes = await readRegularFile(file, namedBy);
  if (bytes.length > maxConfigBytes) throw tooLarge(file);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw ConfigError.ofFile(file, 'the file is not UTF-8 text; save it as UTF-8', cause);
  }
}

async function readRegularFile(file: string, namedBy: string | undefined): Promise<Buffer> {
  try {
    const stats = await stat(file);
    // A pipe or a device could keep the process waiting for ever.
    if (!stats.isFile()) throw ConfigError.ofFile(file, `${kindOf(stats)}; choose a YAML file`);
    if (stats.size > maxConfigBytes) throw tooLarge(file);
    return await readFile(file);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw ConfigError.ofFile(file, unreadable(error, namedBy), error);
  }
}

function kindOf(stats: { isDirectory(): boolean }): string {
  return stats.isDirectory() ? 'this is a directory' : 'this is not a regular file';
}

export function tooLarge(file: string): ConfigError {
  return ConfigError.ofFile(file, 'the file is larger than 1 MiB; is it the right file?');
}

/** As a read of it fails. */
export function missingFile(file: string): ConfigError {
  return ConfigError.ofFile(file, missingReason(undefined));
}

function missingReason(namedBy: string | undefined): string {
  return `the file does not exist; create it, or choose another file${namedBy ? ` with ${namedBy}` : ''}`;
}

function unreadable(error: unknown, namedBy: string | undefined): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  if (code === 'ENOENT') return missingReason(namedBy);
  if (code === 'EACCES' || code === 'EPERM') return 'the file cannot be read: permission denied; check its permissions';
  return `the file cannot be read (${code})`;
}

// ----------------------------------------------------------------------------------------------------- validation

/** What is wrong with the file: one problem for each place, the first one that was found. */
class Problems {
  readonly #source: Source;
  readonly #problems: ConfigProblem[];
  readonly #places: Set<string>;

  constructor(source: Source) {
    this.#source = source;
    this.#problems = [...source.problems];
    this.#places = new Set(source.problems.map(problem => problem.path));
  }

  get isEmpty(): boolean {
    return this.#problems.length === 0;
  }

  /** Without a reason: suppresses further problems of the place. */
  add(path: Path, reason: string | undefined, part: 'key' | 'value'): void {
    const place = formatPath(path);
    if (this.#places.has(place)) return;
    this.#places.add(place);
    if (reason === undefined) return;
    this.#problems.push(this.#source.problem(path, reason, part));
  }

  get inOrder(): readonly ConfigProblem[] {
    return inOrder(this.#problems);
  }
}

/** A JSON pointer as a path: only the tree tells a list's position from a key. */
function pathIn(tree: unknown, pointer: string): Path {
  let node = tree;
  return pointer
    .split('/')
    .slice(1)
    .map(text => {
      const key = text.replaceAll('~1', '/').replaceAll('~0', '~');
      const segment = Array.isArray(node) ? Number(key) : key;
      node = (node as Record<string | number, unknown>)[segment];
      return segment;
    });
}

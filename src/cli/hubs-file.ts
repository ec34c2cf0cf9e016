import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isLoopback } from '../addresses.js';
import { type Apps, type Config, loadConfig, parseConfig, weaknessOf } from '../config/load.js';
import { parseShared, type SharedHubs } from '../config/shared-hubs.js';
import { PubSubError } from '../errors.js';
import { commandLine } from './invocation.js';
import type { Environment } from './settings.js';
import { type Given, lookUp } from './variables.js';

/** What the sample needs; the one at the top of the repository. */
const sampleHubsFile = fileURLToPath(new URL('../../hubs.yaml', import.meta.url));

/** Where the hubs and their event handlers are read from. */
export interface HubsFile {
  /** The one that is followed. Other files have their place beside it. */
  readonly path: string;
  /** The flag or variable that names it. */
  readonly namedBy: string;
  /** Only of the default one, which need not exist. */
  readonly isMissing: boolean;
  /** What is used in place of the file. */
  readonly shared?: (SharedHubs & { stop(): Promise<void> }) | undefined;
}

/** For people: where the hubs are. */
export function placeOfHubs({ path, shared }: Pick<HubsFile, 'path' | 'shared'>): string {
  return shared?.name ?? path;
}

/** What to say of a file that the service does not read, as its nodes share their hubs; undefined: it does. */
export function unusedFile(
  name: string,
  env: Environment,
): { readonly seen: string; readonly advice: string } | undefined {
  if (lookUp('config', {}, env).text !== 'nats') return undefined;
  return {
    seen: `HUBWIRE_CONFIG is nats: the service does not use ${name}, but what its nodes share in NATS`,
    advice: `make the file what they share with: ${commandLine(`config push ${name}`, env)}; or change that with ${commandLine('hub', env)} and --admin`,
  };
}

/** One that is named has to exist. */
export function findHubsFile({ text, name, isDefault = false }: Given): HubsFile {
  const path = resolve(text);
  return { path, namedBy: name, isMissing: isDefault && !existsSync(path) };
}

/**
 * Without a file there are no event handlers, and every hub takes clients that have a token; the sample then brings its own.
 * @throws ConfigError
 */
export async function loadHubs(file: HubsFile, env: Environment, hasSample: boolean): Promise<Config> {
  if (file.shared !== undefined) {
    await file.shared.refresh();
    return parseShared(file.shared, env);
  }
  if (!file.isMissing) return loadConfig(file.path, env, file.namedBy);
  return hasSample ? loadConfig(sampleHubsFile, env) : parseConfig('hubs: {}', { file: file.path, env });
}

/**
 * Apps with the secret of a sample are for this machine only, like the development key.
 * @throws PubSubError `invalid` when others can reach the host
 */
export function checkAppFence(apps: Apps, host: Given, file: HubsFile): void {
  const weakness = weaknessOf(apps);
  if (weakness === undefined || isLoopback(host.text)) return;
  const place = file.isMissing
    ? `; the app is one of the sample's hubs.yaml, which is used as ${file.path} does not exist: write that file, without the app or with another secret`
    : ` in ${placeOfHubs(file)}, or remove the app there`;
  throw new PubSubError('invalid', `refusing to listen on ${host.text} (${host.name}) ${weakness}${place}`);
}

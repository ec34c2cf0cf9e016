import { resolve } from 'node:path';
import { Endpoints } from '../auth/endpoints.js';
import { systemClock } from '../clock.js';
import { type Config, ConfigError, handlersOf, loadConfig } from '../config/load.js';
import { PubSubError } from '../errors.js';
import { observers } from '../hub/observers.js';
import { Settings } from '../settings.js';
import type { HandlerStatus } from '../upstream/event-handlers.js';
import { eventHandlersOf } from '../upstream/service-handlers.js';
import { Sources } from '../webhooks/sources.js';
import { unusedFile } from './hubs-file.js';
import { readKeys } from './key-settings.js';
import { handlerLines } from './report.js';
import { type Environment, localEndpoint, readEndpoints, readProxies } from './settings.js';

export interface ValidateArguments {
  readonly json?: boolean;
}

/**
 * Checks the file and validates every upstream as the service does, without starting one. Exit code 1 when anything fails.
 * @throws ConfigError
 */
export async function validate(file: string, args: ValidateArguments, env: Environment): Promise<void> {
  const path = resolve(file);
  try {
    await examine(file, path, args, env);
  } catch (error) {
    if (args.json === true && error instanceof PubSubError) printFailure(path, error);
    throw error;
  }
}

/** As of a file that can be used, with what is wrong in place of what it contains. */
function printFailure(file: string, error: PubSubError): void {
  const problems =
    error instanceof ConfigError
      ? error.problems.map(({ line, column, path, reason }) => ({ line, column, path, reason }))
      : [{ reason: error.message }];
  process.stdout.write(`${JSON.stringify({ file, isValid: false, problems })}\n`);
}

async function examine(file: string, path: string, args: ValidateArguments, env: Environment): Promise<void> {
  const config = await loadConfig(path, env);
  const endpoints = new Endpoints(readEndpoints(env), () => localEndpoint(env));
  const handlers = eventHandlersOf({
    endpoints,
    keys: readKeys(env).keys,
    clock: systemClock,
    observer: observers(),
    proxies: readProxies(env),
  });
  await handlers.configure(handlersOf(config), config.delivery);
  const statuses = handlers.statuses();
  await handlers.close();
  print(
    { file: path, config, statuses, warnings: [...unusedWarnings(file, env), ...webhookWarnings(config)] },
    args.json === true,
  );
  if (statuses.some(({ state }) => state !== 'active')) process.exitCode = 1;
}

function unusedWarnings(file: string, env: Environment): readonly string[] {
  const unused = unusedFile(file, env);
  return unused === undefined ? [] : [`${unused.seen}; ${unused.advice}`];
}

/** What the service would warn about. */
function webhookWarnings(config: Config): readonly string[] {
  const warnings: string[] = [];
  new Sources(new Settings(config).ofWebhooks(), (source, warning) => warnings.push(`${source}: ${warning}`));
  return warnings;
}

interface Result {
  readonly file: string;
  readonly config: Config;
  readonly statuses: readonly HandlerStatus[];
  readonly warnings: readonly string[];
}

function print({ file, config, statuses, warnings }: Result, isJson: boolean): void {
  const apps = config.apps.all().map(({ id }) => id);
  const active = statuses.filter(({ state }) => state === 'active');
  const isValid = active.length === statuses.length;
  const sum = isValid
    ? `the file is valid; ${statuses.length} event handler(s)${apps.length === 0 ? '' : `, ${apps.length} app(s)`}`
    : `${statuses.length - active.length} of ${statuses.length} event handler(s) not active; a service would accept the file`;
  const lines = isJson
    ? [JSON.stringify({ file, isValid, eventHandlers: statuses, apps, warnings })]
    : [
        `${file}: ${sum}`,
        ...handlerLines(statuses).map(line => `  ${line}`),
        ...warnings.map(warning => `  warning: ${warning}`),
      ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

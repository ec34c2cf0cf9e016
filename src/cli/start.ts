import { constants } from 'node:os';
import { resolve } from 'node:path';
import { loadConfig, textOf } from '../config/load.js';
import { PubSubError } from '../errors.js';
import { type LogLevel, makeLogger } from '../logging.js';
import { Service } from '../service.js';
import { handlerLines } from './report.js';
import { startSample } from './sample.js';
import {
  checkFence,
  type Environment,
  type KeySettings,
  parseHost,
  parsePort,
  parseTrustProxy,
  readEndpoints,
  readKeys,
  readProxies,
  readTls,
} from './settings.js';
import { type Flags, type Given, lookUp, variableWarnings } from './variables.js';
import { documentation, version } from './version.js';

/** As commander hands them over; settings that are not given are read from the environment. */
export interface StartArguments extends Flags {
  readonly sample?: boolean;
  readonly json?: boolean;
}

/** Lifetime of the client URL that is printed, in minutes. */
const printedTokenMinutes = 60;

/** Runs the service until one of the signals that stop it. @throws PubSubError, ConfigError before anything listens */
export async function start(args: StartArguments, env: Environment): Promise<void> {
  const settings = readKeys(env);
  const host = parseHost(lookUp('host', args, env));
  checkFence(settings, host);
  const admin = adminAddress(args, env);
  if (admin !== undefined) checkFence(settings, admin.host);
  const hubs = lookUp('hubs', args, env);
  const file = resolve(hubs.text);
  const log = makeLogger(logLevel(lookUp('logLevel', args, env)));
  const config = await loadConfig(file, env, hubs.name);
  const warnings = [...settings.warnings, ...variableWarnings(args, env, textOf(config) ?? '')];
  for (const warning of warnings) log.warn(warning);
  const service = new Service({
    host: host.text,
    port: parsePort(lookUp('port', args, env)),
    admin: admin && { host: admin.host.text, port: admin.port },
    keys: settings.keys,
    endpoints: readEndpoints(env),
    tls: readTls(lookUp('tlsCert', args, env), lookUp('tlsKey', args, env)),
    trustProxy: parseTrustProxy(lookUp('trustProxy', args, env)),
    proxies: readProxies(env),
    config,
    log,
    version,
    documentation,
  });
  await run(service, file, args, env, settings);
}

async function run(
  service: Service,
  file: string,
  args: StartArguments,
  env: Environment,
  settings: KeySettings,
): Promise<void> {
  const stops: (() => Promise<void>)[] = [];
  stopOnSignal(stops);
  await service.listen();
  stops.push(() => service.stop());
  const sample = args.sample === true ? await startSample(service.connectionString) : undefined;
  if (sample !== undefined) stops.push(() => sample.stop()); // after the service: its `disconnected` events go there
  const activated = service.activate();
  if (args.json === true) printListening(service);
  await activated;
  if (args.json !== true) printWelcome(service, settings, sample?.line);
  service.watch(file, env);
}

/** Port 0 switches the listener off; `any` takes a free port. [design 1] */
function adminAddress(args: StartArguments, env: Environment): { host: Given; port: number } | undefined {
  const host = parseHost(lookUp('adminHost', args, env));
  const given = lookUp('adminPort', args, env);
  if (given.text === 'any') return { host, port: 0 };
  const port = parsePort(given);
  return port === 0 ? undefined : { host, port };
}

function logLevel({ text, name }: Given): LogLevel {
  const levels: readonly string[] = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];
  if (levels.includes(text)) return text as LogLevel;
  throw new PubSubError('invalid', `${name} must be one of ${levels.join(', ')}, not "${text}"`);
}

/** The one line of `--json`, for programs that start the service. [design 1] */
function printListening(service: Service): void {
  const { publicUrl, adminUrl, connectionString } = service;
  print(JSON.stringify({ event: 'listening', public: publicUrl, admin: adminUrl ?? null, connectionString }));
}

/** The connection string and the client URL are secrets; only a person at a terminal, or a key known to all, gets to see them. */
function printWelcome(service: Service, { isDevelopmentKey }: KeySettings, sampleLine: string | undefined): void {
  const maySee = isDevelopmentKey || process.stdout.isTTY === true;
  const hub = service.handlers[0]?.hub ?? 'chat';
  const url = service.clientUrl(
    hub,
    { userId: 'me', roles: ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'] },
    printedTokenMinutes,
  );
  const connectionString = maySee
    ? service.connectionString
    : service.connectionString.replace(/AccessKey=[^;]*/, 'AccessKey=***');
  print(`hubwire ${version}`);
  print(`  public             ${service.publicUrl}`);
  print(`  admin              ${service.adminUrl ?? 'off'}`);
  print(`  connection string  ${connectionString}`);
  print(`  client URL         ${maySee ? url : `get one with: hubwire token --hub ${hub}`}`);
  if (isDevelopmentKey) print('  key                the well-known development key: for this machine only');
  print(service.handlers.length === 0 ? '  event handlers     none' : '  event handlers');
  for (const line of handlerLines(service.handlers)) print(`    ${line}`);
  if (sampleLine !== undefined) print(`  ${sampleLine}`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A closed terminal (SIGHUP) stops the service as gracefully as SIGTERM does; hubs.yaml is read again without a signal. */
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/** The first signal lets everything finish; a second one does not wait. [design 5] */
function stopOnSignal(stops: readonly (() => Promise<void>)[]): void {
  let isStopping = false;
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignore);
  const stop = async (signal: NodeJS.Signals) => {
    if (isStopping) process.exit(128 + constants.signals[signal]);
    isStopping = true;
    for (const each of stops) await each();
    process.exit(0);
  };
  for (const signal of stopSignals) process.on(signal, () => void stop(signal));
}

/** A terminal or a reader of the log that is gone is no reason to drop clients. */
function ignore(): void {}

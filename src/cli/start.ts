import { resolve } from 'node:path';
import { loadConfig } from '../config/load.js';
import { PubSubError } from '../errors.js';
import { type LogLevel, makeLogger } from '../logging.js';
import { isLoopback, Service } from '../service.js';
import { handlerLines } from './report.js';
import { startSample } from './sample.js';
import {
  type Environment,
  type KeySettings,
  parsePort,
  parseTrustProxy,
  readEndpoints,
  readKeys,
  readTls,
} from './settings.js';
import { version } from './version.js';

/** As commander hands them over; unset ones are read from the environment. */
export interface StartArguments {
  readonly hubs?: string;
  readonly host?: string;
  readonly port?: string;
  readonly adminHost?: string;
  readonly adminPort?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly trustProxy?: string | true;
  readonly logLevel?: string;
  readonly sample?: boolean;
  readonly json?: boolean;
}

const defaults = { hubs: 'hubs.yaml', host: '127.0.0.1', port: '8080', adminPort: '8081', logLevel: 'info' };

/** Lifetime of the client URL that is printed, in minutes. */
const printedTokenMinutes = 60;

/** Runs the service until SIGINT or SIGTERM. @throws PubSubError, ConfigError before anything listens */
export async function start(args: StartArguments, env: Environment): Promise<void> {
  const settings = readKeys(env);
  const host = args.host ?? (env.HUBWIRE_HOST || defaults.host);
  checkFence(settings, host);
  const file = hubsFile(args, env);
  const service = new Service({
    host,
    port: parsePort(args.port ?? (env.PORT || defaults.port), '--port'),
    admin: adminAddress(args, env),
    keys: settings.keys,
    endpoints: readEndpoints(env),
    tls: readTls(args.tlsCert ?? env.HUBWIRE_TLS_CERT, args.tlsKey ?? env.HUBWIRE_TLS_KEY),
    trustProxy: parseTrustProxy(args.trustProxy ?? env.HUBWIRE_TRUST_PROXY),
    config: await loadConfig(file, env),
    log: makeLogger(logLevel(args, env)),
    version,
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

/** The development key is known to everybody, so nobody else may reach a service that uses it. [design 1] */
function checkFence({ isDevelopmentKey }: KeySettings, host: string): void {
  if (!isDevelopmentKey || isLoopback(host)) return;
  throw new PubSubError(
    'invalid',
    `refusing to listen on ${host} with the well-known development key; set HUBWIRE_PRIMARY_KEY (or HUBWIRE_PRIMARY_KEY_FILE) to a key of your own, e.g. from: openssl rand -base64 32`,
  );
}

function hubsFile(args: StartArguments, env: Environment): string {
  return resolve(args.hubs ?? (env.HUBWIRE_HUBS || defaults.hubs));
}

/** Port 0 switches the listener off; `any` takes a free port. [design 1] */
function adminAddress(args: StartArguments, env: Environment): { host: string; port: number } | undefined {
  const host = args.adminHost ?? (env.HUBWIRE_ADMIN_HOST || defaults.host);
  const text = args.adminPort ?? (env.HUBWIRE_ADMIN_PORT || defaults.adminPort);
  if (text === 'any') return { host, port: 0 };
  const port = parsePort(text, '--admin-port');
  return port === 0 ? undefined : { host, port };
}

function logLevel(args: StartArguments, env: Environment): LogLevel {
  const level = args.logLevel ?? (env.HUBWIRE_LOG_LEVEL || defaults.logLevel);
  const levels: readonly string[] = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];
  if (levels.includes(level)) return level as LogLevel;
  throw new PubSubError('invalid', `--log-level must be one of ${levels.join(', ')}, not "${level}"`);
}

/** The one line of `--json`, for programs that start the service. [design 1] */
function printListening(service: Service): void {
  const { publicUrl, adminUrl, connectionString } = service;
  print(JSON.stringify({ event: 'listening', public: publicUrl, admin: adminUrl ?? null, connectionString }));
}

/** The connection string and the client URL are secrets; only a person at a terminal, or a key known to all, gets to see them. */
function printWelcome(
  service: Service,
  { isDevelopmentKey, warnings }: KeySettings,
  sampleLine: string | undefined,
): void {
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
  for (const warning of warnings) print(`  warning            ${warning}`);
  print(service.handlers.length === 0 ? '  event handlers     none' : '  event handlers');
  for (const line of handlerLines(service.handlers)) print(`    ${line}`);
  if (sampleLine !== undefined) print(`  ${sampleLine}`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** The first signal lets everything finish; a second one does not wait. [design 5] */
function stopOnSignal(stops: readonly (() => Promise<void>)[]): void {
  let isStopping = false;
  const stop = async (signal: NodeJS.Signals) => {
    if (isStopping) process.exit(signal === 'SIGINT' ? 130 : 143);
    isStopping = true;
    for (const each of stops) await each();
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop(signal));
}

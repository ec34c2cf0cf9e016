import type { Config } from '../config/load.js';
import { PubSubError } from '../errors.js';
import { type LogLevel, logLevels } from '../log-levels.js';
import { makeLogger } from '../logging.js';
import type { Service } from '../service.js';
import type { AdminAccess, ServiceOptions } from '../service-options.js';
import { accessNote, isOpenToOperators, readAdminAccess, readAdminTls, tokenWarnings } from './admin-settings.js';
import { welcomeLines } from './banner.js';
import { checkAppFence, findHubsFile, type HubsFile, loadHubs } from './hubs-file.js';
import { checkFence, type KeySettings, readKeys } from './key-settings.js';
import { type Sample, startSample } from './sample.js';
import {
  dataDirectoryOf,
  type Environment,
  parseHost,
  parsePort,
  parseTrustProxy,
  readEndpoints,
  readProxies,
  readTls,
} from './settings.js';
import { onStopSignal } from './stopping.js';
import { type Flags, type Given, lookUp, variableWarnings } from './variables.js';
import { documentation, version } from './version.js';

/** As commander hands them over; settings that are not given are read from the environment. */
export interface StartArguments extends Flags {
  readonly sample?: boolean;
  readonly json?: boolean;
}

/** What is decided before the service runs. */
interface Plan {
  readonly file: HubsFile;
  readonly config: Config;
  readonly settings: KeySettings;
  readonly adminAccess: AdminAccess;
  readonly args: StartArguments;
  readonly env: Environment;
}

/** Runs the service until one of the signals that stop it. @throws PubSubError, ConfigError before anything listens; ListenError */
export async function start(args: StartArguments, env: Environment): Promise<void> {
  const settings = readKeys(env);
  const host = parseHost(lookUp('host', args, env));
  checkFence(settings, host);
  const admin = adminAddress(args, env);
  if (admin !== undefined) checkFence(settings, admin.host);
  const file = findHubsFile(lookUp('hubs', args, env));
  const log = makeLogger(logLevel(lookUp('logLevel', args, env)));
  const config = await loadHubs(file, env, args.sample === true);
  checkAppFence(config.apps, host, file);
  const isShown = args.json !== true && (settings.isDevelopmentKey || process.stdout.isTTY === true);
  const adminAccess = readAdminAccess(env, isShown ? admin?.host.text : undefined);
  const warnings = [
    ...settings.warnings,
    ...tokenWarnings(adminAccess),
    ...variableWarnings(args, env, config.source.text),
  ];
  for (const warning of warnings) log.warn(warning);
  const closed = admin && accessNote(adminAccess, admin.host.text);
  if (closed !== undefined) log.info(closed);
  const tls = readTls(lookUp('tlsCert', args, env), lookUp('tlsKey', args, env));
  const options: ServiceOptions = {
    host: host.text,
    port: parsePort(lookUp('port', args, env)),
    admin: admin && { host: admin.host.text, port: admin.port },
    keys: settings.keys,
    keySources: settings.sources,
    endpoints: readEndpoints(env),
    tls,
    trustProxy: parseTrustProxy(lookUp('trustProxy', args, env)),
    proxies: readProxies(env),
    allowsLoopbackWebhooks: settings.isDevelopmentKey,
    adminAccess,
    adminTls: readAdminTls(args, env, tls),
    config,
    dataDirectory: dataDirectoryOf(lookUp('dataDir', args, env), file.path),
    log,
    version,
    documentation,
  };
  // Loaded once the settings are known to be right: a mistake in them is reported without the wait.
  const { Service } = await import('../service.js');
  await run(new Service(options), { file, config, settings, adminAccess, args, env });
}

async function run(service: Service, plan: Plan): Promise<void> {
  const { file, settings, adminAccess, args } = plan;
  const isTalkative = args.json !== true;
  const stops: (() => Promise<void>)[] = [];
  onStopSignal(plan.env, async () => {
    for (const stop of stops) await stop();
    if (isTalkative) print('stopped');
  });
  await service.listen();
  stops.push(() => service.stop());
  const sample = args.sample === true ? await startSample(service.connectionString, plan.env) : undefined;
  if (sample !== undefined) stops.push(() => sample.stop()); // after the service: its `disconnected` events go there
  // Variables of hubs.yaml; the sample's port is known only now.
  const env = sample === undefined ? plan.env : { ...plan.env, SAMPLE_PORT: String(sample.port) };
  const config = sample === undefined ? plan.config : await loadHubs(file, env, true);
  await service.activate(config, () => {
    if (!isTalkative) printListening(service);
  });
  if (isTalkative) {
    const hub = [...config.hubs.values()][0]?.name;
    const isTerminal = process.stdout.isTTY === true;
    const sampleLine = sample && [...sample.lines, ...sampleAdvice(service, sample)].join('\n  ');
    const adminToken = adminAccess.isGenerated ? adminAccess.adminToken : undefined;
    const isManaged = isOpenToOperators(adminAccess);
    const welcome = { service, settings, file, isManaged, adminToken, hub, sampleLine, env, isTerminal };
    for (const line of welcomeLines(welcome)) print(line);
  }
  service.watch(file.path, env, { isMissing: file.isMissing });
}

/** A hubs.yaml of one's own need not send the sample its events, without which the page connects and nothing comes. */
function sampleAdvice(service: Service, { port }: Sample): readonly string[] {
  const isUpstream = service.handlers.some(({ url }) => url.includes(`:${port}/eventhandler/`));
  return isUpstream ? [] : [`sample: no event handler points at http://localhost:${port}/eventhandler/{event}`];
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
  if (logLevels.some(each => each === text)) return text as LogLevel;
  throw new PubSubError('invalid', `${name} must be one of ${logLevels.join(', ')}, not "${text}"`);
}

/** The one line of `--json`, for programs that start the service. [design 1] */
function printListening(service: Service): void {
  const { publicUrl, adminUrl, connectionString } = service;
  print(JSON.stringify({ event: 'listening', public: publicUrl, admin: adminUrl ?? null, connectionString }));
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

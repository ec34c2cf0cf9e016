import type { Config } from '../config/load.js';
import { PubSubError } from '../errors.js';
import { type LogLevel, logLevels } from '../log-levels.js';
import { makeLogger } from '../logging.js';
import type { Service } from '../service.js';
import type { AdminAccess, ServiceOptions } from '../service-options.js';
import { accessNote, isOpenToOperators, readAdminAccess, readAdminTls, tokenWarnings } from './admin-settings.js';
import { shownApps } from './app-lines.js';
import { type Served, welcomeLines } from './banner.js';
import { findHubs } from './config-source.js';
import { checkAppFence, type HubsFile, loadHubs } from './hubs-file.js';
import { checkFence, type KeySettings, readKeys } from './key-settings.js';
import { readNats } from './nats-settings.js';
import { type Sample, startSample } from './sample.js';
import { readScale, type Scale } from './scale.js';
import {
  dataDirectoryOf,
  type Environment,
  parseDrainSeconds,
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

/** A service, or several that are run as one. */
interface Running extends Served, Pick<Service, 'listen' | 'stop' | 'watch'> {
  /** @param env of the configuration's variables */
  activate(config: Config, onOpen: () => void, env: Environment): Promise<void>;
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
  const port = lookUp('port', args, env);
  const portNumber = parsePort(port);
  if (admin !== undefined) checkPorts({ host, port }, { host: admin.host, port: lookUp('adminPort', args, env) });
  if (args.sample === true) parsePort({ text: env.SAMPLE_PORT ?? '0', name: 'SAMPLE_PORT' });
  const log = makeLogger(logLevel(lookUp('logLevel', args, env)));
  const scale = readScale(args, env);
  const { place, isCluster = false } = scale ?? {};
  const nats = await readNats(args, env, place, scale !== undefined);
  const file = await findHubs(args, env, nats, log);
  const config = await loadHubs(file, env, args.sample === true);
  checkAppFence(config.apps, host, file);
  const isShown = args.json !== true && (settings.isDevelopmentKey || process.stdout.isTTY === true);
  const adminAccess = readAdminAccess(env, isShown ? admin?.host.text : undefined);
  const warnings = [
    ...settings.warnings,
    ...tokenWarnings(adminAccess),
    ...variableWarnings(args, env, config.source.text),
  ];
  const closed = admin && accessNote(adminAccess, admin.host.text);
  if (place === undefined) {
    for (const warning of warnings) log.warn(warning); // a worker's parent has told them
    if (closed !== undefined) log.info(closed);
  }
  const tls = readTls(lookUp('tlsCert', args, env), lookUp('tlsKey', args, env));
  const options: ServiceOptions = {
    host: host.text,
    port: portNumber,
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
    cluster: nats && (await import('../clustering.js')).clusterOn(nats),
    dataDirectory: dataDirectoryOf(lookUp('dataDir', args, env), file.path),
    drainMs: parseDrainSeconds(lookUp('drainSeconds', args, env)),
    log,
    version,
    documentation,
  };
  if (place !== undefined) {
    const { runWorker } = await import('./workers.js');
    return runWorker(options, { place, isCluster, file, env, hasSample: args.sample === true });
  }
  const plan = { file, config, settings, adminAccess, args, env };
  await run(await serviceOf(options, scale, plan), plan);
}

/** Loaded once the settings are known to be right: a mistake in them is reported without the wait. */
async function serviceOf(options: ServiceOptions, scale: Scale | undefined, plan: Plan): Promise<Running> {
  if (scale === undefined) {
    const { Service } = await import('../service.js');
    return new Service(options);
  }
  const { primaryOf } = await import('./workers.js');
  return primaryOf(options, { ...plan, scale, hasNats: options.cluster !== undefined });
}

async function run(service: Running, plan: Plan): Promise<void> {
  const { file, settings, adminAccess, args } = plan;
  const isTalkative = args.json !== true;
  const stops: (() => Promise<void>)[] = [];
  onStopSignal(plan.env, async () => {
    for (const stop of stops) await stop();
    if (isTalkative) print('stopped');
  });
  await service.listen();
  stops.push(() => service.stop());
  stops.push(async () => file.shared?.stop());
  const sample = args.sample === true ? await startSample(service, plan.env) : undefined;
  if (sample !== undefined) stops.push(() => sample.stop()); // after the service: its `disconnected` events go there
  // Variables of hubs.yaml; the sample's port is known only now.
  const env = sample === undefined ? plan.env : { ...plan.env, SAMPLE_PORT: String(sample.port) };
  const config = sample === undefined ? plan.config : await loadHubs(file, env, true);
  const onOpen = () => {
    if (!isTalkative) printListening(service);
  };
  await service.activate(config, onOpen, env);
  if (isTalkative) {
    const hub = [...config.hubs.values()][0]?.name;
    const isTerminal = process.stdout.isTTY === true;
    const sampleLine = sample && [...sample.lines, ...sampleAdvice(service, sample)].join('\n  ');
    const adminToken = adminAccess.isGenerated ? adminAccess.adminToken : undefined;
    const isManaged = isOpenToOperators(adminAccess);
    const apps = shownApps(config.apps);
    const welcome = { service, settings, file, isManaged, adminToken, hub, apps, sampleLine, env, isTerminal };
    for (const line of welcomeLines(welcome)) print(line);
  }
  service.watch(file.path, env, { isMissing: file.isMissing, shared: file.shared });
}

/** A hubs.yaml of one's own need not send the sample its events, without which the page connects and nothing comes. */
function sampleAdvice(service: Running, { port }: Sample): readonly string[] {
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

interface Address {
  readonly host: Given;
  readonly port: Given;
}

/** On one address, and on all addresses, a port belongs to one listener. @throws PubSubError `invalid` */
function checkPorts(one: Address, other: Address): void {
  const [port, otherPort] = [Number(one.port.text), Number(other.port.text)];
  if (port === 0 || port !== otherPort) return;
  const hosts = [one.host.text, other.host.text];
  if (hosts[0] !== hosts[1] && !hosts.some(host => host === '0.0.0.0' || host === '::')) return;
  const message = `${one.port.name} and ${other.port.name} are both ${port}: each listener needs a port of its own`;
  throw new PubSubError('invalid', message);
}

function logLevel({ text, name }: Given): LogLevel {
  if (logLevels.some(each => each === text)) return text as LogLevel;
  throw new PubSubError('invalid', `${name} must be one of ${logLevels.join(', ')}, not "${text}"`);
}

/** The one line of `--json`, for programs that start the service. [design 1] */
function printListening(service: Running): void {
  const { publicUrl, adminUrl, connectionString, publicUrls: nodes = [] } = service;
  const more = nodes.length > 1 ? { nodes } : {};
  print(JSON.stringify({ event: 'listening', public: publicUrl, admin: adminUrl ?? null, connectionString, ...more }));
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

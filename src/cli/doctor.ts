import { existsSync } from 'node:fs';
import { urlOf } from '../addresses.js';
import { Endpoints } from '../auth/endpoints.js';
import { EntraTokens } from '../auth/entra.js';
import { systemClock } from '../clock.js';
import { nearestWord } from '../config/did-you-mean.js';
import { type Config, ConfigError, type LineOf, lineOf } from '../config/load.js';
import type { Code } from '../doctor/codes.js';
import { examine } from '../doctor/examine.js';
import { error, type Finding, halves, ok, warning } from '../doctor/finding.js';
import { natsFindings } from '../doctor/nats-findings.js';
import { reportItems, reportLines } from '../doctor/report.js';
import { defaultLimits, type Focus, type Subject } from '../doctor/subject.js';
import { PubSubError } from '../errors.js';
import { idsOfApps } from './app-lines.js';
import { adminUrl } from './health.js';
import { findHubsFile, type HubsFile, loadHubs, unusedFile } from './hubs-file.js';
import { commandLine, shortPath } from './invocation.js';
import { checkFence, readKeys } from './key-settings.js';
import { readNats } from './nats-settings.js';
import { type OutputFormat, printOutcome } from './output/output.js';
import {
  type Environment,
  namedEndpoints,
  parseAdminUrl,
  parseHost,
  parsePort,
  readEndpoints,
  readProxies,
  readTls,
} from './settings.js';
import { lookUp, variableWarnings } from './variables.js';

/** Until NATS has to have answered. */
const natsWaitMs = 5_000;

export interface DoctorArguments extends Omit<Focus, 'connect'> {
  readonly connect?: boolean;
  readonly hubs?: string;
  readonly url?: string;
  readonly admin?: string;
  readonly output?: OutputFormat;
  readonly json?: boolean;
}

/** Prints what was found. Exit code 1 for any fault. @throws PubSubError `invalid` for arguments that cannot be used */
export async function doctor(args: DoctorArguments, env: Environment): Promise<void> {
  const findings = await findingsFor(args, env);
  const lines = reportLines(findings, nameOf(fileOf(args, env)));
  const output = args.output ?? (args.json === true ? 'json' : 'table');
  await printOutcome({ result: reportItems(findings), lines }, { output });
  if (findings.some(({ level }) => level === 'error')) process.exitCode = 1;
}

/** What is found of the settings, and of what they lead to. @throws PubSubError `invalid` for arguments that cannot be used */
export async function findingsFor(
  args: Omit<DoctorArguments, 'output' | 'json'>,
  env: Environment,
): Promise<readonly Finding[]> {
  if (args.event !== undefined && args.hub === undefined)
    throw new PubSubError('invalid', '--event needs --hub: write the hub whose clients send it');
  const settings = new Settings(env);
  const { config, lineOf } = await settings.readFile(fileOf(args, env), args.hub);
  const addresses = settings.try('listener', () => addressesOf(args, env));
  const keys = settings.readKeys();
  await settings.examineNats(config?.cluster.replicas ?? 'auto');
  const proxies = settings.try('settings', () => readProxies(env));
  if (addresses === undefined || proxies === undefined) return settings.findings;
  const subject: Subject = {
    config,
    lineOf,
    keys,
    ...addresses,
    startLine: commandLine('start', env),
    proxies,
    env,
    clock: systemClock,
    tokens: new EntraTokens({ clock: systemClock }),
    machine: { isContainer: isContainer(), containerHost: 'host.docker.internal' },
    limits: defaultLimits,
    focus: { ...args, connect: args.connect === true },
  };
  return [...settings.findings, ...(await examine(subject))];
}

function fileOf({ hubs }: Pick<DoctorArguments, 'hubs'>, env: Environment): HubsFile {
  return findHubsFile(lookUp('hubs', hubs === undefined ? {} : { hubs }, env));
}

type Addresses = Pick<Subject, 'endpoints' | 'endpoint' | 'listener' | 'admin'>;

/** @throws PubSubError `invalid` */
function addressesOf({ url, admin }: Pick<DoctorArguments, 'url' | 'admin'>, env: Environment): Addresses {
  const scheme = readTls(lookUp('tlsCert', {}, env), lookUp('tlsKey', {}, env)) === undefined ? 'http' : 'https';
  const listener = urlOf(parseHost(lookUp('host', {}, env)).text, parsePort(lookUp('port', {}, env)), scheme);
  const named = namedEndpoints(url, '--url') ?? readEndpoints(env);
  const endpoints = new Endpoints(named, () => listener);
  const endpoint = endpoints.primary;
  // The listeners of another machine have settings of their own.
  const isElsewhere = url !== undefined && endpoint !== listener;
  return {
    endpoints,
    endpoint,
    listener: isElsewhere ? undefined : listener,
    admin: admin === undefined ? ownAdminUrl(isElsewhere, env) : parseAdminUrl({ text: admin, name: '--admin' }),
  };
}

function ownAdminUrl(isElsewhere: boolean, env: Environment): string | undefined {
  return isElsewhere || lookUp('adminPort', {}, env).text === '0' ? undefined : adminUrl(env);
}

/** Reads what the service would, and keeps what is wrong with it in place of ending. */
class Settings {
  readonly findings: Finding[] = [];
  readonly #env: Environment;

  constructor(env: Environment) {
    this.#env = env;
  }

  /** Undefined when it cannot be read, which is then a finding. */
  try<T>(code: Code, read: () => T): T | undefined {
    try {
      return read();
    } catch (failure) {
      if (!(failure instanceof PubSubError)) throw failure;
      this.#fault(code, undefined, failure.message);
      return undefined;
    }
  }

  /** @param text what is wrong and, mostly, what to do */
  #fault(code: Code, line: number | undefined, text: string): void {
    const { seen, advice } = halves(text);
    const steps = advice.length > 0 ? advice : [line === undefined ? 'correct the value' : 'correct the line'];
    this.findings.push(error(code, { line }, seen, steps));
  }

  async readFile(file: HubsFile, hub: string | undefined): Promise<{ config: Config | undefined; lineOf: LineOf }> {
    try {
      const config = await loadHubs(file, this.#env, false);
      this.#tellFile(file, config, hub);
      return { config, lineOf: lineOf(config.source.text) };
    } catch (failure) {
      if (!(failure instanceof ConfigError)) throw failure;
      for (const { path, reason, line } of failure.problems) {
        this.#fault('settings', line, path === '' ? reason : `${path}: ${reason}`);
      }
      return { config: undefined, lineOf: () => 1 };
    }
  }

  /** Where nodes work together. */
  async examineNats(replicas: 'auto' | number): Promise<void> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), natsWaitMs); // keeps the process alive, which the clock's timers do not
    try {
      const nats = await readNats({}, this.#env);
      if (nats === undefined) return;
      const { examineNats } = await import('../clustering.js');
      const seen = await examineNats(nats, systemClock, late.signal);
      this.findings.push(...natsFindings(seen, replicas));
    } catch (failure) {
      if (!(failure instanceof PubSubError)) throw failure;
      this.#fault('nats', undefined, failure.message);
    } finally {
      clearTimeout(timer);
    }
  }

  #tellFile(file: HubsFile, config: Config, hub: string | undefined): void {
    const names = [...config.hubs.values()].map(({ name }) => name);
    const handlers = [...config.hubs.values()].flatMap(({ eventHandlers }) => eventHandlers);
    const apps = config.apps.all();
    const ofApps = apps.length === 0 ? '' : `, ${apps.length} app(s): ${idsOfApps(apps)}`;
    const text = `${nameOf(file)}: ${names.length} hub(s), ${handlers.length} event handler(s)${ofApps}`;
    this.findings.push(file.isMissing ? missingFile(file, this.#env) : ok('settings', {}, text));
    const unused = unusedFile(nameOf(file), this.#env);
    if (unused !== undefined) this.findings.push(warning('hubs-file', {}, unused.seen, [unused.advice]));
    if (hub !== undefined && !config.hubs.has(hub.toLowerCase())) this.findings.push(unknownHub(hub, names));
    for (const text of variableWarnings({}, this.#env, config.source.text)) {
      const said = halves(text);
      this.findings.push(warning('variable', {}, said.seen, said.advice));
    }
  }

  readKeys() {
    const settings = this.try('key', () => readKeys(this.#env));
    if (settings === undefined) return undefined;
    const isFenced = this.try('key', () => {
      checkFence(settings, parseHost(lookUp('host', {}, this.#env)));
      return true;
    });
    const blank = ['HUBWIRE_PRIMARY_KEY', 'HUBWIRE_SECONDARY_KEY'].filter(name => this.#env[name] === '');
    const own = settings.isDevelopmentKey
      ? 'the well-known development key: for this machine only'
      : 'an own key is set';
    for (const name of blank) {
      const steps = [`give ${name} a value, or unset it`];
      this.findings.push(warning('key', {}, `${name} is set and empty, so it does not count`, steps));
    }
    for (const text of settings.warnings) {
      const said = halves(text);
      this.findings.push(warning('key', {}, said.seen, said.advice));
    }
    if (isFenced === true && blank.length === 0 && settings.warnings.length === 0)
      this.findings.push(ok('key', {}, own));
    return settings.keys;
  }
}

function missingFile(file: HubsFile, env: Environment): Finding {
  const seen = `there is no ${nameOf(file)}: hubs admit clients with a token, and no app server gets events`;
  return warning('hubs-file', {}, seen, [`write one with: ${commandLine('init', env)}`]);
}

function unknownHub(hub: string, names: readonly string[]): Finding {
  const near = names.length === 0 ? undefined : nearestWord(hub, names);
  const step =
    near === undefined ? 'add it to hubs.yaml if an app server is to get its events' : `did you mean "${near}"?`;
  return warning('hub', { hub }, 'the file has no hub of this name, so it has no event handlers', [step]);
}

/** From here when it is below. */
function nameOf({ path }: HubsFile): string {
  return shortPath(path);
}

/** Files that the usual engines put there. */
function isContainer(): boolean {
  return existsSync('/.dockerenv') || existsSync('/run/.containerenv');
}

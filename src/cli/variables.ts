import { nearestWord } from '../config/did-you-mean.js';
import type { Environment } from '../config/load.js';

/** A setting that a flag of `hubwire start` gives, or else the first of its variables that is set. */
interface Setting {
  readonly flag: string;
  readonly variables: readonly string[];
  /** Undefined: no value is a value. */
  readonly fallback: string | undefined;
  readonly isPort?: boolean;
}

/** Every setting with a flag. Their texts are in program.ts. */
export const settings = {
  hubs: { flag: '--hubs', variables: ['HUBWIRE_HUBS'], fallback: 'hubs.yaml' },
  host: { flag: '--host', variables: ['HUBWIRE_HOST'], fallback: '127.0.0.1' },
  port: { flag: '--port', variables: ['HUBWIRE_PORT', 'PORT'], fallback: '8080', isPort: true },
  adminHost: { flag: '--admin-host', variables: ['HUBWIRE_ADMIN_HOST'], fallback: '127.0.0.1' },
  adminPort: { flag: '--admin-port', variables: ['HUBWIRE_ADMIN_PORT'], fallback: '8081', isPort: true },
  tlsCert: { flag: '--tls-cert', variables: ['HUBWIRE_TLS_CERT'], fallback: undefined },
  tlsKey: { flag: '--tls-key', variables: ['HUBWIRE_TLS_KEY'], fallback: undefined },
  adminTlsCert: { flag: '--admin-tls-cert', variables: ['HUBWIRE_ADMIN_TLS_CERT'], fallback: undefined },
  adminTlsKey: { flag: '--admin-tls-key', variables: ['HUBWIRE_ADMIN_TLS_KEY'], fallback: undefined },
  trustProxy: { flag: '--trust-proxy', variables: ['HUBWIRE_TRUST_PROXY'], fallback: undefined },
  dataDir: { flag: '--data-dir', variables: ['HUBWIRE_DATA_DIR'], fallback: 'data' },
  cluster: { flag: '--cluster', variables: [], fallback: undefined },
  workers: { flag: '--workers', variables: ['HUBWIRE_WORKERS'], fallback: undefined },
  drainSeconds: { flag: '--drain-seconds', variables: ['HUBWIRE_DRAIN_SECONDS'], fallback: '10' },
  config: { flag: '--config', variables: ['HUBWIRE_CONFIG'], fallback: 'file' },
  nats: { flag: '--nats', variables: ['HUBWIRE_NATS'], fallback: undefined },
  natsCreds: { flag: '--nats-creds', variables: ['HUBWIRE_NATS_CREDS'], fallback: undefined },
  natsCa: { flag: '--nats-ca', variables: ['HUBWIRE_NATS_CA'], fallback: undefined },
  natsCert: { flag: '--nats-cert', variables: ['HUBWIRE_NATS_CERT'], fallback: undefined },
  natsKey: { flag: '--nats-key', variables: ['HUBWIRE_NATS_KEY'], fallback: undefined },
  clusterName: { flag: '--cluster-name', variables: ['HUBWIRE_CLUSTER_NAME'], fallback: 'hw' },
  nodeName: { flag: '--node-name', variables: ['HUBWIRE_NODE_NAME'], fallback: undefined },
  logLevel: { flag: '--log-level', variables: ['HUBWIRE_LOG_LEVEL'], fallback: 'info' },
} as const satisfies Readonly<Record<string, Setting>>;

export type SettingName = keyof typeof settings;

/** Those without a default. */
type OptionalSetting = {
  [name in SettingName]: (typeof settings)[name]['fallback'] extends undefined ? name : never;
}[SettingName];

/** Flags as commander hands them over. */
export type Flags = { readonly [name in SettingName]?: string | true };

/** Of every variable but PORT, which some hosts set. */
const prefix = 'HUBWIRE_';

/** Variables without a flag: secrets do not belong on a command line. */
const otherVariables = [
  'HUBWIRE_PRIMARY_KEY',
  'HUBWIRE_PRIMARY_KEY_FILE',
  'HUBWIRE_SECONDARY_KEY',
  'HUBWIRE_SECONDARY_KEY_FILE',
  'HUBWIRE_ADMIN_TOKEN',
  'HUBWIRE_ADMIN_TOKEN_FILE',
  'HUBWIRE_ADMIN_READ_TOKEN',
  'HUBWIRE_ADMIN_READ_TOKEN_FILE',
  'HUBWIRE_ADMIN_ORIGINS',
  'HUBWIRE_ADMIN_URL',
  'HUBWIRE_ENDPOINT',
  'HUBWIRE_NATS_SERVER',
  'SAMPLE_PORT',
];

/** Every variable that the service reads, those of hubs.yaml aside. */
export const knownVariables: readonly string[] = [
  ...Object.values(settings).flatMap(({ variables }) => variables),
  ...otherVariables,
];

/** A value, and who gave it: the flag, or the variable. Messages name it. */
export interface Given {
  readonly text: string;
  readonly name: string;
  /** Nobody gave it. */
  readonly isDefault?: boolean;
}

/** A variable that is set to nothing counts as not set. Undefined when nothing is given and there is no default. */
export function lookUp(name: OptionalSetting, flags: Flags, env: Environment): Given | undefined;
export function lookUp(name: SettingName, flags: Flags, env: Environment): Given;
export function lookUp(name: SettingName, flags: Flags, env: Environment): Given | undefined {
  const { flag, variables, fallback, isPort = false }: Setting = settings[name];
  const given = flags[name];
  if (given !== undefined) return { text: String(given), name: flag };
  const variable = variables.find(each => env[each] && !(isPort && isLink(env[each])));
  if (variable !== undefined) return { text: env[variable] ?? '', name: variable };
  return fallback === undefined ? undefined : { text: fallback, name: flag, isDefault: true };
}

/**
 * Warnings about the environment: values that are not ports, and names that are not settings.
 * @param hubsText text of hubs.yaml, which may name variables of its own
 */
export function variableWarnings(flags: Flags, env: Environment, hubsText: string): readonly string[] {
  const used = new Set(Array.from(hubsText.matchAll(/\$\{(\w+)\}/g), ([, name]) => name));
  const unknown = Object.keys(env)
    .filter(name => name.startsWith(prefix) && !knownVariables.includes(name) && !used.has(name))
    .filter(name => !isServiceLink(name, env[name] ?? ''));
  return [...ignoredPorts(flags, env), ...unknown.map(unknownText)];
}

function ignoredPorts(flags: Flags, env: Environment): string[] {
  return (['port', 'adminPort'] as const)
    .filter(name => flags[name] === undefined)
    .flatMap(name => settings[name].variables.map(variable => ({ variable, flag: settings[name].flag })))
    .filter(({ variable }) => isLink(env[variable]))
    .map(
      ({ variable, flag }) =>
        `${variable}=${env[variable]} is ignored: it is not a port but the address of a Kubernetes Service with that name; set the port with ${flag}, or set enableServiceLinks: false in the pod`,
    );
}

function unknownText(name: string): string {
  const prefixed = knownVariables.filter(known => known.startsWith(prefix));
  const near = nearestWord(
    name.slice(prefix.length),
    prefixed.map(known => known.slice(prefix.length)),
  );
  const advice = near === undefined ? `known variables are ${prefixed.join(', ')}` : `did you mean ${prefix}${near}?`;
  return `${name} is set, but there is no setting with that name; ${advice}`;
}

/** `tcp://10.96.0.12:8081`: Kubernetes describes each Service to each pod in variables that are named after the Service. */
function isLink(value: string | undefined): boolean {
  return value !== undefined && /^(?:tcp|udp|sctp):\/\//i.test(value);
}

/** Is it one of the seven or more variables that a Service `hubwire` or `hubwire-…` brings along? [Kubernetes › Services › Environment variables] */
function isServiceLink(name: string, value: string): boolean {
  return (
    /_SERVICE_(?:HOST|PORT(?:_\w+)?)$/.test(name) ||
    /_PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?$/.test(name) ||
    (name.endsWith('_PORT') && isLink(value))
  );
}

import { isIP } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { isLoopback } from '../addresses.js';
import { Endpoints } from '../auth/endpoints.js';
import { type KeySource, type KeySources, readKeyFile, secondaryBeside, secretProblem } from '../auth/key-sources.js';
import type { AccessKeys } from '../auth/keys.js';
import type { ProxyAddress, ProxySettings } from '../egress/proxy.js';
import { PubSubError } from '../errors.js';
import { type Given, type SettingName, settings } from './variables.js';

/** Keys and addresses from the environment, which no other part reads. [design 1] */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Well known, so that a laptop or CI needs no set-up; never accepted from another machine. [rest-api 1.8] */
export const developmentKey = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH';

/** Where a service with default settings is reached, for verbs that do not run one. */
export const defaultEndpoint = 'http://localhost:8080';

/** Shorter keys can be guessed, and some SDKs refuse them. [rest-api 1.2] */
const leastKeyBytes = 32;

export interface KeySettings {
  readonly keys: AccessKeys;
  readonly sources: KeySources;
  readonly isDevelopmentKey: boolean;
  /** Why others must not reach a service with these keys, as `with the …`; undefined for good ones. */
  readonly weakness: string | undefined;
  readonly warnings: readonly string[];
}

/** @throws PubSubError `invalid` for a key that is not allowed in a connection string, or a file that cannot be read */
export function readKeys(env: Environment): KeySettings {
  const primary = readSecret(env, 'HUBWIRE_PRIMARY_KEY');
  const secondary = readSecret(env, 'HUBWIRE_SECONDARY_KEY');
  if (primary === undefined && secondary !== undefined) {
    throw new PubSubError(
      'invalid',
      'HUBWIRE_SECONDARY_KEY is set without HUBWIRE_PRIMARY_KEY; set both or only the primary',
    );
  }
  const sources = sourcesOf(env, primary, secondary);
  const beside = secondary === undefined && sources.secondary.kind === 'file' ? sources.secondary : undefined;
  const second = beside === undefined ? secondary : readFileOf(beside.file, beside.name);
  const keys: AccessKeys = { primary: primary?.text ?? developmentKey, secondary: second?.text };
  const isDevelopmentKey = keys.primary === developmentKey || keys.secondary === developmentKey;
  const short = [primary, second]
    .filter(key => key !== undefined && isShort(key.text))
    .map(key => shortText(key?.name ?? ''));
  return {
    keys,
    sources,
    isDevelopmentKey,
    weakness: isDevelopmentKey ? developmentWeakness : short[0] && `while ${short[0]}`,
    warnings: short.map(text => `${text}: it can be guessed, and some SDKs refuse it; ${makeKey}`),
  };
}

const developmentWeakness = 'with the well-known development key';

function isShort(text: string): boolean {
  return Buffer.byteLength(text) < leastKeyBytes;
}

function shortText(name: string): string {
  return `${name} is shorter than ${leastKeyBytes} bytes`;
}

function sourcesOf(env: Environment, primary: Given | undefined, secondary: Given | undefined): KeySources {
  const first: KeySource = primary === undefined ? { kind: 'development' } : sourceOf(env, primary);
  return {
    primary: first,
    secondary: secondary === undefined ? secondaryBeside(first) : sourceOf(env, secondary),
    weaknessOf: text => {
      if (text === developmentKey) return developmentWeakness;
      return isShort(text) ? `while ${shortText('the key')}` : undefined;
    },
  };
}

function sourceOf(env: Environment, { name }: Given): KeySource {
  return name.endsWith('_FILE') ? { kind: 'file', name, file: resolve(env[name] ?? '') } : { kind: 'variable', name };
}

const makeKey = 'generate one with: openssl rand -base64 32';

/** Known and short keys are for this machine only. @throws PubSubError `invalid` when others can reach the host */
export function checkFence({ weakness }: KeySettings, host: Given): void {
  if (weakness === undefined || isLoopback(host.text)) return;
  throw new PubSubError(
    'invalid',
    `refusing to listen on ${host.text} (${host.name}) ${weakness}; set HUBWIRE_PRIMARY_KEY (or HUBWIRE_PRIMARY_KEY_FILE) to a key of your own: ${makeKey}`,
  );
}

/**
 * Where durable data is kept: by default in `data/` beside hubs.yaml.
 * @param hubsFile its path
 */
export function dataDirectoryOf({ text, isDefault = false }: Given, hubsFile: string): string {
  return isDefault ? join(dirname(hubsFile), text) : resolve(text);
}

/** `NAME`, or the content of the file named by `NAME_FILE`. */
export function readSecret(env: Environment, name: string): Given | undefined {
  const file = `${name}_FILE`;
  if (env[name] && env[file]) {
    throw new PubSubError('invalid', `${name} and ${file} are both set; unset one of them`);
  }
  if (env[name]) return checkedSecret({ text: env[name], name });
  return env[file] ? readFileOf(env[file], file) : undefined;
}

function readFileOf(file: string, name: string): Given {
  return checkedSecret({ text: textOf(file, name), name });
}

function checkedSecret(secret: Given): Given {
  const problem = secretProblem(secret.text);
  if (problem !== undefined) throw new PubSubError('invalid', `${secret.name} ${problem}`);
  return secret;
}

function textOf(file: string, name: string): string {
  try {
    return readKeyFile(file);
  } catch (cause) {
    throw new PubSubError('invalid', `${name}: cannot read ${file}: ${(cause as Error).message}`, { cause });
  }
}

/** Public endpoints: a comma list of URLs. @throws PubSubError `invalid` */
export function readEndpoints(env: Environment): readonly string[] {
  const urls = (env.HUBWIRE_ENDPOINT ?? '')
    .split(',')
    .map(url => url.trim())
    .filter(url => url !== '');
  try {
    new Endpoints(urls, () => ''); // refuses what is not a URL
  } catch (error) {
    if (error instanceof PubSubError)
      throw new PubSubError('invalid', `HUBWIRE_ENDPOINT: ${error.message}`, { cause: error });
    throw error;
  }
  return urls;
}

/** Where the running service is reached, without a trailing slash. @param named by a flag @throws PubSubError `invalid` */
export function endpointOf(named: string | undefined, env: Environment): string {
  const [first = defaultEndpoint] =
    named === undefined ? readEndpoints(env) : readEndpoints({ HUBWIRE_ENDPOINT: named });
  return first.replace(/\/$/, '');
}

/** @throws PubSubError `invalid` */
export function parsePort({ text, name }: Given): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new PubSubError('invalid', `${name} must be a port number from 0 to 65535, not "${text}"`);
}

/**
 * A host name or an address to listen on, without brackets.
 * @throws PubSubError `invalid`
 */
export function parseHost({ text, name }: Given): Given {
  const host = text
    .trim()
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
  const isAddress = isIP(host) !== 0;
  const problem = isAddress ? undefined : hostProblem(host);
  if (problem !== undefined) throw new PubSubError('invalid', `${name} ${problem}, not "${text}"`);
  return { text: host, name };
}

function hostProblem(host: string): string | undefined {
  if (host === '') return 'must be a host name or an address, such as 127.0.0.1, or 0.0.0.0 for all addresses';
  if (host.includes('/') || host.includes('@')) return 'must be a host or an address without a scheme or path';
  if (/^(?:[^:]*|\[.*\]):\d*$/.test(host))
    return 'must be a host or an address without a port, which is a separate setting';
  const isName = /^[\p{L}\p{N}_.-]+$/u.test(host) && URL.canParse(`http://${host}`);
  return isName ? undefined : 'must be a host name or an IP address';
}

/** Names of the certificate's file and its key's; undefined when neither is given. @throws PubSubError `invalid` for one alone */
export function readTls(
  certificate: Given | undefined,
  key: Given | undefined,
  names: { readonly certificate: SettingName; readonly key: SettingName } = { certificate: 'tlsCert', key: 'tlsKey' },
): { readonly certFile: string; readonly keyFile: string } | undefined {
  if (!certificate?.text && !key?.text) return undefined;
  if (certificate?.text && key?.text) return { certFile: certificate.text, keyFile: key.text };
  const [given, missing] = certificate?.text ? [certificate, settings[names.key]] : [key, settings[names.certificate]];
  throw new PubSubError(
    'invalid',
    `${given?.name} is given without ${missing.flag} (or ${missing.variables[0]}): a TLS certificate and its key are needed together; set both`,
  );
}

/**
 * The usual variables for egress, in lower or upper case; lower case wins, as in curl.
 * @throws PubSubError `invalid`, without the value: it may contain a password
 */
export function readProxies(env: Environment): ProxySettings {
  return {
    http: readProxy(env, 'http_proxy'),
    https: readProxy(env, 'https_proxy'),
    except: env.no_proxy || env.NO_PROXY || '',
  };
}

function readProxy(env: Environment, lowerCase: string): ProxyAddress | undefined {
  const variable = env[lowerCase] ? lowerCase : lowerCase.toUpperCase();
  const text = env[variable]?.trim();
  if (text === undefined || text === '') return undefined;
  const written = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(written) ? new URL(written) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new PubSubError(
      'invalid',
      `${variable} must be the URL of an HTTP proxy, such as http://proxy.example.com:3128; correct it, or unset it`,
    );
  }
  return { origin: url.origin, authorization: basicAuthorization(url), variable };
}

function basicAuthorization({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined;
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}

/** `true`, `false`, or a comma list of addresses and networks such as `10.0.0.0/8`. @throws PubSubError `invalid` */
export function parseTrustProxy(given: Given | undefined): boolean | string {
  const text = given?.text ?? '';
  if (text.toLowerCase() === 'true') return true;
  if (text === '' || text.toLowerCase() === 'false') return false;
  const places = text.split(',').map(place => place.trim());
  if (places.every(isAddressOrNetwork)) return places.join(',');
  throw new PubSubError(
    'invalid',
    `${given?.name} must be true, false, or addresses and networks such as 10.0.0.0/8, not "${text}"`,
  );
}

function isAddressOrNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return (
    bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) > 0 && Number(bits) <= (version === 4 ? 32 : 128))
  );
}

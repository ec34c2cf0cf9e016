import { isIP } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { Endpoints } from '../auth/endpoints.js';
import type { ProxyAddress, ProxySettings } from '../egress/proxy.js';
import { PubSubError } from '../errors.js';
import { excessOf, loginOf, urlForPeople } from '../urls.js';
import { type Given, lookUp, type SettingName, settings } from './variables.js';

/** Keys and addresses from the environment, which no other part reads. [design 1] */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Where a service with this environment is reached on its own machine, for verbs that do not run one. A free port that it chooses is
 * known to nobody: then the default.
 * @throws PubSubError `invalid`
 */
export function localEndpoint(env: Environment): string {
  const port = parsePort(lookUp('port', {}, env)) || Number(settings.port.fallback);
  const scheme = lookUp('tlsCert', {}, env) === undefined ? 'http' : 'https';
  return `${scheme}://localhost:${port}`;
}

/**
 * Where durable data is kept: by default in `data/` beside hubs.yaml.
 * @param hubsFile its path
 */
export function dataDirectoryOf({ text, isDefault = false }: Given, hubsFile: string): string {
  return isDefault ? join(dirname(hubsFile), text) : resolve(text);
}

/** Public endpoints: a comma list of URLs. @throws PubSubError `invalid` */
export function readEndpoints(env: Environment): readonly string[] {
  return parseEndpoints({ text: env.HUBWIRE_ENDPOINT ?? '', name: 'HUBWIRE_ENDPOINT' });
}

/** As `readEndpoints`, with the name of the flag or variable. @throws PubSubError `invalid` */
function parseEndpoints({ text, name }: Given): readonly string[] {
  const urls = text
    .split(',')
    .map(url => url.trim())
    .filter(url => url !== '');
  try {
    new Endpoints(urls, () => ''); // refuses what is not a URL
  } catch (error) {
    if (error instanceof PubSubError) throw new PubSubError('invalid', `${name}: ${error.message}`, { cause: error });
    throw error;
  }
  return urls;
}

/** Public endpoints that a flag names; undefined: it is not given. @throws PubSubError `invalid` */
export function namedEndpoints(text: string | undefined, flag: string): readonly string[] | undefined {
  if (text === undefined) return undefined;
  const urls = parseEndpoints({ text, name: flag });
  if (urls.length > 0) return urls;
  throw new PubSubError('invalid', `${flag} is empty: write the URL of the service, or leave it out`);
}

/** URL of an admin listener, without a slash at its end. @throws PubSubError `invalid` */
export function parseAdminUrl({ text, name }: Given): string {
  const excess = excessOf(text);
  if (excess !== undefined) throw new PubSubError('invalid', `${name} ${excess}`);
  if (/^https?:\/\/[^/]/i.test(text) && URL.canParse(text)) return text.replace(/\/+$/, '');
  const shown = urlForPeople(text);
  throw new PubSubError('invalid', `${name} must be a URL such as https://localhost:8081, not "${shown}"`);
}

/**
 * Where the running service is reached, without a trailing slash.
 * @param named by the flag `--endpoint` @throws PubSubError `invalid`
 */
export function endpointOf(named: string | undefined, env: Environment): string {
  const [first] = namedEndpoints(named, '--endpoint') ?? readEndpoints(env);
  return (first ?? localEndpoint(env)).replace(/\/$/, '');
}

/** @throws PubSubError `invalid` */
export function parsePort({ text, name }: Given): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new PubSubError('invalid', `${name} must be a port number from 0 to 65535, not "${text}"`);
}

/** Longer than any orchestrator waits. */
const mostDrainSeconds = 3_600;

/** How long a stop may take to close the clients, in milliseconds. [cluster 9] @throws PubSubError `invalid` */
export function parseDrainSeconds({ text, name }: Given): number {
  const seconds = Number(text);
  if (/^\d{1,4}$/.test(text) && seconds <= mostDrainSeconds) return seconds * 1_000;
  throw new PubSubError(
    'invalid',
    `${name} must be a whole number of seconds from 0 to ${mostDrainSeconds}, not "${text}"`,
  );
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
  if (problem !== undefined) throw new PubSubError('invalid', `${name} ${problem}, not "${urlForPeople(text)}"`);
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
  return { origin: url.origin, authorization: basicAuthorization(url, variable), variable };
}

function basicAuthorization(url: URL, variable: string): string | undefined {
  const { user, password } = proxyLogin(url, variable);
  if (user === undefined && password === undefined) return undefined;
  return `Basic ${Buffer.from(`${user ?? ''}:${password ?? ''}`).toString('base64')}`;
}

function proxyLogin(url: URL, variable: string) {
  try {
    return loginOf(url);
  } catch (error) {
    throw error instanceof PubSubError ? new PubSubError('invalid', `${variable}: ${error.message}`) : error;
  }
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

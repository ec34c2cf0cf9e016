import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { Endpoints } from '../auth/endpoints.js';
import type { AccessKeys } from '../auth/key-tokens.js';
import { PubSubError } from '../errors.js';

/** What the environment says about keys and addresses. Parts never read the environment themselves. [design 1] */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Well known, so that a laptop or CI needs no set-up; never accepted from another machine. [rest-api 1.8] */
export const developmentKey = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH';

/** Where a service with default settings is reached, for verbs that do not run one. */
export const defaultEndpoint = 'http://localhost:8080';

/** Shorter keys work, but some SDKs refuse them. [rest-api 1.2] */
const leastKeyBytes = 32;

export interface KeySettings {
  readonly keys: AccessKeys;
  readonly isDevelopmentKey: boolean;
  readonly warnings: readonly string[];
}

/** @throws PubSubError `invalid` for a key that cannot stand in a connection string, or a file that cannot be read */
export function readKeys(env: Environment): KeySettings {
  const primary = readKey(env, 'HUBWIRE_PRIMARY_KEY');
  const secondary = readKey(env, 'HUBWIRE_SECONDARY_KEY');
  if (primary === undefined && secondary !== undefined) {
    throw new PubSubError(
      'invalid',
      'HUBWIRE_SECONDARY_KEY is set without HUBWIRE_PRIMARY_KEY; set both or only the primary',
    );
  }
  if (primary === undefined) {
    return { keys: { primary: developmentKey, secondary: undefined }, isDevelopmentKey: true, warnings: [] };
  }
  const short = Object.entries({ HUBWIRE_PRIMARY_KEY: primary, HUBWIRE_SECONDARY_KEY: secondary })
    .filter(([, key]) => key !== undefined && Buffer.byteLength(key) < leastKeyBytes)
    .map(([name]) => `${name} is shorter than ${leastKeyBytes} bytes; some SDKs refuse such keys`);
  return { keys: { primary, secondary }, isDevelopmentKey: primary === developmentKey, warnings: short };
}

/** `NAME`, or what the file named by `NAME_FILE` holds. */
function readKey(env: Environment, name: string): string | undefined {
  const key = env[name] || readKeyFile(env[`${name}_FILE`], name);
  if (key === undefined) return undefined;
  if (/[;\p{Cc}]/u.test(key) || key.trim() !== key || key === '') {
    throw new PubSubError(
      'invalid',
      `${name} must not be empty, hold ";" or control characters, or start or end with a blank`,
    );
  }
  return key;
}

function readKeyFile(file: string | undefined, name: string): string | undefined {
  if (file === undefined || file === '') return undefined;
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (cause) {
    throw new PubSubError('invalid', `${name}_FILE: cannot read ${file}: ${(cause as Error).message}`, { cause });
  }
}

/** Public endpoints: a comma list of URLs. @throws PubSubError `invalid` */
export function readEndpoints(env: Environment): readonly string[] {
  const urls = (env.HUBWIRE_ENDPOINT ?? '')
    .split(',')
    .map(url => url.trim())
    .filter(url => url !== '');
  new Endpoints(urls, () => ''); // refuses what is not a URL
  return urls;
}

/** @throws PubSubError `invalid` */
export function parsePort(text: string, name: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new PubSubError('invalid', `${name} must be a port number from 0 to 65535, not "${text}"`);
}

/** Names of the certificate's file and its key's; undefined when neither is given. @throws PubSubError `invalid` for one alone */
export function readTls(
  certFile: string | undefined,
  keyFile: string | undefined,
): { readonly certFile: string; readonly keyFile: string } | undefined {
  if (!certFile && !keyFile) return undefined;
  if (certFile && keyFile) return { certFile, keyFile };
  throw new PubSubError('invalid', 'a TLS certificate and its key go together; set both --tls-cert and --tls-key');
}

/** `true`, `false`, or a comma list of addresses and networks such as `10.0.0.0/8`. @throws PubSubError `invalid` */
export function parseTrustProxy(text: string | true | undefined): boolean | string {
  if (text === true || text?.toLowerCase() === 'true') return true;
  if (text === undefined || text === '' || text.toLowerCase() === 'false') return false;
  const places = text.split(',').map(place => place.trim());
  if (places.every(isAddressOrNetwork)) return places.join(',');
  throw new PubSubError(
    'invalid',
    `--trust-proxy must be true, false, or addresses and networks such as 10.0.0.0/8, not "${text}"`,
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

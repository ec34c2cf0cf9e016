import { isAudienceText } from '../auth/audience.js';
import { KeyTokens } from '../auth/key-tokens.js';
import { systemClock } from '../clock.js';
import { PubSubError } from '../errors.js';
import { excessOf } from '../urls.js';
import { readKeys } from './key-settings.js';
import { reasonLine } from './printable.js';
import { request } from './requests.js';
import { type Environment, endpointOf } from './settings.js';
import { UsageError } from './usage-error.js';

const tokenMinutes = 5;
const apiVersion = '2024-12-01';

export interface DataPlaneArguments {
  readonly connectionString?: string;
  readonly debug?: boolean;
}

/** The REST API of a service, as an app server calls it. */
export interface DataPlane {
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly tokens: KeyTokens;
}

/**
 * Of `--connection-string`, else `WebPubSubConnectionString`, else the keys and the endpoint of the environment, which are
 * those of a service on this machine when nothing is set. [MG-052]
 */
export function dataPlaneOf({ connectionString }: DataPlaneArguments, env: Environment): DataPlane {
  const variable = env.WebPubSubConnectionString || undefined;
  if (connectionString !== undefined) return ofConnectionString(connectionString, '--connection-string');
  if (variable !== undefined) return ofConnectionString(variable, 'WebPubSubConnectionString');
  return { endpoint: endpointOf(undefined, env), tokens: tokensOf(readKeys(env).keys.primary) };
}

/** `Endpoint=…;AccessKey=…;Version=1.0;`, and a `Port` if the endpoint has none. The text may be a secret: it is not shown. */
function ofConnectionString(text: string, name: string): DataPlane {
  const parts = new Map(
    text
      .split(';')
      .map(part => [part.slice(0, part.indexOf('=')).trim().toLowerCase(), part.slice(part.indexOf('=') + 1)]),
  );
  const [endpoint, key, port] = [parts.get('endpoint')?.trim(), parts.get('accesskey'), parts.get('port')];
  if (!endpoint || !key) {
    throw new UsageError(
      `${name} must be a connection string with Endpoint and AccessKey: Endpoint=http://localhost:8080;AccessKey=…;`,
    );
  }
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`${name}: its Endpoint must be a URL that starts with https:// or http://`);
  }
  const excess = excessOf(endpoint);
  if (excess !== undefined) throw new UsageError(`${name}: its Endpoint ${excess}`);
  if (port) url.port = port;
  return { endpoint: url.href.replace(/\/$/, ''), tokens: tokensOf(key) };
}

function tokensOf(primary: string): KeyTokens {
  return new KeyTokens({ primary, secondary: undefined }, systemClock.now);
}

/** One request of the REST API. */
export interface DataRequest {
  readonly method: string;
  /** Below the endpoint, without the query. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Text. */
  readonly body?: string;
}

/** @throws PubSubError `invalid` when the service cannot be reached or refuses; 404 is an answer */
export async function callDataPlane(
  { endpoint, tokens }: DataPlane,
  { method, path, query = {}, body }: DataRequest,
  isShown: boolean,
): Promise<Response> {
  const url = `${endpoint}${path}`;
  const response = await request({
    method,
    url: `${url}?${new URLSearchParams({ ...query, 'api-version': apiVersion })}`,
    headers: {
      authorization: `Bearer ${tokens.sign({}, url, tokenMinutes)}`,
      ...(body !== undefined && { 'content-type': 'text/plain' }),
    },
    ...(body !== undefined && { body }),
    hint: 'is the service running there? Set its URL and key with --connection-string or WebPubSubConnectionString',
    isShown,
  });
  if (response.ok || response.status === 404) return response;
  const said = await refusalIn(response);
  throw new PubSubError('invalid', `${endpoint}${path} answered ${said}`);
}

/** The status and what the answer says; of a refused token also what to do. @param keys where they are set @param urls where the service's is */
export async function refusalIn(response: Response, keys?: string, urls?: string): Promise<string> {
  const reason = await reasonIn(response);
  return `${response.status}${reason}${adviceOn(response.status, reason, keys, urls)}`;
}

/** Where `client` and `service` find the keys and the URL of the service. */
const settingsOf = {
  keys: 'set --connection-string, WebPubSubConnectionString or HUBWIRE_PRIMARY_KEY',
  urls: 'set --connection-string, WebPubSubConnectionString or HUBWIRE_ENDPOINT',
};

/** What to do about a token that was refused, to be added to the reason; nothing about other refusals. */
export function adviceOn(status: number | undefined, reason: string, keys = settingsOf.keys, urls = settingsOf.urls) {
  if (status !== 401) return '';
  if (reason.includes('not signed')) return `; the key must be one of the service: ${keys}`;
  return isAudienceText(reason) ? `; the URL must be one of the service: ${urls}` : '';
}

/** What an answer says, in one line. */
export async function reasonIn(response: Response): Promise<string> {
  const body = await response.text();
  const text = reasonLine(messageIn(body) ?? body);
  return text === '' ? '' : `: ${text}`;
}

/** Of an error of the REST API. [rest-api 3] */
function messageIn(body: string): string | undefined {
  try {
    const { message, detail } = JSON.parse(body) as { message?: unknown; detail?: unknown };
    const text = message ?? detail;
    return typeof text === 'string' ? text : undefined;
  } catch {
    return undefined; // a proxy's page, shown as it is
  }
}

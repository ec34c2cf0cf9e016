import { isIPv6 } from 'node:net';
import { PubSubError } from '../errors.js';
import { readAdminTls } from './admin-settings.js';
import { reasonOf, unreachableText } from './requests.js';
import { type Environment, parseAdminUrl, parseHost, parsePort, readTls } from './settings.js';
import { lookUp } from './variables.js';

export interface HealthArguments {
  readonly url?: string;
  readonly live?: boolean;
}

const answerWithinMs = 5_000;

/**
 * Checks the admin listener of the running service: `/readyz`, or `/healthz` with `--live`.
 * @throws PubSubError `invalid` when it does not answer 200
 */
export async function health(args: HealthArguments, env: Environment): Promise<void> {
  const base = args.url === undefined ? adminUrl(env) : parseAdminUrl({ text: args.url, name: '--url' });
  const url = `${base}/${args.live === true ? 'healthz' : 'readyz'}`;
  const status = await statusOf(url, args.url === undefined);
  if (status !== 200) throw new PubSubError('invalid', `${url} answered ${status}`);
  process.stdout.write(`${args.live === true ? 'alive' : 'ready'}\n`);
}

/** @param isOwn the address is one of this machine: its certificate need not name it, and nothing secret is sent */
async function statusOf(url: string, isOwn: boolean): Promise<number> {
  try {
    return isOwn && url.startsWith('https:') ? await statusOfOwn(url) : (await fetch(url, init())).status;
  } catch (cause) {
    throw new PubSubError('invalid', unreachableText(url, reasonOf(cause)), { cause });
  }
}

function init() {
  return { signal: AbortSignal.timeout(answerWithinMs) };
}

async function statusOfOwn(url: string): Promise<number> {
  const { request } = await import('node:https');
  return new Promise((resolve, reject) => {
    request(url, { ...init(), rejectUnauthorized: false }, response => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}

/** URL of the admin listener, without a trailing slash. @throws PubSubError `invalid` when there is none */
export function adminUrl(env: Environment): string {
  const given = lookUp('adminPort', {}, env);
  const port = given.text === 'any' ? 'any' : parsePort(given);
  if (port === 'any' || port === 0) {
    const why = port === 0 ? 'there is no admin listener' : 'the admin port is not known';
    throw new PubSubError('invalid', `${given.name} is "${port}", so ${why}; set its address with --url`);
  }
  const tls = readAdminTls({}, env, readTls(lookUp('tlsCert', {}, env), lookUp('tlsKey', {}, env)));
  const scheme = tls === undefined ? 'http' : 'https';
  return `${scheme}://${reachable(parseHost(lookUp('adminHost', {}, env)).text)}:${port}`;
}

/** A wildcard address is one to listen on, not one to connect to. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return isIPv6(host) ? `[${host}]` : host;
}

import { isIPv6 } from 'node:net';
import { text } from 'node:stream/consumers';
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
  const { status, body } = await answerOf(url, args.url === undefined);
  if (status !== 200)
    throw new PubSubError('invalid', `${url} answered ${status}${reasonIn(body) ?? `; ${otherProgram}`}`);
  process.stdout.write(`${args.live === true ? 'alive' : 'ready'}\n`);
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

const address = 'Set its URL with --url, or HUBWIRE_ADMIN_HOST and HUBWIRE_ADMIN_PORT';
const notThere = `is the service running, with its admin listener there? ${address}`;
const otherProgram = `is it the admin listener of a Hubwire service? ${address}`;

/** Why it is not ready, as `/readyz` says; undefined: something else answers there. */
function reasonIn(body: string): string | undefined {
  try {
    const { status, reason } = JSON.parse(body) as { status?: unknown; reason?: unknown };
    if (typeof reason === 'string') return `: ${reason}`;
    return typeof status === 'string' ? `: ${status}` : undefined;
  } catch {
    return undefined;
  }
}

/** @param isOwn the address is one of this machine: its certificate need not name it, and nothing secret is sent */
async function answerOf(url: string, isOwn: boolean): Promise<Answer> {
  try {
    if (isOwn && url.startsWith('https:')) return await answerOfOwn(url);
    const response = await fetch(url, init());
    return { status: response.status, body: await response.text() };
  } catch (cause) {
    throw new PubSubError('invalid', unreachableText(url, reasonOf(cause), notThere), { cause });
  }
}

function init() {
  return { signal: AbortSignal.timeout(answerWithinMs) };
}

async function answerOfOwn(url: string): Promise<Answer> {
  const { request } = await import('node:https');
  return new Promise((resolve, reject) => {
    request(url, { ...init(), rejectUnauthorized: false }, response => {
      text(response).then(body => resolve({ status: response.statusCode ?? 0, body }), reject);
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

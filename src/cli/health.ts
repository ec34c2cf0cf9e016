import { isIPv6 } from 'node:net';
import { PubSubError } from '../errors.js';
import type { Environment } from './settings.js';
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
  const url = `${(args.url ?? adminUrl(env)).replace(/\/$/, '')}/${args.live === true ? 'healthz' : 'readyz'}`;
  const status = await statusOf(url);
  if (status !== 200) throw new PubSubError('invalid', `${url} answered ${status}`);
  process.stdout.write(`${args.live === true ? 'alive' : 'ready'}\n`);
}

async function statusOf(url: string): Promise<number> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(answerWithinMs) })).status;
  } catch (cause) {
    const reason = (cause as { cause?: { code?: string } }).cause?.code ?? (cause as Error).message;
    throw new PubSubError('invalid', `${url} does not answer: ${reason}`, { cause });
  }
}

/** URL of the admin listener, without a trailing slash. @throws PubSubError `invalid` when there is none */
export function adminUrl(env: Environment): string {
  const { text: port, name } = lookUp('adminPort', {}, env);
  if (!/^[1-9]\d*$/.test(port)) {
    const why = port === '0' ? 'there is no admin listener' : 'the admin port is not known';
    throw new PubSubError('invalid', `${name} is "${port}", so ${why}; set its address with --url`);
  }
  return `http://${reachable(lookUp('adminHost', {}, env).text)}:${port}`;
}

/** A wildcard address is one to listen on, not one to connect to. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return isIPv6(host) ? `[${host}]` : host;
}

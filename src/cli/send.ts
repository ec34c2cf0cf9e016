import { text } from 'node:stream/consumers';
import { KeyTokens } from '../auth/key-tokens.js';
import { systemClock } from '../clock.js';
import { PubSubError } from '../errors.js';
import { refusalIn } from './data-plane.js';
import { readKeys } from './key-settings.js';
import { request } from './requests.js';
import { type Environment, endpointOf } from './settings.js';

export interface SendArguments {
  readonly hub: string;
  readonly group?: string;
  readonly user?: string;
  readonly connection?: string;
  readonly type: 'text' | 'json';
  readonly endpoint?: string;
}

const tokenMinutes = 5;
const contentTypes = { text: 'text/plain', json: 'application/json' } as const;

/**
 * Sends a message through the REST API of the running service, as an app server would.
 * @throws PubSubError `invalid` when it cannot be reached or refuses
 */
export async function send(message: string | undefined, args: SendArguments, env: Environment): Promise<void> {
  const body = message ?? (await text(process.stdin));
  if (args.type === 'json') checkJson(body);
  const url = `${endpointOf(args.endpoint, env)}/api/hubs/${encodeURIComponent(args.hub)}${pathOf(args)}/:send`;
  const token = new KeyTokens(readKeys(env).keys, systemClock.now).sign({}, url, tokenMinutes);
  const response = await request({
    method: 'POST',
    url,
    headers: { authorization: `Bearer ${token}`, 'content-type': contentTypes[args.type] },
    body,
    hint: 'is the service running there? Set its URL with --endpoint or HUBWIRE_ENDPOINT',
  });
  if (!response.ok) {
    const said = await refusalIn(response, 'set HUBWIRE_PRIMARY_KEY', 'set it with --endpoint or HUBWIRE_ENDPOINT');
    throw new PubSubError('invalid', `${url} answered ${said}`);
  }
  process.stdout.write(`sent to ${targetOf(args)}\n`);
}

function checkJson(body: string): void {
  try {
    JSON.parse(body);
  } catch (cause) {
    throw new PubSubError('invalid', `the message is not JSON: ${(cause as Error).message}`, { cause });
  }
}

/** Hubs are addressed as a whole, others below them. [rest-api 2] */
function pathOf({ group, user, connection }: SendArguments): string {
  if (group !== undefined) return `/groups/${encodeURIComponent(group)}`;
  if (user !== undefined) return `/users/${encodeURIComponent(user)}`;
  return connection === undefined ? '' : `/connections/${encodeURIComponent(connection)}`;
}

function targetOf({ hub, group, user, connection }: SendArguments): string {
  if (group !== undefined) return `group ${group} of hub ${hub}`;
  if (user !== undefined) return `user ${user} of hub ${hub}`;
  return connection === undefined ? `hub ${hub}` : `connection ${connection} of hub ${hub}`;
}

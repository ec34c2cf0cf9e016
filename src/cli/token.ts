import { KeyTokens } from '../auth/key-tokens.js';
import { systemClock } from '../clock.js';
import { PubSubError } from '../errors.js';
import { isGroupName, isHubName } from '../protocols/names.js';
import { clientUrl } from '../service.js';
import { defaultEndpoint, type Environment, readEndpoints, readKeys } from './settings.js';

export interface TokenArguments {
  readonly hub: string;
  readonly user?: string;
  readonly role?: readonly string[];
  readonly group?: readonly string[];
  readonly ttl?: string;
  readonly json?: boolean;
}

const defaultMinutes = '60';
const mostMinutes = 2_147_483_647;

/** Prints a client access URL for a service that has the same keys. @throws PubSubError `invalid` */
export function token(args: TokenArguments, env: Environment): void {
  if (!isHubName(args.hub)) throw new PubSubError('invalid', `--hub: "${args.hub}" cannot be a hub's name`);
  const bad = args.group?.find(group => !isGroupName(group));
  if (bad !== undefined)
    throw new PubSubError('invalid', '--group: a group name is 1 to 1024 characters, not all blank');
  const { keys } = readKeys(env);
  const claims = { userId: args.user, roles: args.role, groups: args.group };
  const endpoint = (readEndpoints(env)[0] ?? defaultEndpoint).replace(/\/$/, '');
  const url = clientUrl(
    new KeyTokens(keys, systemClock.now),
    endpoint,
    args.hub,
    claims,
    minutesOf(args.ttl ?? defaultMinutes),
  );
  process.stdout.write(`${args.json === true ? JSON.stringify({ url }) : url}\n`);
}

function minutesOf(text: string): number {
  const minutes = Number(text);
  if (/^\d+$/.test(text) && minutes >= 1 && minutes <= mostMinutes) return minutes;
  throw new PubSubError('invalid', `--ttl must be a whole number of minutes from 1, not "${text}"`);
}

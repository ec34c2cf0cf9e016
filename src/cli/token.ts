import { KeyTokens } from '../auth/key-tokens.js';
import { systemClock } from '../clock.js';
import { PubSubError } from '../errors.js';
import { roleProblem } from '../hub/roles.js';
import { groupNameRule, isGroupName, isHubName, isUserId, userIdRule } from '../protocols/names.js';
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
  const problem = claimProblem(args);
  if (problem !== undefined) throw new PubSubError('invalid', problem);
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

/** What the service would refuse the token for, or ignore of it. */
function claimProblem({ user, group = [], role = [] }: TokenArguments): string | undefined {
  if (user === '') return '--user is empty; leave it out for an anonymous client';
  if (user !== undefined && !isUserId(user)) return `--user: a user id is ${userIdRule}`;
  if (!group.every(isGroupName)) return `--group: a group name is ${groupNameRule}`;
  const badRole = role.find(each => roleProblem(each) !== undefined);
  return badRole === undefined ? undefined : `--role "${badRole}": ${roleProblem(badRole)}`;
}

function minutesOf(text: string): number {
  const minutes = Number(text);
  if (/^\d+$/.test(text) && minutes >= 1 && minutes <= mostMinutes) return minutes;
  throw new PubSubError('invalid', `--ttl must be a whole number of minutes from 1, not "${text}"`);
}

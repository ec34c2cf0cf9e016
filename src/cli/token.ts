import { clientUrl } from '../auth/client-url.js';
import { defaultTokenMinutes, KeyTokens, mostTokenMinutes } from '../auth/key-tokens.js';
import { systemClock } from '../clock.js';
import { PubSubError } from '../errors.js';
import { roleProblem } from '../hub/roles.js';
import { groupNameRule, isGroupName, isHubName, isUserId, userIdRule } from '../protocols/names.js';
import { readKeys } from './key-settings.js';
import { type Environment, endpointOf } from './settings.js';

export interface TokenArguments {
  readonly hub: string;
  readonly user?: string;
  readonly role?: readonly string[];
  readonly group?: readonly string[];
  readonly ttl?: string;
  /** URL of the running service. Default: that of the environment. */
  readonly endpoint?: string;
  readonly json?: boolean;
}

/** Prints a client access URL for a service that has the same keys. @throws PubSubError `invalid` */
export function token(args: TokenArguments, env: Environment): void {
  if (!isHubName(args.hub)) throw new PubSubError('invalid', `--hub: "${args.hub}" is not a valid hub name`);
  const problem = claimProblem(args);
  if (problem !== undefined) throw new PubSubError('invalid', problem);
  const { keys } = readKeys(env);
  const claims = { userId: args.user, roles: args.role, groups: args.group };
  const url = clientUrl(
    new KeyTokens(keys, systemClock.now),
    endpointOf(args.endpoint, env),
    args.hub,
    claims,
    minutesOf(args.ttl),
  );
  process.stdout.write(`${args.json === true ? JSON.stringify({ url }) : url}\n`);
}

/** What the service would refuse the token for, or ignore of it. */
function claimProblem({ user, group = [], role = [] }: TokenArguments): string | undefined {
  if (user !== undefined && !isUserId(user)) return `--user: a user id has ${userIdRule}`;
  if (!group.every(isGroupName)) return `--group: a group name has ${groupNameRule}`;
  const badRole = role.find(each => roleProblem(each) !== undefined);
  return badRole === undefined ? undefined : `--role "${badRole}": ${roleProblem(badRole)}`;
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'];

/**
 * Prints a token for one request of the REST API, for programs without an SDK: it goes into `Authorization: Bearer …`. Its
 * audience is the request's URL without the query. [rest-api 1.3]
 * @throws PubSubError `invalid`
 */
export function restToken(
  method: string | undefined,
  path: string | undefined,
  args: Pick<TokenArguments, 'ttl' | 'json' | 'endpoint'>,
  env: Environment,
): void {
  if (method === undefined || path === undefined || !methods.includes(method.toUpperCase())) {
    throw new PubSubError(
      'invalid',
      `--rest needs a method (${methods.join(', ')}) and a path: POST /api/hubs/chat/:send`,
    );
  }
  const url = restUrl(path, endpointOf(args.endpoint, env));
  const minutes = minutesOf(args.ttl);
  const token = new KeyTokens(readKeys(env).keys, systemClock.now).sign({}, url.replace(/[?#].*$/s, ''), minutes);
  const result = { method: method.toUpperCase(), url, token };
  process.stdout.write(`${args.json === true ? JSON.stringify(result) : token}\n`);
}

/** @param target a path below the endpoint, or the whole URL */
function restUrl(target: string, endpoint: string): string {
  const url = target.startsWith('/') ? endpoint + target : target;
  if (url.startsWith(`${endpoint}/api/`)) return url;
  throw new PubSubError(
    'invalid',
    `"${target}" is not a path of the REST API at ${endpoint}; its paths start with /api/`,
  );
}

function minutesOf(text: string | undefined): number {
  if (text === undefined) return defaultTokenMinutes;
  const minutes = Number(text);
  if (/^\d+$/.test(text) && minutes >= 1 && minutes <= mostTokenMinutes) return minutes;
  throw new PubSubError('invalid', `--ttl must be a whole number of minutes from 1, not "${text}"`);
}

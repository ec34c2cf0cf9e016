import type { FastifyRequest } from 'fastify';
import type { Endpoints } from '../auth/endpoints.js';
import type { KeyTokens } from '../auth/key-tokens.js';
import { canonicalHubName } from '../protocols/names.js';
import { badRequest } from './failures.js';
import { type PathNames, queryGroups, queryInteger, queryValue, queryValues } from './parameters.js';

const defaultMinutes = 60;
const maxMinutes = 2_147_483_647;

/** Client type, in lower case → where its clients connect, and so their tokens' audience. [rest-api 2.7] */
const clientPaths: ReadonlyMap<string, string> = new Map([
  ['default', '/client/hubs/'],
  ['mqtt', '/clients/mqtt/hubs/'],
  ['socketio', '/clients/socketio/hubs/'],
]);

/**
 * A client access token as the query asks for it; what is not asked for is not claimed. [rest-api 1.6]
 * @throws RestFailure for a parameter out of range
 */
export function clientToken(request: FastifyRequest, tokens: Pick<KeyTokens, 'sign'>, endpoints: Endpoints): string {
  const { hub } = request.params as Pick<PathNames, 'hub'>;
  const audience = endpoints.primary + clientPath(request) + canonicalHubName(hub);
  const minutes = queryInteger(request, 'minutesToExpire', 1, maxMinutes) ?? defaultMinutes;
  const userId = queryValue(request, 'userId') || undefined;
  return tokens.sign({ userId, roles: queryValues(request, 'role'), groups: queryGroups(request) }, audience, minutes);
}

function clientPath(request: FastifyRequest): string {
  const clientType = queryValue(request, 'clientType') ?? 'default';
  const path = clientPaths.get(clientType.toLowerCase());
  if (path === undefined) throw badRequest('clientType', `The value '${clientType}' is not valid.`);
  return path;
}

import { Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Endpoints } from '../auth/endpoints.js';
import { defaultTokenMinutes, type KeyTokens } from '../auth/key-tokens.js';
import { canonicalHubName } from '../protocols/names.js';
import { badRequest } from './failures.js';
import { operation, type Path } from './operation.js';
import { queryGroups, queryInteger, queryUserId, queryValue, queryValues } from './parameters.js';

/** Client type, in lower case → where its clients connect, and so their tokens' audience. [rest-api 2.7] */
const clientPaths: ReadonlyMap<string, string> = new Map([
  ['default', '/client/hubs/'],
  ['mqtt', '/clients/mqtt/hubs/'],
  ['socketio', '/clients/socketio/hubs/'],
]);

/** A key holder may mint client tokens here too, which the vendor leaves to Entra ID callers. [rest-api 1.6] */
export function addTokens(app: FastifyInstance, tokens: Pick<KeyTokens, 'sign'>, endpoints: Endpoints): void {
  app.post<Path<'hub'>>('/:hub/::generateToken', generateToken, async (request, reply) => {
    const token = clientToken(request, tokens, endpoints);
    return reply
      .header('cache-control', 'no-store')
      .type('application/json; charset=utf-8')
      .send(JSON.stringify({ token }));
  });
}

const generateToken = operation({
  id: 'WebPubSub_GenerateClientToken',
  summary: 'Generate a client access token.',
  // The vendor requires the second one when the client connects, when only the token is available here. [rest-api 1.4]
  actions: ['clientConnection/generateToken/action', 'clientConnection/write'],
  query: ['userId', 'role', 'group', 'minutesToExpire', 'clientType'],
  success: { status: 200, body: Type.Object({ token: Type.String() }) },
});

/**
 * A client access token with the claims that the query requests. [rest-api 1.6]
 * @throws RestFailure for a parameter out of range
 */
export function clientToken(request: FastifyRequest, tokens: Pick<KeyTokens, 'sign'>, endpoints: Endpoints): string {
  const { hub } = request.params as Path<'hub'>['Params'];
  const audience = endpoints.primary + clientPath(request) + canonicalHubName(hub);
  const minutes = queryInteger(request, 'minutesToExpire') ?? defaultTokenMinutes;
  const userId = queryUserId(request);
  return tokens.sign({ userId, roles: queryValues(request, 'role'), groups: queryGroups(request) }, audience, minutes);
}

function clientPath(request: FastifyRequest): string {
  const clientType = queryValue(request, 'clientType') ?? 'default';
  const path = clientPaths.get(clientType.toLowerCase());
  if (path === undefined) {
    throw badRequest('clientType', `The value '${clientType}' is not valid.`, 'The clientType is not valid.');
  }
  return path;
}

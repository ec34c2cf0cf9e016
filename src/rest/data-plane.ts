import type { FastifyInstance } from 'fastify';
import type { Endpoints } from '../auth/endpoints.js';
import type { KeyTokens } from '../auth/key-tokens.js';
import type { Hub } from '../hub/hub.js';
import { clientToken } from './client-token.js';
import { notExisted } from './failures.js';
import { checkFilter, checkTtl, type PathNames, queryValue, queryValues } from './parameters.js';
import { payloadOf } from './payload.js';

/** The hub as REST sees it. */
export type DataPlaneHub = Pick<
  Hub,
  | 'sendToAll'
  | 'sendToGroup'
  | 'sendToUser'
  | 'sendToConnection'
  | 'addConnectionToGroup'
  | 'addUserToGroup'
  | 'removeConnectionFromGroup'
  | 'removeUserFromGroup'
  | 'closeConnection'
  | 'connectionExists'
  | 'groupExists'
  | 'userExists'
>;

/** Finds a hub by its name in any letter case. @throws PubSubError `invalid` for a bad name */
export interface HubDirectory {
  get(name: string): DataPlaneHub;
}

type Path<Names extends keyof PathNames> = { Params: Pick<PathNames, Names | 'hub'> };

/** A send can name whom to leave out and how long to keep the message; parameters are checked before the body is read. */
const filteredSend = { onRequest: [checkTtl, checkFilter] };
const directSend = { onRequest: [checkTtl] };

/** Sends answer 202 whether or not anybody is there. [rest-api 2.1–2.4] */
export function addSends(app: FastifyInstance, hubs: HubDirectory): void {
  app.post<Path<'hub'>>('/:hub/::send', filteredSend, async (request, reply) => {
    hubs.get(request.params.hub).sendToAll(payloadOf(request), { excluded: queryValues(request, 'excluded') });
    return reply.code(202).send();
  });
  app.post<Path<'group'>>('/:hub/groups/:group/::send', filteredSend, async (request, reply) => {
    const { hub, group } = request.params;
    hubs.get(hub).sendToGroup(group, payloadOf(request), { excluded: queryValues(request, 'excluded') });
    return reply.code(202).send();
  });
  app.post<Path<'userId'>>('/:hub/users/:userId/::send', filteredSend, async (request, reply) => {
    const { hub, userId } = request.params;
    hubs.get(hub).sendToUser(userId, payloadOf(request));
    return reply.code(202).send();
  });
  app.post<Path<'connectionId'>>('/:hub/connections/:connectionId/::send', directSend, async (request, reply) => {
    const { hub, connectionId } = request.params;
    hubs.get(hub).sendToConnection(connectionId, payloadOf(request));
    return reply.code(202).send();
  });
}

/** A change is in force before its answer, so that a send that follows it finds the new members. [rest-api 2.3, 2.4, 5] */
export function addMemberships(app: FastifyInstance, hubs: HubDirectory): void {
  const connectionInGroup = '/:hub/groups/:group/connections/:connectionId';
  app.put<Path<'group' | 'connectionId'>>(connectionInGroup, async (request, reply) => {
    const { hub, group, connectionId } = request.params;
    const isKnown = await hubs.get(hub).addConnectionToGroup(connectionId, group);
    if (!isKnown) throw notExisted('Error', 'Connection', connectionId);
    return reply.code(200).send();
  });
  app.delete<Path<'group' | 'connectionId'>>(connectionInGroup, async (request, reply) => {
    const { hub, group, connectionId } = request.params;
    await hubs.get(hub).removeConnectionFromGroup(connectionId, group);
    return reply.code(204).send();
  });
  const userInGroup = '/:hub/users/:userId/groups/:group';
  app.put<Path<'userId' | 'group'>>(userInGroup, async (request, reply) => {
    const { hub, userId, group } = request.params;
    const isHere = await hubs.get(hub).addUserToGroup(userId, group);
    if (!isHere) throw notExisted('Warning', 'User', userId);
    return reply.code(200).send();
  });
  app.delete<Path<'userId' | 'group'>>(userInGroup, async (request, reply) => {
    const { hub, userId, group } = request.params;
    await hubs.get(hub).removeUserFromGroup(userId, group);
    return reply.code(204).send();
  });
}

/** Who is here, and the end of a connection. [rest-api 2.2–2.4] */
export function addPresence(app: FastifyInstance, hubs: HubDirectory): void {
  const connection = '/:hub/connections/:connectionId';
  app.head<Path<'connectionId'>>(connection, async (request, reply) => {
    const { hub, connectionId } = request.params;
    if (!(await hubs.get(hub).connectionExists(connectionId))) throw notExisted('Warning', 'Connection', connectionId);
    return reply.code(200).header('content-length', '0').send();
  });
  app.delete<Path<'connectionId'>>(connection, async (request, reply) => {
    const { hub, connectionId } = request.params;
    await hubs.get(hub).closeConnection(connectionId, queryValue(request, 'reason'));
    return reply.code(204).send();
  });
  app.head<Path<'group'>>('/:hub/groups/:group', async (request, reply) => {
    const { hub, group } = request.params;
    if (!(await hubs.get(hub).groupExists(group))) throw notExisted('Warning', 'Group', group);
    return reply.code(200).header('content-length', '0').send();
  });
  app.head<Path<'userId'>>('/:hub/users/:userId', async (request, reply) => {
    const { hub, userId } = request.params;
    if (!(await hubs.get(hub).userExists(userId))) throw notExisted('Warning', 'User', userId);
    return reply.code(200).header('content-length', '0').send();
  });
}

/** A key holder may mint client tokens here too, which the vendor leaves to Entra ID callers. [rest-api 1.6] */
export function addTokens(app: FastifyInstance, tokens: Pick<KeyTokens, 'sign'>, endpoints: Endpoints): void {
  app.post<Path<'hub'>>('/:hub/::generateToken', async (request, reply) => {
    const token = clientToken(request, tokens, endpoints);
    return reply
      .header('cache-control', 'no-store')
      .type('application/json; charset=utf-8')
      .send(JSON.stringify({ token }));
  });
}

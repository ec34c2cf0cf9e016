import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { CloseOptions } from '../hub/call-options.js';
import type { HubDirectory } from './hub-directory.js';
import { operation, type Path } from './operation.js';
import { type QueryName, queryValue, queryValues } from './parameters.js';
import { saidBy } from './partial.js';

/** The end of connections; 204 also where there are none. [rest-api 2.1–2.4] */
export function addCloses(app: FastifyInstance, hubs: HubDirectory): void {
  app.delete<Path<'connectionId'>>('/:hub/connections/:connectionId', closeConnection, async (request, reply) => {
    const { hub, connectionId } = request.params;
    await hubs.get(hub).closeConnection(connectionId, queryValue(request, 'reason'));
    return reply.code(204).send();
  });
  app.post<Path<'hub'>>('/:hub/::closeConnections', closeAll, async (request, reply) => {
    await hubs.get(request.params.hub).closeAll({ ...optionsOf(request), onPartial: saidBy(reply) });
    return reply.code(204).send();
  });
  app.post<Path<'group'>>('/:hub/groups/:group/::closeConnections', closeGroup, async (request, reply) => {
    const { hub, group } = request.params;
    await hubs.get(hub).closeGroup(group, { ...optionsOf(request), onPartial: saidBy(reply) });
    return reply.code(204).send();
  });
  app.post<Path<'userId'>>('/:hub/users/:userId/::closeConnections', closeUser, async (request, reply) => {
    const { hub, userId } = request.params;
    await hubs.get(hub).closeUser(userId, { ...optionsOf(request), onPartial: saidBy(reply) });
    return reply.code(204).send();
  });
}

const closeConnection = close('WebPubSub_CloseConnection', 'Close one connection.', ['reason']);
const closeAll = close('WebPubSub_CloseAllConnections', 'Close all connections of a hub.', ['excluded', 'reason']);
const closeGroup = close('WebPubSub_CloseGroupConnections', 'Close the connections of a group.', [
  'excluded',
  'reason',
]);
const closeUser = close('WebPubSub_CloseUserConnections', 'Close the connections of a user.', ['excluded', 'reason']);

function close(id: string, summary: string, query: readonly QueryName[]) {
  return operation({ id, summary, actions: ['clientConnection/write'], query, success: { status: 204 } });
}

function optionsOf(request: FastifyRequest): CloseOptions {
  return { excluded: queryValues(request, 'excluded'), reason: queryValue(request, 'reason') };
}

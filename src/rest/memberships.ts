import type { FastifyInstance } from 'fastify';
import { notExisted } from './failures.js';
import type { HubDirectory } from './hub-directory.js';
import { operation, type Path } from './operation.js';
import { saidBy } from './partial.js';

/** A change is in force before its answer, so that a send that follows it finds the new members. [rest-api 2.3, 2.4, 5] */
export function addMemberships(app: FastifyInstance, hubs: HubDirectory): void {
  addConnectionMemberships(app, hubs);
  addUserMemberships(app, hubs);
}

function addConnectionMemberships(app: FastifyInstance, hubs: HubDirectory): void {
  const connectionInGroup = '/:hub/groups/:group/connections/:connectionId';
  app.put<Path<'group' | 'connectionId'>>(connectionInGroup, addConnection, async (request, reply) => {
    const { hub, group, connectionId } = request.params;
    const isKnown = await hubs.get(hub).addConnectionToGroup(connectionId, group);
    if (!isKnown) throw notExisted('Error', 'Connection', connectionId);
    return reply.code(200).send();
  });
  app.delete<Path<'group' | 'connectionId'>>(connectionInGroup, removeConnection, async (request, reply) => {
    const { hub, group, connectionId } = request.params;
    await hubs.get(hub).removeConnectionFromGroup(connectionId, group);
    return reply.code(204).send();
  });
  const groupsOfConnection = '/:hub/connections/:connectionId/groups';
  app.delete<Path<'connectionId'>>(groupsOfConnection, removeConnectionFromAll, async (request, reply) => {
    const { hub, connectionId } = request.params;
    await hubs.get(hub).removeConnectionFromAllGroups(connectionId);
    return reply.code(204).send();
  });
}

function addUserMemberships(app: FastifyInstance, hubs: HubDirectory): void {
  const userInGroup = '/:hub/users/:userId/groups/:group';
  app.put<Path<'userId' | 'group'>>(userInGroup, addUser, async (request, reply) => {
    const { hub, userId, group } = request.params;
    const isHere = await hubs.get(hub).addUserToGroup(userId, group, saidBy(reply));
    if (!isHere) throw notExisted('Warning', 'User', userId);
    return reply.code(200).send();
  });
  app.delete<Path<'userId' | 'group'>>(userInGroup, removeUser, async (request, reply) => {
    const { hub, userId, group } = request.params;
    await hubs.get(hub).removeUserFromGroup(userId, group, saidBy(reply));
    return reply.code(204).send();
  });
  app.delete<Path<'userId'>>('/:hub/users/:userId/groups', removeUserFromAll, async (request, reply) => {
    const { hub, userId } = request.params;
    await hubs.get(hub).removeUserFromAllGroups(userId, saidBy(reply));
    return reply.code(204).send();
  });
}

const addConnection = join('WebPubSub_AddConnectionToGroup', 'Add a connection to a group.');
const addUser = join('WebPubSub_AddUserToGroup', "Add a user's present connections to a group.");
const removeConnection = leave('WebPubSub_RemoveConnectionFromGroup', 'Remove a connection from a group.');
const removeConnectionFromAll = leave(
  'WebPubSub_RemoveConnectionFromAllGroups',
  'Remove a connection from all its groups.',
);
const removeUser = leave('WebPubSub_RemoveUserFromGroup', "Remove a user's connections from a group.");
const removeUserFromAll = leave(
  'WebPubSub_RemoveUserFromAllGroups',
  "Remove a user's connections from all their groups.",
);

function join(id: string, summary: string) {
  return operation({ id, summary, actions: ['group/write'], success: { status: 200 }, failures: [404] });
}

function leave(id: string, summary: string) {
  return operation({ id, summary, actions: ['group/write'], success: { status: 204 } });
}

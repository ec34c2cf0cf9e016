import type { FastifyInstance } from 'fastify';
import type { DataAction } from './data-actions.js';
import { notExisted } from './failures.js';
import type { HubDirectory } from './hub-directory.js';
import { operation, type Path } from './operation.js';

/** Existence checks. [rest-api 2.2–2.4] */
export function addPresence(app: FastifyInstance, hubs: HubDirectory): void {
  app.head<Path<'connectionId'>>('/:hub/connections/:connectionId', connectionExists, async (request, reply) => {
    const { hub, connectionId } = request.params;
    if (!(await hubs.get(hub).connectionExists(connectionId))) throw notExisted('Warning', 'Connection', connectionId);
    return reply.code(200).header('content-length', '0').send();
  });
  app.head<Path<'group'>>('/:hub/groups/:group', groupExists, async (request, reply) => {
    const { hub, group } = request.params;
    if (!(await hubs.get(hub).groupExists(group))) throw notExisted('Warning', 'Group', group);
    return reply.code(200).header('content-length', '0').send();
  });
  app.head<Path<'userId'>>('/:hub/users/:userId', userExists, async (request, reply) => {
    const { hub, userId } = request.params;
    if (!(await hubs.get(hub).userExists(userId))) throw notExisted('Warning', 'User', userId);
    return reply.code(200).header('content-length', '0').send();
  });
}

const connectionExists = check(
  'WebPubSub_ConnectionExists',
  'Check whether a connection exists.',
  'clientConnection/read',
);
const groupExists = check('WebPubSub_GroupExists', 'Check whether a group has a connection.', 'group/read');
const userExists = check('WebPubSub_UserExists', 'Check whether a user has a connection.', 'user/read');

function check(id: string, summary: string, action: DataAction) {
  return operation({ id, summary, actions: [action], success: { status: 200 }, failures: [404] });
}

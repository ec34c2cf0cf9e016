import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Permission } from '../hub/commands.js';
import { isGroupName } from '../protocols/names.js';
import { badRequest, notExisted, wholeRequest } from './failures.js';
import type { HubDirectory } from './hub-directory.js';
import { operation, type Path } from './operation.js';
import { invalidGroupName, queryValues } from './parameters.js';

/** In lower case, and the numbers that some SDKs send. [rest-api 2.5] */
const permissions: ReadonlyMap<string, Permission> = new Map([
  ['sendtogroup', 'sendToGroup'],
  ['1', 'sendToGroup'],
  ['joinleavegroup', 'joinLeaveGroup'],
  ['2', 'joinLeaveGroup'],
]);

/** What one connection may do with one group, whatever its roles say. [rest-api 2.5] */
export function addPermissions(app: FastifyInstance, hubs: HubDirectory): void {
  const path = '/:hub/permissions/:permission/connections/:connectionId';
  app.put<Path<'permission' | 'connectionId'>>(path, grant, async (request, reply) => {
    const { hub, connectionId } = request.params;
    const isKnown = await hubs.get(hub).grantPermission(connectionId, permissionOf(request), groupOf(request));
    if (!isKnown) throw notExisted('Info', 'Connection', connectionId);
    return reply.code(200).send();
  });
  app.delete<Path<'permission' | 'connectionId'>>(path, revoke, async (request, reply) => {
    const { hub, connectionId } = request.params;
    await hubs.get(hub).revokePermission(connectionId, permissionOf(request), groupOf(request));
    return reply.code(204).send();
  });
  app.head<Path<'permission' | 'connectionId'>>(path, check, async (request, reply) => {
    const { hub, connectionId } = request.params;
    const isAllowed = await hubs.get(hub).checkPermission(connectionId, permissionOf(request), groupOf(request));
    if (!isAllowed) throw notExisted('Info', 'Connection', connectionId);
    return reply.code(200).header('content-length', '0').send();
  });
}

const target = { query: ['targetName'], required: ['targetName'] } as const;
const grant = operation({
  id: 'WebPubSub_GrantPermission',
  summary: 'Grant a connection a permission for a group.',
  actions: ['clientConnection/write'],
  ...target,
  success: { status: 200 },
  failures: [404, 409],
});
const revoke = operation({
  id: 'WebPubSub_RevokePermission',
  summary: "Revoke a connection's permission for a group.",
  actions: ['clientConnection/write'],
  ...target,
  success: { status: 204 },
  failures: [409],
});
const check = operation({
  id: 'WebPubSub_CheckPermission',
  summary: 'Check whether a connection has a permission for a group.',
  actions: ['clientConnection/read'],
  ...target,
  success: { status: 200 },
  failures: [404],
});

function permissionOf(request: FastifyRequest): Permission {
  const text = (request.params as Path<'permission'>['Params']).permission;
  const permission = permissions.get(text.toLowerCase());
  if (permission === undefined) throw badRequest('permission', `The value '${text}' is not valid.`);
  return permission;
}

/** The vendor's description calls it optional, the service does not. [rest-api 9, row 6] */
function groupOf(request: FastifyRequest): string {
  const [group, ...others] = queryValues(request, 'targetName');
  if (group === undefined || others.length > 0 || !isGroupName(group)) throw badRequest(wholeRequest, invalidGroupName);
  return group;
}

import { Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { SendOptions } from '../hub/call-options.js';
import { onDeliveredOf } from './calls.js';
import type { DataAction } from './data-actions.js';
import type { HubDirectory } from './hub-directory.js';
import { operation, type Path } from './operation.js';
import { type QueryName, queryFilter, queryInteger, queryValues } from './parameters.js';
import { payloadOf } from './payload.js';

const message = {
  'application/json': Type.Unknown({ description: 'One JSON value; its bytes are delivered unchanged.' }),
  'text/plain': Type.String(),
  'application/octet-stream': Type.Unsafe<Buffer>({ type: 'string', format: 'binary' }),
};

/** Sends are answered with 202 whether or not there are receivers, and synchronously: nothing is waited for. [rest-api 2.1–2.4] */
export function addSends(app: FastifyInstance, hubs: HubDirectory): void {
  app.post<Path<'hub'>>('/:hub/::send', sendToAll, (request, reply) => {
    hubs.get(request.params.hub).sendToAll(payloadOf(request), optionsOf(request));
    reply.code(202).send();
  });
  app.post<Path<'group'>>('/:hub/groups/:group/::send', sendToGroup, (request, reply) => {
    const { hub, group } = request.params;
    hubs.get(hub).sendToGroup(group, payloadOf(request), optionsOf(request));
    reply.code(202).send();
  });
  app.post<Path<'userId'>>('/:hub/users/:userId/::send', sendToUser, (request, reply) => {
    const { hub, userId } = request.params;
    const { filter, ttlSeconds, onDelivered } = optionsOf(request);
    hubs.get(hub).sendToUser(userId, payloadOf(request), { filter, ttlSeconds, onDelivered });
    reply.code(202).send();
  });
  app.post<Path<'connectionId'>>('/:hub/connections/:connectionId/::send', sendToConnection, (request, reply) => {
    const { hub, connectionId } = request.params;
    const options = { ttlSeconds: ttlOf(request), onDelivered: onDeliveredOf(request) };
    hubs.get(hub).sendToConnection(connectionId, payloadOf(request), options);
    reply.code(202).send();
  });
}

const sendToAll = send('WebPubSub_SendToAll', 'Send a message to all connections of a hub.', 'hub/send/action', [
  'excluded',
  'filter',
  'messageTtlSeconds',
]);
const sendToGroup = send('WebPubSub_SendToGroup', 'Send a message to a group.', 'group/send/action', [
  'excluded',
  'filter',
  'messageTtlSeconds',
]);
const sendToUser = send('WebPubSub_SendToUser', 'Send a message to all connections of a user.', 'user/send/action', [
  'filter',
  'messageTtlSeconds',
]);
/** A filter here is ignored; one SDK's suite sends it. [rest-api 2.2] */
const sendToConnection = send(
  'WebPubSub_SendToConnection',
  'Send a message to one connection.',
  'clientConnection/send/action',
  ['messageTtlSeconds'],
);

function send(id: string, summary: string, action: DataAction, query: readonly QueryName[]) {
  return operation({ id, summary, actions: [action], query, body: message, success: { status: 202 }, failures: [415] });
}

function optionsOf(request: FastifyRequest): Required<Omit<SendOptions, 'keptMs' | 'isPassedOn'>> {
  const excluded = queryValues(request, 'excluded');
  const onDelivered = onDeliveredOf(request);
  return { excluded, filter: queryFilter(request), ttlSeconds: ttlOf(request), onDelivered };
}

function ttlOf(request: FastifyRequest): number {
  return queryInteger(request, 'messageTtlSeconds') ?? 0;
}

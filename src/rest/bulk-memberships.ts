import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isParameter } from '../listener/parameter-names.js';
import { isGroupName, maxGroupNameLength } from '../protocols/names.js';
import { invalidParameter } from './failures.js';
import type { HubDirectory } from './hub-directory.js';
import { operation, type Path } from './operation.js';
import { invalidGroupName } from './parameters.js';
import { saidBy } from './partial.js';
import { jsonOf } from './payload.js';
import { assertFilter } from './query-check.js';

const groupsAndFilter = Type.Object({
  groups: Type.Array(Type.String({ minLength: 1, maxLength: maxGroupNameLength }), { minItems: 1 }),
  filter: Type.Optional(
    Type.Union([Type.String(), Type.Null()], {
      description:
        'OData filter that selects the connections. Default, also when null or empty: all connections of the hub.',
    }),
  ),
});

interface Selection {
  readonly groups: Static<typeof groupsAndFilter>['groups'];
  readonly filter: string | undefined;
}

/** All that match at the time of the call join or leave; nothing changes when any part of the body is wrong. [rest-api 2.8] */
export function addBulkMemberships(app: FastifyInstance, hubs: HubDirectory): void {
  app.post<Path<'hub'>>('/:hub/::addToGroups', addToGroups, async (request, reply) => {
    const { groups, filter } = selectionOf(request);
    await hubs.get(request.params.hub).addConnectionsToGroups(groups, filter, saidBy(reply));
    return reply.code(200).send();
  });
  app.post<Path<'hub'>>('/:hub/::removeFromGroups', removeFromGroups, async (request, reply) => {
    const { groups, filter } = selectionOf(request);
    await hubs.get(request.params.hub).removeConnectionsFromGroups(groups, filter, saidBy(reply));
    return reply.code(200).send();
  });
}

const addToGroups = change('WebPubSub_AddConnectionsToGroups', 'Add the connections that match a filter to groups.');
const removeFromGroups = change(
  'WebPubSub_RemoveConnectionsFromGroups',
  'Remove the connections that match a filter from groups.',
);

function change(id: string, summary: string) {
  const body = { 'application/json': groupsAndFilter };
  return operation({ id, summary, actions: ['group/write'], body, success: { status: 200 }, failures: [415] });
}

/** @throws RestFailure for another media type, and for groups or a filter that are invalid */
function selectionOf(request: FastifyRequest): Selection {
  const body = jsonOf(request);
  const [groups, filter] = [memberOf(body, 'groups'), memberOf(body, 'filter')];
  if (!isGroupNames(groups)) throw invalidParameter('Groups', invalidGroupName);
  if (filter === undefined || filter === null || filter === '') return { groups: unique(groups), filter: undefined };
  if (typeof filter !== 'string') throw invalidParameter('Filter', 'The filter must be a string.');
  assertFilter(filter, 'Filter');
  return { groups: unique(groups), filter };
}

/** Of repeated names the last counts, whatever their letter case. */
function memberOf(body: unknown, name: string): unknown {
  const members = typeof body === 'object' && body !== null ? Object.entries(body) : [];
  return members.findLast(([each]) => isParameter(each, name))?.[1];
}

function isGroupNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every(item => typeof item === 'string' && isGroupName(item));
}

function unique(groups: readonly string[]): string[] {
  return [...new Set(groups)];
}

import type { FastifyRequest } from 'fastify';
import { isGroupName, isHubName } from '../protocols/names.js';
import { badRequest, invalidParameter } from './failures.js';

/** What can be named in a path. */
export interface PathNames {
  readonly hub: string;
  readonly group: string;
  readonly userId: string;
  readonly connectionId: string;
}

/** [rest-api 2.0] */
export const apiVersions = ['2021-10-01', '2022-11-01', '2023-07-01', '2024-01-01', '2024-12-01'] as const;

const maxTtlSeconds = 300;
const groupNameRule = 'Invalid group name. Valid group name should be in between 1 and 1024 characters long.';

/**
 * An absent `api-version` means the latest; an operation is not bound to the version that introduced it. [rest-api 2.0, 2.9]
 * @throws RestFailure for an unknown version, or one that is given twice
 */
export async function checkApiVersion(request: FastifyRequest): Promise<void> {
  const given = queryValues(request, 'api-version');
  const isKnown = given.length === 0 || (given.length === 1 && apiVersions.some(version => version === given[0]));
  if (isKnown) return;
  throw badRequest(
    'api-version',
    `api-version "${given.join(', ')}" is not supported; use one of ${apiVersions.join(', ')}`,
  );
}

/** @throws RestFailure for a name in the path that breaks its rule [rest-api 2.0] */
export async function checkPathNames(request: FastifyRequest): Promise<void> {
  const { hub, group, userId, connectionId } = request.params as Partial<PathNames>;
  if (hub !== undefined && !isHubName(hub)) {
    throw badRequest('hub', 'Invalid hub name. It starts with a letter and holds up to 128 letters, digits or _`,.[]');
  }
  if (group !== undefined && !isGroupName(group)) throw badRequest('group', groupNameRule);
  if (userId?.trim() === '') throw badRequest('userId', 'Invalid user id. It must not be blank.');
  if (connectionId?.trim() === '') throw badRequest('connectionId', 'Invalid connection id. It must not be blank.');
}

/** @throws RestFailure for a `messageTtlSeconds` outside 0 to 300 [rest-api 2.7] */
export async function checkTtl(request: FastifyRequest): Promise<void> {
  queryInteger(request, 'messageTtlSeconds', 0, maxTtlSeconds);
}

/** An empty filter is none. Any other is refused: to deliver to everyone instead would be worse. [rest-api 2.0] */
export async function checkFilter(request: FastifyRequest): Promise<void> {
  if (queryValues(request, 'filter').some(filter => filter !== '')) {
    throw invalidParameter(
      'filter',
      'Filters are not offered by this service yet; nothing was sent. Leave the filter out.',
    );
  }
}

/** @throws RestFailure when one of the group names breaks the rule [rest-api 2.7] */
export function queryGroups(request: FastifyRequest): readonly string[] {
  const groups = queryValues(request, 'group');
  if (!groups.every(isGroupName)) throw invalidParameter('group', groupNameRule);
  return groups;
}

/** Repeated keys make the list; a comma separates nothing. [rest-api 2.0] */
export function queryValues(request: FastifyRequest, name: string): readonly string[] {
  const value = (request.query as Readonly<Record<string, string | string[] | undefined>>)[name];
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}

/** @throws RestFailure when the parameter is repeated */
export function queryValue(request: FastifyRequest, name: string): string | undefined {
  const values = queryValues(request, name);
  if (values.length > 1) throw invalidParameter(name, `${name} is given ${values.length} times; give it once.`);
  return values[0];
}

/** @throws RestFailure when it is not an integer from `min` to `max` */
export function queryInteger(request: FastifyRequest, name: string, min: number, max: number): number | undefined {
  const text = queryValue(request, name);
  if (text === undefined) return undefined;
  const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw invalidParameter(
    name,
    `The value '${text}' is not valid for ${name}; it must be an integer from ${min} to ${max}.`,
  );
}

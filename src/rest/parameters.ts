import { Type } from '@sinclair/typebox';
import type { FastifyRequest } from 'fastify';
import { defaultTokenMinutes, mostTokenMinutes } from '../auth/key-tokens.js';
import { isParameter } from '../listener/parameter-names.js';
import {
  groupNameRule,
  hubNamePattern,
  isGroupName,
  isHubName,
  isUserId,
  maxGroupNameLength,
  maxUserIdLength,
  userIdRule,
} from '../protocols/names.js';
import { badRequest, invalidParameter } from './failures.js';

/** What can be named in a path. */
export interface PathNames {
  readonly hub: string;
  readonly group: string;
  readonly userId: string;
  readonly connectionId: string;
  readonly permission: string;
}

/** [rest-api 2.0] */
export const apiVersions = ['2021-10-01', '2022-11-01', '2023-07-01', '2024-01-01', '2024-12-01'] as const;
export const latestApiVersion = '2024-12-01' satisfies (typeof apiVersions)[number];

const maxInt32 = 2_147_483_647;
export const defaultPageSize = 200;

/** The vendor's two sentences, then ours. [rest-api 3.2] */
export const invalidGroupName = `Invalid group name. Valid group name should be in between 1 and 1024 characters long. It has ${groupNameRule}.`;

const invalidUserId = `Invalid user id. It has ${userIdRule}.`;

const groupName = { minLength: 1, maxLength: maxGroupNameLength } as const;

/** [rest-api 2.0] */
export const pathParameters = {
  hub: Type.String({
    pattern: hubNamePattern,
    description: 'Name of the hub, case-insensitive.',
  }),
  group: Type.String({ ...groupName, description: 'Name of the group, case-sensitive.' }),
  userId: Type.String({ minLength: 1, maxLength: maxUserIdLength, description: 'Id of the user, case-sensitive.' }),
  connectionId: Type.String({ minLength: 1, description: 'The connection.' }),
  permission: Type.Unsafe<string>({
    type: 'string',
    enum: ['sendToGroup', 'joinLeaveGroup'],
    description: 'The permission, case-insensitive.',
  }),
} as const;

/** Query parameters besides `api-version`; the ranges here are the ones that are checked. [rest-api 2.7] */
export const queryParameters = {
  excluded: Type.Array(Type.String(), {
    description: 'Ids of connections to exclude. Repeat the parameter for several; commas do not separate values.',
  }),
  filter: Type.String({
    description: 'OData filter that selects the connections. An empty filter is the same as none.',
  }),
  messageTtlSeconds: Type.Integer({
    minimum: 0,
    maximum: 300,
    default: 0,
    description: 'Seconds for which the message is kept for a disconnected or slow client; 0: no limit.',
  }),
  reason: Type.String({ description: 'Reason that is sent to the clients.' }),
  targetName: Type.String({
    ...groupName,
    description: 'Name of the group that the permission is for; not a pattern.',
  }),
  maxpagesize: Type.Integer({
    minimum: 1,
    maximum: 200,
    default: defaultPageSize,
    description: 'Maximum number of connections in one page.',
  }),
  top: Type.Integer({
    minimum: 1,
    maximum: maxInt32,
    description: 'Maximum number of connections in all pages together.',
  }),
  continuationToken: Type.String({
    minLength: 1,
    description: 'Continuation token of the previous page, or its whole nextLink.',
  }),
  userId: Type.String({
    maxLength: maxUserIdLength,
    description: 'User id in the token. An empty value is the same as none.',
  }),
  role: Type.Array(Type.String(), { description: 'Roles in the token. Repeat the parameter for several.' }),
  group: Type.Array(Type.String(groupName), {
    description: 'Groups that the client joins when it connects. Repeat the parameter for several.',
  }),
  minutesToExpire: Type.Integer({
    minimum: 1,
    maximum: mostTokenMinutes,
    default: defaultTokenMinutes,
    description: 'Lifetime of the token in minutes.',
  }),
  clientType: Type.Unsafe<string>({
    type: 'string',
    enum: ['Default', 'MQTT', 'SocketIO'],
    default: 'Default',
    description: 'Type of the client, case-insensitive.',
  }),
} as const;

export type QueryName = keyof typeof queryParameters;
type IntegerName = 'messageTtlSeconds' | 'maxpagesize' | 'top' | 'minutesToExpire';

/** Repeated names make the list; a comma separates nothing, and letter case does not count in a name. [rest-api 2.0] */
export function queryValues(request: FastifyRequest, name: QueryName | 'api-version'): readonly string[] {
  const values: string[] = [];
  for (const [each, value] of Object.entries(request.query as Readonly<Record<string, string | string[]>>)) {
    if (isParameter(each, name)) values.push(...[value].flat());
  }
  return values;
}

/** @throws RestFailure when the parameter is repeated */
export function queryValue(request: FastifyRequest, name: QueryName): string | undefined {
  const values = queryValues(request, name);
  if (values.length > 1) throw invalidParameter(name, `${name} is given ${values.length} times; give it once.`);
  return values[0];
}

/** @throws RestFailure when it is repeated, or not an integer of its range */
export function queryInteger(request: FastifyRequest, name: IntegerName): number | undefined {
  const text = queryValue(request, name);
  if (text === undefined) return undefined;
  const { minimum = 0, maximum = maxInt32 } = queryParameters[name];
  const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= minimum && value <= maximum) return value;
  const rule = `must be an integer from ${minimum} to ${maximum}.`;
  throw invalidParameter(name, `The value '${text}' is not valid for ${name}; it ${rule}`, `${name} ${rule}`);
}

/** Undefined for an empty filter, which is none. [rest-api 2.0] @throws RestFailure when it is repeated */
export function queryFilter(request: FastifyRequest): string | undefined {
  return queryValue(request, 'filter') || undefined;
}

/** Undefined for an empty one, which is none. @throws RestFailure when it is repeated, or breaks the rule [rest-api 2.7] */
export function queryUserId(request: FastifyRequest): string | undefined {
  const userId = queryValue(request, 'userId') || undefined;
  if (userId !== undefined && !isUserId(userId)) throw invalidParameter('userId', invalidUserId);
  return userId;
}

/** @throws RestFailure when one of the group names breaks the rule [rest-api 2.7] */
export function queryGroups(request: FastifyRequest): readonly string[] {
  const groups = queryValues(request, 'group');
  if (!groups.every(isGroupName)) throw invalidParameter('group', invalidGroupName);
  return groups;
}

/**
 * An absent `api-version` means the latest; an operation is not bound to the version that introduced it. [rest-api 2.0, 2.9]
 * @throws RestFailure for an unknown version, or one that is given twice
 */
export function checkApiVersion(request: FastifyRequest): void {
  const given = queryValues(request, 'api-version');
  const isKnown = given.length === 0 || (given.length === 1 && apiVersions.some(version => version === given[0]));
  if (isKnown) return;
  const rule = `is not supported; use one of ${apiVersions.join(', ')}`;
  throw badRequest('api-version', `api-version "${given.join(', ')}" ${rule}`, `This api-version ${rule}`);
}

/** @throws RestFailure for a name in the path that breaks its rule [rest-api 2.0] */
export function checkPathNames(request: FastifyRequest): void {
  const { hub, group, userId, connectionId } = request.params as Partial<PathNames>;
  if (hub !== undefined && !isHubName(hub)) {
    throw badRequest(
      'hub',
      'Invalid hub name. It must start with a letter and contain up to 128 letters, digits or _`,.[]',
    );
  }
  if (group !== undefined && !isGroupName(group)) throw badRequest('group', invalidGroupName);
  if (userId !== undefined && !isUserId(userId)) throw badRequest('userId', invalidUserId);
  if (connectionId?.trim() === '') throw badRequest('connectionId', 'Invalid connection id. It must not be blank.');
}

import { PubSubError } from '../errors.js';
import { callDataPlane, type DataPlaneArguments, type DataRequest, dataPlaneOf, reasonIn } from './data-plane.js';
import { type OutputArguments, printOutcome } from './output/output.js';
import type { Environment } from './settings.js';

/** Which of them are there depends on the verb. */
export interface ServiceArguments extends DataPlaneArguments, OutputArguments {
  readonly hubName: string;
  readonly connectionId?: string;
  readonly groupName?: string;
  readonly userId?: string;
  readonly permission?: string;
  readonly payload?: string;
}

interface Action {
  request(args: Required<ServiceArguments>): DataRequest;
  /** What was done, for people; undefined: whether it is there is printed. */
  done?(args: Required<ServiceArguments>): string;
}

/** `service …` by its words. [management 2.1] [rest-api 2] */
const actions: Readonly<Record<string, Action>> = {
  broadcast: {
    request: ({ payload }) => sending('', payload),
    done: ({ hubName }) => `sent to all clients of hub ${hubName}`,
  },
  'connection exist': { request: args => ({ method: 'HEAD', path: connection(args) }) },
  'connection close': {
    request: args => ({ method: 'DELETE', path: connection(args) }),
    done: ({ connectionId }) => `connection ${connectionId} is closed, if it was open`,
  },
  'connection send': {
    request: args => sending(connection(args), args.payload),
    done: ({ connectionId }) => `sent to connection ${connectionId}`,
  },
  'group add-connection': {
    request: args => ({ method: 'PUT', path: group(args) + connection(args) }),
    done: ({ connectionId, groupName }) => `connection ${connectionId} is in group ${groupName}`,
  },
  'group remove-connection': {
    request: args => ({ method: 'DELETE', path: group(args) + connection(args) }),
    done: ({ connectionId, groupName }) => `connection ${connectionId} is not in group ${groupName}`,
  },
  'group add-user': {
    request: args => ({ method: 'PUT', path: user(args) + group(args) }),
    done: ({ userId, groupName }) => `the connections of user ${userId} are in group ${groupName}`,
  },
  'group remove-user': {
    request: args => ({
      method: 'DELETE',
      path: user(args) + (args.groupName === undefined ? '/groups' : group(args)),
    }),
    done: ({ userId, groupName }) =>
      `user ${userId} is not in ${groupName === undefined ? 'any group' : `group ${groupName}`}`,
  },
  'group send': {
    request: args => sending(group(args), args.payload),
    done: ({ groupName }) => `sent to group ${groupName}`,
  },
  'user exist': { request: args => ({ method: 'HEAD', path: user(args) }) },
  'user send': { request: args => sending(user(args), args.payload), done: ({ userId }) => `sent to user ${userId}` },
  'permission grant': {
    request: args => permission('PUT', args),
    done: args => `connection ${args.connectionId} has ${rightOf(args)}`,
  },
  'permission revoke': {
    request: args => permission('DELETE', args),
    done: args => `connection ${args.connectionId} does not have ${rightOf(args)}`,
  },
  'permission check': { request: args => permission('HEAD', args) },
};

/**
 * Performs one verb of `service`.
 * @throws PubSubError `notFound` when what it is about is not there, `invalid` when the service refuses
 */
export async function service(verb: string, args: ServiceArguments, env: Environment): Promise<void> {
  const action = actions[verb];
  if (action === undefined) throw new Error(`no such verb: ${verb}`);
  const given = args as Required<ServiceArguments>; // what the verb needs, it requires
  const { path, ...rest } = action.request(given);
  const wanted = { ...rest, path: `/api/hubs/${encodeURIComponent(args.hubName)}${path}` };
  const response = await callDataPlane(dataPlaneOf(args, env), wanted, args.debug === true);
  if (action.done === undefined) {
    const existence = response.status !== 404;
    return printOutcome({ result: { existence }, lines: [existence ? 'yes' : 'no'] }, args);
  }
  if (response.status === 404) throw new PubSubError('notFound', (await reasonIn(response)).replace(/^: /, ''));
  return printOutcome({ result: undefined, lines: [], sentence: action.done(given) }, args);
}

function sending(target: string, payload: string): DataRequest {
  return { method: 'POST', path: `${target}/:send`, body: payload };
}

function connection({ connectionId }: ServiceArguments): string {
  return `/connections/${encodeURIComponent(connectionId ?? '')}`;
}

function group({ groupName }: ServiceArguments): string {
  return `/groups/${encodeURIComponent(groupName ?? '')}`;
}

function user({ userId }: ServiceArguments): string {
  return `/users/${encodeURIComponent(userId ?? '')}`;
}

function permission(method: string, args: Required<ServiceArguments>): DataRequest {
  const path = `/permissions/${encodeURIComponent(args.permission)}${connection(args)}`;
  return { method, path, query: { targetName: args.groupName } };
}

function rightOf(args: ServiceArguments): string {
  return `${args.permission} for group ${args.groupName}`;
}

import { Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ContinuationTokens } from '../auth/continuation-tokens.js';
import type { Endpoints } from '../auth/endpoints.js';
import type { Member } from '../hub/commands.js';
import { canonicalHubName } from '../protocols/names.js';
import { invalidParameter } from './failures.js';
import type { HubDirectory } from './hub-directory.js';
import { operation, type Path } from './operation.js';
import { defaultPageSize, latestApiVersion, queryInteger, queryValue } from './parameters.js';
import { saidBy } from './partial.js';

const connectionsInGroup = Type.Object({
  value: Type.Array(Type.Object({ connectionId: Type.String(), userId: Type.Union([Type.String(), Type.Null()]) })),
  nextLink: Type.Optional(Type.String({ format: 'uri' })),
});

/** What one call requests. */
interface PageRequest {
  readonly pageSize: number;
  /** How many more, over this page and those after it; undefined: all there are. */
  readonly top: number | undefined;
  /** The last connection id of the page before. */
  readonly after: string | undefined;
}

/** A page continues after an id, not at a position: connections that leave or join in between do not move others. [rest-api 2.6] */
export function addListing(
  app: FastifyInstance,
  hubs: HubDirectory,
  endpoints: Endpoints,
  tokens: ContinuationTokens,
): void {
  app.get<Path<'group'>>('/:hub/groups/:group/connections', list, async (request, reply) => {
    const { hub, group } = request.params;
    const { pageSize, top, after } = pageRequestOf(request, tokens);
    const size = Math.min(pageSize, top ?? pageSize);
    const members = await hubs.get(hub).listGroup(group, { after, limit: size + 1, onPartial: saidBy(reply) }); // one more: there is a next page if it is there
    const page = members.slice(0, size);
    const value = page.map(({ connectionId, userId = null }) => ({ connectionId, userId }));
    const left = top === undefined ? undefined : top - size;
    const nextLink =
      members.length > size && left !== 0 ? nextLinkOf(request, endpoints, tokens, left, page) : undefined;
    return reply.type('application/json; charset=utf-8').send(JSON.stringify({ value, nextLink }));
  });
}

const list = operation({
  id: 'WebPubSub_ListConnectionsInGroup',
  summary: 'List the connections of a group, page by page.',
  actions: ['group/read'],
  query: ['maxpagesize', 'top', 'continuationToken'],
  success: { status: 200, body: connectionsInGroup },
});

/** @throws RestFailure for a parameter out of range */
function pageRequestOf(request: FastifyRequest, tokens: ContinuationTokens): PageRequest {
  return {
    pageSize: queryInteger(request, 'maxpagesize') ?? defaultPageSize,
    top: queryInteger(request, 'top'),
    after: cursorOf(request, tokens),
  };
}

/** Some callers pass a whole `nextLink` instead of the token in it. [rest-api 2.6] */
function cursorOf(request: FastifyRequest, tokens: ContinuationTokens): string | undefined {
  const given = queryValue(request, 'continuationToken');
  if (given === undefined) return undefined;
  const isLink = /^https?:\/\//i.test(given) && URL.canParse(given);
  const token = isLink ? new URL(given).searchParams.get('continuationToken') : given;
  if (!token)
    throw invalidParameter('continuationToken', 'The continuationToken is empty; leave it out for the first page.');
  const { hub, group } = request.params as Path<'group'>['Params'];
  const cursor = tokens.read(token, canonicalHubName(hub), group);
  if (cursor !== undefined) return cursor;
  throw invalidParameter(
    'continuationToken',
    'The continuationToken was not issued by this service for this group of this hub; copy it unchanged from a nextLink.',
  );
}

/** Absolute, and complete: SDKs add nothing to it. `left`: how many more of `top` there are. [rest-api 2.6] */
function nextLinkOf(
  request: FastifyRequest,
  endpoints: Endpoints,
  tokens: ContinuationTokens,
  left: number | undefined,
  page: readonly Member[],
): string {
  const { hub, group } = request.params as Path<'group'>['Params'];
  const path = `/api/hubs/${encodeURIComponent(hub)}/groups/${encodeURIComponent(group)}/connections`;
  const query = new URLSearchParams();
  if (left !== undefined) query.set('top', String(left));
  const pageSize = queryValue(request, 'maxpagesize');
  if (pageSize !== undefined) query.set('maxpagesize', pageSize);
  query.set('continuationToken', tokens.issue(canonicalHubName(hub), group, page.at(-1)!.connectionId));
  query.set('api-version', latestApiVersion);
  return `${publicBase(request, endpoints)}${path}?${query}`;
}

/** Where no endpoint is configured, the caller's own way here is the public one: its token names the same host. [rest-api 1.3] */
function publicBase(request: FastifyRequest, endpoints: Endpoints): string {
  const own = `${request.protocol}://${request.host}`;
  return endpoints.isConfigured || !URL.canParse(own) ? endpoints.primary : own;
}

import { Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Endpoints } from '../auth/endpoints.js';
import type { Member } from '../hub/ports.js';
import { invalidParameter } from './failures.js';
import type { HubDirectory } from './hub-directory.js';
import { operation, type Path } from './operation.js';
import { defaultPageSize, latestApiVersion, queryInteger, queryValue } from './parameters.js';

const connectionsInGroup = Type.Object({
  value: Type.Array(Type.Object({ connectionId: Type.String(), userId: Type.Union([Type.String(), Type.Null()]) })),
  nextLink: Type.Optional(Type.String({ format: 'uri' })),
});

/** What one call asks for. */
interface PageRequest {
  readonly pageSize: number;
  /** How many more, over this page and those after it; undefined: all there are. */
  readonly top: number | undefined;
  /** The last connection id of the page before. */
  readonly after: string | undefined;
}

/** A page goes on after an id, not at a position: who leaves or comes in between moves nobody else. [rest-api 2.6] */
export function addListing(app: FastifyInstance, hubs: HubDirectory, endpoints: Endpoints): void {
  app.get<Path<'group'>>('/:hub/groups/:group/connections', list, async (request, reply) => {
    const asked = pageRequestOf(request);
    const { hub, group } = request.params;
    const members = await hubs.get(hub).listGroup(group);
    const rest = members.filter(({ connectionId }) => asked.after === undefined || connectionId > asked.after);
    const page = rest.slice(0, Math.min(asked.pageSize, asked.top ?? asked.pageSize));
    const value = page.map(({ connectionId, userId = null }) => ({ connectionId, userId }));
    const nextLink = page.length < rest.length ? nextLinkOf(request, endpoints, asked, page) : undefined;
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
function pageRequestOf(request: FastifyRequest): PageRequest {
  return {
    pageSize: queryInteger(request, 'maxpagesize') ?? defaultPageSize,
    top: queryInteger(request, 'top'),
    after: cursorOf(queryValue(request, 'continuationToken')),
  };
}

/** Some callers pass a whole `nextLink` instead of what it holds. [rest-api 2.6] */
function cursorOf(token: string | undefined): string | undefined {
  if (token === undefined) return undefined;
  const isLink = /^https?:\/\//i.test(token) && URL.canParse(token);
  const cursor = isLink ? new URL(token).searchParams.get('continuationToken') : token;
  if (cursor) return cursor;
  throw invalidParameter('continuationToken', 'The continuationToken is empty; leave it out for the first page.');
}

/** Undefined once `top` connections are told. Absolute, and complete: SDKs add nothing to it. [rest-api 2.6] */
function nextLinkOf(
  request: FastifyRequest,
  endpoints: Endpoints,
  { top }: PageRequest,
  page: readonly Member[],
): string | undefined {
  if (top !== undefined && top <= page.length) return undefined;
  const { hub, group } = request.params as Path<'group'>['Params'];
  const path = `/api/hubs/${encodeURIComponent(hub)}/groups/${encodeURIComponent(group)}/connections`;
  const query = new URLSearchParams();
  if (top !== undefined) query.set('top', String(top - page.length));
  const pageSize = queryValue(request, 'maxpagesize');
  if (pageSize !== undefined) query.set('maxpagesize', pageSize);
  query.set('continuationToken', page.at(-1)?.connectionId ?? '');
  query.set('api-version', latestApiVersion);
  return `${publicBase(request, endpoints)}${path}?${query}`;
}

/** Where no endpoint is configured, the caller's own way here is the public one: its token names the same host. [rest-api 1.3] */
function publicBase(request: FastifyRequest, endpoints: Endpoints): string {
  const own = `${request.protocol}://${request.host}`;
  return endpoints.isConfigured || !URL.canParse(own) ? endpoints.primary : own;
}

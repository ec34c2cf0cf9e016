import type { TSchema } from '@sinclair/typebox';
import type { FastifyRequest, onRequestHookHandler, RouteShorthandOptions } from 'fastify';
import type { DataAction } from './data-actions.js';
import type { PathNames, QueryName } from './parameters.js';
import { queryCheck } from './query-check.js';

/** Description of a route, used to check parameters, to authorise callers, and to make the OpenAPI document. */
export interface Operation {
  /** The vendor's `operationId`. [rest-api 2] */
  readonly id: string;
  readonly summary: string;
  /** What an Entra ID caller must be allowed to do, all of it; none for the one operation without authentication. [rest-api 1.4] */
  readonly actions: readonly DataAction[];
  /** Query parameters besides `api-version`; others are ignored. */
  readonly query?: readonly QueryName[];
  /** Of those, the ones that must be given. */
  readonly required?: readonly QueryName[];
  /** Media type → schema of the body. */
  readonly body?: Readonly<Record<string, TSchema>>;
  readonly success: { readonly status: 200 | 202 | 204; readonly body?: TSchema };
  /** Statuses that only some operations answer. */
  readonly failures?: readonly (404 | 409 | 415)[];
}

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly operation?: Operation;
  }
  interface FastifyRequest {
    /** After the checks that all operations have in common. */
    operation: Operation | undefined;
  }
}

/** Names in the path of a route. */
export type Path<Names extends keyof PathNames> = { Params: Pick<PathNames, Names | 'hub'> };

/** Route options that make the route the operation; its query is checked after what concerns every operation. */
export function operation(described: Operation): RouteShorthandOptions {
  return { config: { operation: described }, onRequest: noting(described, queryCheck(described.query ?? [])) };
}

/** Stored on the request. Hot path: Fastify's own lookup makes an object for each call. */
function noting(described: Operation, check: onRequestHookHandler): onRequestHookHandler {
  return function note(request, reply, done) {
    request.operation = described;
    check.call(this, request, reply, done);
  };
}

/** Undefined where nothing is at the path. */
export function operationOf(request: FastifyRequest): Operation | undefined {
  return request.operation ?? request.routeOptions.config?.operation;
}

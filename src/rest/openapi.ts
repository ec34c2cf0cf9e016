import { type TSchema, Type } from '@sinclair/typebox';
import type { FastifyInstance, RouteOptions } from 'fastify';
import type { Endpoints } from '../auth/endpoints.js';
import type { Operation } from './operation.js';
import { apiVersions, latestApiVersion, pathParameters, type QueryName, queryParameters } from './parameters.js';

interface Described {
  readonly method: string;
  /** As OpenAPI writes it: `/api/hubs/{hub}/:send`. */
  readonly path: string;
  readonly operation: Operation;
}

const domainError = Type.Object(
  {
    code: Type.String(),
    message: Type.String(),
    target: Type.String(),
    details: Type.Null(),
    inner: Type.Null(),
  },
  { description: 'The error. `code` is for programs, `message` for people.' },
);

const validationError = Type.Object(
  {
    code: Type.String(),
    message: Type.String(),
    target: Type.String(),
    errors: Type.Record(Type.String(), Type.Array(Type.String())),
    title: Type.String(),
    status: Type.Integer(),
  },
  { description: 'The error of one parameter.' },
);

const failures: Readonly<Record<number, string>> = {
  400: 'A parameter or the body is invalid.',
  401: 'The token is missing, or invalid for this request.',
  403: 'The Entra ID token does not allow this operation.',
  404: 'The connection, group or user does not exist.',
  409: 'The connection has too many permissions for single groups.',
  415: 'The media type is not supported.',
};

/**
 * Serves the OpenAPI document of the operations that are registered after this call. Needs no token: it contains nothing that
 * is not public. [rest-api 2]
 */
export function addOpenApi(app: FastifyInstance, endpoints: Endpoints): void {
  const described: Described[] = [];
  app.addHook('onRoute', route => void described.push(...describe(route)));
  app.get('/openapi.json', async (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(JSON.stringify(documentOf(described, endpoints.primary))),
  );
}

function describe({ method, url, config }: RouteOptions): Described[] {
  const operation = config?.operation;
  if (operation === undefined) return [];
  const path = url.replaceAll(/(?<!:):(\w+)/g, '{$1}').replaceAll('::', ':'); // a literal colon is written twice
  return [method].flat().map(each => ({ method: each.toLowerCase(), path, operation }));
}

function documentOf(described: readonly Described[], server: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const one of described) {
    paths[one.path] = { ...paths[one.path], [one.method]: operationObject(one) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Hubwire data plane', version: latestApiVersion },
    servers: [{ url: server }],
    security: [{ bearer: [] }],
    paths,
    components: {
      schemas: { Error: domainError, ValidationError: validationError },
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
    },
  };
}

function operationObject({ method, path, operation }: Described): object {
  const { id, summary, actions, body, success } = operation;
  return {
    operationId: id,
    summary,
    ...(actions.length === 0 && { security: [] }),
    parameters: [...pathObjects(path), ...queryObjects(operation), apiVersion],
    ...(body && { requestBody: { content: contentOf(body) } }),
    responses: {
      [success.status]: {
        description: 'Success.',
        ...(success.body && { content: contentOf({ 'application/json': success.body }) }),
      },
      ...Object.fromEntries(failuresOf(operation).map(status => [status, failureObject(status, method === 'head')])),
    },
  };
}

const apiVersion = {
  name: 'api-version',
  in: 'query',
  description: `The version of the API. Default: ${latestApiVersion}.`,
  schema: { type: 'string', enum: apiVersions },
};

function pathObjects(path: string): object[] {
  return Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => {
    const schema = pathParameters[name as keyof typeof pathParameters];
    return { name, in: 'path', required: true, schema };
  });
}

function queryObjects({ query = [], required = [] }: Operation): object[] {
  return query.map((name: QueryName) => {
    const schema: TSchema = queryParameters[name];
    return { name, in: 'query', required: required.includes(name), schema };
  });
}

function contentOf(body: Readonly<Record<string, TSchema>>): object {
  return Object.fromEntries(Object.entries(body).map(([mediaType, schema]) => [mediaType, { schema }]));
}

/** All operations that need a token can be refused because of it. */
function failuresOf({ actions, failures: own = [] }: Operation): readonly number[] {
  return actions.length === 0 ? [] : [400, 401, 403, ...own];
}

function failureObject(status: number, isHead: boolean): object {
  const reference = (name: string) => ({ schema: { $ref: `#/components/schemas/${name}` } });
  const content = {
    'application/json': reference('Error'),
    ...(status === 400 && { 'application/problem+json': reference('ValidationError') }),
  };
  return { description: failures[status], ...(!isHead && { content }) };
}

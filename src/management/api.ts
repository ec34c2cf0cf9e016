import type { FastifyBaseLogger, FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify';
import { takeBodies } from '../listener/bodies.js';
import { withoutMark } from '../protocols/text.js';
import { apiVersionOf, apiVersions, checkApiVersion } from './api-version.js';
import { ApiFailure, answerApiFailure } from './failures.js';
import type { Call, Method, Operation } from './operation.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the audit log calls the operation. */
    action?: string;
  }
}

/** Who may call. */
export interface ApiAccess {
  /** Adds hooks that refuse other callers with a PubSubError, and that log each action. */
  protect(app: FastifyInstance): void;
  /** Of the caller's login. */
  tenantOf(request: FastifyRequest): string | undefined;
}

export interface ManagementApiOptions {
  readonly access: ApiAccess;
  readonly operations: readonly Operation[];
  readonly logger?: FastifyBaseLogger | undefined;
}

const maxBodyBytes = 1024 * 1024;
const methods: readonly Method[] = ['GET', 'PUT', 'PATCH', 'POST', 'DELETE'];
const uuid = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

/**
 * The management API, in the shape of the vendor's: a plugin of the admin listener, to be registered below
 * `managementPrefix`. A request is checked for its caller, the path, the method, the api-version, the subscription id and
 * the body, in this order. [management 1]
 */
export function managementApi({ access, operations, logger }: ManagementApiOptions): FastifyPluginAsync {
  return async app => {
    access.protect(app);
    takeBodies(app, maxBodyBytes);
    app.setErrorHandler((error, request, reply) => answerApiFailure(error, request, reply, logger));
    app.setNotFoundHandler(() => {
      throw new ApiFailure(404, 'ResourceNotFound', 'There is no operation of the management API with this path.');
    });
    for (const operation of operations) addOperation(app, operation, access);
    for (const path of new Set(operations.map(operation => operation.path))) {
      const known = operations.filter(operation => operation.path === path);
      refuseOtherMethods(app, path, known);
    }
  };
}

function addOperation(app: FastifyInstance, operation: Operation, access: ApiAccess): void {
  const { method, path, name } = operation;
  app.route({
    method,
    url: path,
    config: { action: name },
    handler: async (request, reply) => {
      const { status, body } = await operation.run(callOf(request, operation, access.tenantOf(request)));
      return reply.code(status).send(status === 201 ? asDone(body) : body);
    },
  });
}

/** The vendor's library for Python polls after a 201 that does not say that nothing is left to do. [management 1.4] */
function asDone(resource: { readonly properties?: object } = {}): object {
  return { ...resource, properties: { ...resource.properties, provisioningState: 'Succeeded' } };
}

/** @throws ApiFailure 400 */
function callOf(request: FastifyRequest, { hasOtherVersions = false }: Operation, tenantId: string | undefined): Call {
  const query = request.query as Readonly<Record<string, unknown>>;
  const params = request.params as Readonly<Record<string, string>>;
  if (hasOtherVersions) checkApiVersion(query);
  const apiVersion = hasOtherVersions ? apiVersions[0] : apiVersionOf(query);
  const { sub } = params;
  if (sub !== undefined && !uuid.test(sub)) {
    const message = 'The subscription id must be a UUID; any one will do: 00000000-0000-0000-0000-000000000000.';
    throw new ApiFailure(400, 'InvalidSubscriptionId', message);
  }
  return { params, apiVersion, body: parsed(request.body), tenantId };
}

function refuseOtherMethods(app: FastifyInstance, url: string, operations: readonly Operation[]): void {
  const known = operations.map(({ method }) => method);
  const others = methods.filter(method => !known.includes(method));
  const allowed = known.join(', ');
  app.route({
    method: [...others, 'OPTIONS'],
    url,
    handler: (request, reply) => {
      reply.header('allow', allowed);
      throw new ApiFailure(405, 'MethodNotAllowed', `${request.method} is not allowed here, only ${allowed}.`);
    },
  });
}

/** @throws ApiFailure 400 */
function parsed(body: unknown): unknown {
  if (!Buffer.isBuffer(body) || body.length === 0) return undefined;
  try {
    return JSON.parse(withoutMark(body).toString('utf8'));
  } catch {
    throw ApiFailure.ofContent([{ message: 'The body is not JSON.' }]); // the parser's message quotes it
  }
}

import type { Socket } from 'node:net';
import type {
  FastifyBaseLogger,
  FastifyError,
  FastifyInstance,
  FastifyPluginAsync,
  FastifyReply,
  FastifyRequest,
} from 'fastify';
import type { ContinuationTokens } from '../auth/continuation-tokens.js';
import type { Endpoints } from '../auth/endpoints.js';
import type { KeyTokens } from '../auth/key-tokens.js';
import type { PubSubError } from '../errors.js';
import { answersAtTurnEnd } from '../listener/answers.js';
import { takeBodies } from '../listener/bodies.js';
import { answerNotFound, failureOf, isFastifyError, logFailure } from '../listener/failure.js';
import { syncHook } from '../listener/hooks.js';
import { authentication, type CallerChecks } from './authentication.js';
import { addDataPlane } from './data-plane.js';
import { badRequest, RestFailure, sendFailure, wholeRequest } from './failures.js';
import type { HubDirectory } from './hub-directory.js';
import { addOpenApi } from './openapi.js';
import { operation } from './operation.js';
import { apiVersions, checkApiVersion, checkPathNames } from './parameters.js';
import { maxBodyBytes } from './payload.js';

export interface RestOptions extends CallerChecks {
  readonly hubs: HubDirectory;
  readonly tokens: Pick<KeyTokens, 'verify' | 'sign'>;
  readonly continuationTokens: ContinuationTokens;
  readonly endpoints: Endpoints;
  readonly logger?: FastifyBaseLogger | undefined;
  /** A request for health was answered on the socket. */
  readonly onHealthAnswered?: ((socket: Socket) => void) | undefined;
}

/** Prefix with which the API is registered. */
export const restPrefix = '/api';

/**
 * The REST API, health included, as a plugin of the public server. Errors, and paths below the prefix that no route has,
 * are answered in the vendor's format, and only those. [rest-api 2, design 1]
 */
export function restApi(options: RestOptions): FastifyPluginAsync {
  return async api => {
    api.decorateRequest('operation', undefined);
    api.setErrorHandler((error, request, reply) => answerError(error, request, reply, options.logger));
    api.setNotFoundHandler(answerNotFound);
    addCommonHooks(api, options.logger);
    addOpenApi(api, options.endpoints);
    addHealth(api, options);
    api.register(async hubs => addHubs(hubs, options), { prefix: '/hubs' });
  };
}

function addCommonHooks(api: FastifyInstance, logger: FastifyBaseLogger | undefined): void {
  const supported = apiVersions.join(', ');
  api.addHook(
    'onRequest',
    syncHook((_request, reply) => void reply.header('api-supported-versions', supported)),
  );
  api.addHook(
    'onSend',
    answersAtTurnEnd(error => logger?.error({ err: error }, 'a REST answer could not be written')),
  );
}

const health = operation({
  id: 'HealthApi_GetServiceStatus',
  summary: 'Check whether the service responds.',
  actions: [],
  success: { status: 200 },
});

function addHealth(api: FastifyInstance, { onHealthAnswered }: RestOptions): void {
  const answerHealth = async ({ raw }: FastifyRequest, reply: FastifyReply) => {
    onHealthAnswered?.(raw.socket);
    return reply.code(200).header('content-length', '0').send();
  };
  api.head('/health', health, answerHealth);
  api.get('/health', answerHealth); // the vendor has HEAD only; probes of load balancers use GET
}

/**
 * Checks run before the body is read, in the order that rest-api 1.7 gives: a 401 must not disclose what exists. The
 * operation's own check of its query comes last.
 */
function addHubs(app: FastifyInstance, options: RestOptions): void {
  takeBodies(app, maxBodyBytes);
  app.addHook('onRequest', authentication(options));
  app.addHook('onRequest', syncHook(checkApiVersion));
  app.addHook('onRequest', syncHook(checkPathNames));
  app.setNotFoundHandler(answerNotFound);
  addDataPlane(app, options);
}

function answerError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  logger: FastifyBaseLogger | undefined,
): FastifyReply {
  const failure = aboutBody(error) ?? failureOf(error, request);
  logFailure(failure, request, logger, 'REST call failed');
  return sendFailure(reply, failure);
}

/** The text is the vendor's; the log has more details. [rest-api 2.8] */
const bodyTooLarge = new RestFailure(
  'tooLarge',
  'Error.BadRequest',
  wholeRequest,
  'Invalid Content-Length header.',
  'domain',
  `The body is larger than ${maxBodyBytes} bytes.`,
);

/** For what Fastify refuses of bodies: too large, or not as long as announced. */
function aboutBody(error: unknown): PubSubError | undefined {
  const code = isFastifyError(error) ? (error as FastifyError).code : undefined;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return bodyTooLarge;
  if (code === 'FST_ERR_CTP_INVALID_CONTENT_LENGTH') return badRequest(wholeRequest, 'Invalid Content-Length header.');
  return undefined;
}

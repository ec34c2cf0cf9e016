import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  type onRequestHookHandler,
} from 'fastify';
import type { ContinuationTokens } from '../auth/continuation-tokens.js';
import type { Endpoints } from '../auth/endpoints.js';
import type { KeyTokens } from '../auth/key-tokens.js';
import { type ErrorKind, PubSubError } from '../errors.js';
import { sendAbout } from '../listener/about.js';
import type { Certificate } from '../listener/certificate.js';
import { answerNotFound } from '../listener/failure.js';
import { defaultTimeouts, fastifySettings, type ListenerTimeouts, nodeTimeouts } from '../listener/http-settings.js';
import { lingering } from '../listener/lingering.js';
import { hostFault, requestTarget } from '../listener/request-target.js';
import { answersAtTurnEnd } from './answers.js';
import { authentication, type CallerChecks } from './authentication.js';
import { type CallReports, Calls } from './calls.js';
import { addDataPlane } from './data-plane.js';
import { badRequest, RestFailure, sendFailure, wholeRequest } from './failures.js';
import type { HubDirectory } from './hub-directory.js';
import { addOpenApi } from './openapi.js';
import { operation } from './operation.js';
import { apiVersions, checkApiVersion, checkPathNames } from './parameters.js';
import { maxBodyBytes } from './payload.js';

export interface RestServerOptions extends CallerChecks {
  readonly hubs: HubDirectory;
  readonly tokens: Pick<KeyTokens, 'verify' | 'sign'>;
  readonly continuationTokens: ContinuationTokens;
  readonly endpoints: Endpoints;
  readonly logger?: FastifyBaseLogger | undefined;
  /** Of this program; shown at `/`. */
  readonly version?: string | undefined;
  /** URL of its documentation; shown at `/`. */
  readonly documentation?: string | undefined;
  readonly timeouts?: ListenerTimeouts | undefined;
  /** Undefined: calls are not reported. */
  readonly reports?: CallReports | undefined;
  /**
   * Peers whose `X-Forwarded-Host` and `X-Forwarded-Proto` are trusted, for comparing a token's audience with the request's
   * host and for making URLs: all, or a comma-separated list of addresses and networks.
   */
  readonly trustProxy?: boolean | string | undefined;
  /** Undefined: plain HTTP. */
  readonly certificate?: Certificate | undefined;
  /** A request for health was answered on the socket. */
  readonly onHealthAnswered?: ((socket: Socket) => void) | undefined;
}

/**
 * For the request line and headers together. Socket.IO servers put one filter clause per room in the query, and SDKs sign
 * the whole URL, so that each of its bytes comes back as 4/3 in the token: 30 KiB of filter are 70 KiB of header. [rest-api 1.3, 2.11]
 */
const maxHeaderBytes = 128 * 1024;

/**
 * The public HTTP server: data plane, health, and an error for requests without an upgrade on client paths. The caller
 * listens, and handles `upgrade` on `server`. [rest-api 2, design 1]
 */
export function createRestServer(options: RestServerOptions): FastifyInstance {
  const calls = options.reports && new Calls(options.reports);
  const app = listenerFor(options, calls);
  readNoBodies(app);
  app.decorateRequest('operation', undefined);
  calls?.watch(app);
  app.addHook('onRequest', syncHook(checkFirst));
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply, options.logger));
  app.setNotFoundHandler(answerNotFound);
  addRoot(app, options);
  app.register(async api => addApi(api, options), { prefix: '/api' });
  addClientPaths(app);
  return app;
}

function listenerFor(options: RestServerOptions, calls: Calls | undefined): FastifyInstance {
  const { certificate, timeouts = defaultTimeouts } = options;
  const http = nodeOptions(timeouts);
  const settings = { ...commonSettings(options), ...calls?.settings(timeouts) };
  if (certificate === undefined) return fastify({ ...settings, http });
  const https = { ...certificate, ...http };
  // The type names the kind of server, which nothing here depends on.
  return fastify({ ...settings, https }) as unknown as FastifyInstance;
}

/** Of the public listener's server; also of one that serves the same sockets. */
export function nodeOptions(timeouts: ListenerTimeouts) {
  return { ...nodeTimeouts(timeouts), maxHeaderSize: maxHeaderBytes };
}

function commonSettings({ endpoints, trustProxy = false, timeouts = defaultTimeouts }: RestServerOptions) {
  return {
    ...fastifySettings(timeouts),
    // Hot path: Fastify would create a child logger and two listeners for each request. Its own log lines contain URLs,
    // which may contain access tokens, so requests are logged here.
    logger: false,
    trustProxy,
    bodyLimit: maxBodyBytes,
    exposeHeadRoutes: false, // HEAD is an operation of its own where there is one
    rewriteUrl: (request: IncomingMessage) => requestTarget(request, endpoints.basePaths),
    // A name is as long as the request line allows; the router's own limit would answer 414. Names keep their letter case.
    routerOptions: { maxParamLength: maxHeaderBytes, ignoreTrailingSlash: true, caseSensitive: false },
  };
}

/** A synchronous check as a Fastify hook. Hot path: an async hook costs a promise for each request. */
function syncHook(check: (request: FastifyRequest, reply: FastifyReply) => void): onRequestHookHandler {
  return (request, reply, done) => {
    check(request, reply);
    done();
  };
}

/** @throws RestFailure for none or several Host lines [RFC 9112 3.2, rest-api 2.0] */
function checkFirst(request: FastifyRequest, reply: FastifyReply): void {
  const fault = hostFault(request.raw);
  if (fault !== undefined) throw badRequest(wholeRequest, fault);
  if (request.protocol === 'https') reply.header('strict-transport-security', 'max-age=31536000; includeSubDomains');
}

function addApi(api: FastifyInstance, options: RestServerOptions): void {
  const supported = apiVersions.join(', ');
  api.addHook(
    'onRequest',
    syncHook((_request, reply) => void reply.header('api-supported-versions', supported)),
  );
  api.addHook(
    'onSend',
    answersAtTurnEnd(error => options.logger?.error({ err: error }, 'a REST answer could not be written')),
  );
  api.setNotFoundHandler(answerNotFound);
  addOpenApi(api, options.endpoints);
  const answerHealth = async ({ raw }: FastifyRequest, reply: FastifyReply) => {
    options.onHealthAnswered?.(raw.socket);
    return reply.code(200).header('content-length', '0').send();
  };
  api.head('/health', health, answerHealth);
  api.get('/health', answerHealth); // the vendor has HEAD only; probes of load balancers use GET
  api.register(async hubs => addHubs(hubs, options), { prefix: '/hubs' });
}

const health = operation({
  id: 'HealthApi_GetServiceStatus',
  summary: 'Check whether the service responds.',
  actions: [],
  success: { status: 200 },
});

/**
 * Checks run before the body is read, in the order that rest-api 1.7 gives: a 401 must not disclose what exists. The
 * operation's own check of its query comes last.
 */
function addHubs(app: FastifyInstance, options: RestServerOptions): void {
  readBodiesAsBytes(app);
  app.addHook('onRequest', authentication(options));
  app.addHook('onRequest', syncHook(checkApiVersion));
  app.addHook('onRequest', syncHook(checkPathNames));
  app.setNotFoundHandler(answerNotFound);
  addDataPlane(app, options);
}

const expectedUpgrade = 'Expected a WebSocket upgrade.';

/** WebSocket upgrades never get here. [client-protocols 1.4] */
function addClientPaths(app: FastifyInstance): void {
  for (const path of ['/client', '/client/hubs/*']) {
    app.all(path, async (_request, reply) => {
      reply.refusal = expectedUpgrade;
      return reply.code(400).type('text/plain').send(lingering(reply, expectedUpgrade));
    });
  }
}

function addRoot(app: FastifyInstance, { version = '', documentation }: RestServerOptions): void {
  const about = sendAbout({
    version,
    description: 'A hub service: clients connect at /client/hubs/{hub}, app servers call /api/hubs/{hub}.',
    links: {
      health: '/api/health',
      openapi: '/api/openapi.json',
      ...(documentation !== undefined && { documentation }),
    },
  });
  app.get('/', about);
  app.head('/', about);
}

/** Bodies are read only of authenticated requests; others remain in the socket. */
function readNoBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
}

/** The built-in parsers would re-read JSON and refuse unknown types; sends need the bytes. [rest-api 2.11] */
function readBodiesAsBytes(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  // The usual types are named only because Fastify remembers the parser of a named one.
  const types = ['application/json', 'text/plain', 'application/octet-stream', '*'];
  app.addContentTypeParser(types, { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
}

function answerError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  logger: FastifyBaseLogger | undefined,
): FastifyReply {
  const failure = isFastifyError(error) ? fromFastify(error) : PubSubError.from(error);
  if (failure.kind === 'internal') {
    logger?.error(
      { err: failure.cause ?? failure, method: request.method, route: request.routeOptions.url },
      'REST call failed',
    );
  }
  return sendFailure(reply, failure);
}

function isFastifyError(error: unknown): error is FastifyError {
  return error instanceof Error && 'statusCode' in error && !(error instanceof PubSubError);
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

/** What Fastify refuses by itself: bodies that are too large or not as long as announced, and malformed content types. */
function fromFastify(error: FastifyError): PubSubError {
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') return bodyTooLarge;
  if (error.code === 'FST_ERR_CTP_INVALID_CONTENT_LENGTH')
    return badRequest(wholeRequest, 'Invalid Content-Length header.');
  const kind: ErrorKind | undefined = kinds[error.statusCode ?? 500];
  return kind === undefined ? PubSubError.from(error) : new PubSubError(kind, error.message);
}

const kinds: Readonly<Record<number, ErrorKind>> = { 400: 'invalid', 413: 'tooLarge', 415: 'unsupportedMediaType' };

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
import { authentication, type CallerChecks } from './authentication.js';
import type { Certificate } from './certificate.js';
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
  /**
   * Whose `X-Forwarded-Host` and `X-Forwarded-Proto` are believed, where a token's audience is compared with the request's
   * host and where URLs are made: everybody's, or those of a comma list of addresses and networks.
   */
  readonly trustProxy?: boolean | string | undefined;
  /** Undefined: plain HTTP. */
  readonly certificate?: Certificate | undefined;
}

/**
 * For the request line and headers together. Socket.IO servers put one filter clause per room in the query, and SDKs sign
 * the whole URL, so that each of its bytes comes back as 4/3 in the token: 30 KiB of filter are 70 KiB of header. [rest-api 1.3, 2.11]
 */
const maxHeaderBytes = 128 * 1024;

/**
 * The public HTTP server: data plane, health, and a word for those who come to a client path without an upgrade. The
 * caller listens, and answers `upgrade` on `server`. [rest-api 2, design 1]
 */
export function createRestServer(options: RestServerOptions): FastifyInstance {
  const app = listenerFor(options);
  readBodiesAsBytes(app);
  app.addHook('onRequest', atOnce(requireTlsFromNowOn));
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply, options.logger));
  app.addHook('onListen', async () => options.logger?.info(`public listener at ${app.listeningOrigin}`));
  app.setNotFoundHandler(async (_request, reply) => reply.code(404).type('text/plain').send('Not found.'));
  app.register(async api => addApi(api, options), { prefix: '/api' });
  addClientPaths(app);
  return app;
}

function listenerFor(options: RestServerOptions): FastifyInstance {
  const { certificate } = options;
  if (certificate === undefined)
    return fastify({ ...commonSettings(options), http: { maxHeaderSize: maxHeaderBytes } });
  const https = { ...certificate, maxHeaderSize: maxHeaderBytes };
  // The type names the kind of server, which nothing here depends on.
  return fastify({ ...commonSettings(options), https }) as unknown as FastifyInstance;
}

function commonSettings(options: RestServerOptions) {
  return {
    // Fastify would make a child of the logger, and two listeners, for each request, 6 % of a send; its own lines quote
    // URLs, which may carry access tokens. What is worth a line is logged here.
    logger: false,
    trustProxy: options.trustProxy ?? false,
    bodyLimit: maxBodyBytes,
    exposeHeadRoutes: false, // HEAD is an operation of its own where there is one
    // A name is as long as the request line allows; the router's own limit would answer 414.
    routerOptions: { maxParamLength: maxHeaderBytes, ignoreTrailingSlash: true },
    frameworkErrors: (error: FastifyError, _request: FastifyRequest, reply: FastifyReply) =>
      void sendFailure(reply, badRequest(wholeRequest, withoutUrl(error))),
  };
}

/** A hook of what needs no waiting: as `async` ones, and with them the sends, they were 4 % of a send. */
function atOnce(check: (request: FastifyRequest, reply: FastifyReply) => void): onRequestHookHandler {
  return (request, reply, done) => {
    check(request, reply);
    done();
  };
}

/** [rest-api 2.0] */
function requireTlsFromNowOn(request: FastifyRequest, reply: FastifyReply): void {
  if (request.protocol === 'https') reply.header('strict-transport-security', 'max-age=31536000; includeSubDomains');
}

function addApi(api: FastifyInstance, options: RestServerOptions): void {
  const supported = apiVersions.join(', ');
  api.addHook(
    'onRequest',
    atOnce((_request, reply) => void reply.header('api-supported-versions', supported)),
  );
  api.setNotFoundHandler(answerNotFound);
  addOpenApi(api, options.endpoints);
  api.head('/health', health, async (_request, reply) => reply.code(200).header('content-length', '0').send());
  api.register(async hubs => addHubs(hubs, options), { prefix: '/hubs' });
}

const health = operation({
  id: 'HealthApi_GetServiceStatus',
  summary: 'Is the service there?',
  actions: [],
  success: { status: 200 },
});

/**
 * Checks run before the body is read, in the order that rest-api 1.7 gives: a 401 says nothing about what exists. The
 * operation's own check of its query comes last.
 */
function addHubs(app: FastifyInstance, options: RestServerOptions): void {
  app.addHook('onRequest', authentication(options));
  app.addHook('onRequest', atOnce(checkApiVersion));
  app.addHook('onRequest', atOnce(checkPathNames));
  app.setNotFoundHandler(answerNotFound);
  addDataPlane(app, options);
}

/** WebSocket upgrades never get here. [client-protocols 1.4] */
function addClientPaths(app: FastifyInstance): void {
  for (const path of ['/client', '/client/hubs/*']) {
    app.all(path, async (_request, reply) => reply.code(400).type('text/plain').send('Expected a WebSocket upgrade.'));
  }
}

/** The built-in parsers would re-read JSON and refuse what they do not know; sends want the bytes. [rest-api 2.11] */
function readBodiesAsBytes(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  // The usual types are named only because Fastify remembers the parser of a named one.
  const types = ['application/json', 'text/plain', 'application/octet-stream', '*'];
  app.addContentTypeParser(types, { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
}

async function answerNotFound(_request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  return sendFailure(reply, new RestFailure('notFound', 'Error.NotFound', wholeRequest, 'There is no such operation.'));
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

/** What Fastify refuses by itself: bodies that are too large or not as long as announced, and malformed content types. */
function fromFastify(error: FastifyError): PubSubError {
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new PubSubError('tooLarge', 'Invalid Content-Length header.');
  if (error.code === 'FST_ERR_CTP_INVALID_CONTENT_LENGTH')
    return badRequest(wholeRequest, 'Invalid Content-Length header.');
  const kind: ErrorKind | undefined = kinds[error.statusCode ?? 500];
  return kind === undefined ? PubSubError.from(error) : new PubSubError(kind, error.message);
}

const kinds: Readonly<Record<number, ErrorKind>> = { 400: 'invalid', 413: 'tooLarge', 415: 'unsupportedMediaType' };

/** Fastify's messages quote the URL, which may hold a token. */
function withoutUrl(error: FastifyError): string {
  return error.code === 'FST_ERR_BAD_URL' ? 'The URL holds malformed percent-encoding.' : 'The URL is malformed.';
}

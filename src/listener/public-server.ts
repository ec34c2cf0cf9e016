import type { IncomingMessage } from 'node:http';
import { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { PubSubError } from '../errors.js';
import { sendAbout } from './about.js';
import { leaveBodies } from './bodies.js';
import type { Certificate } from './certificate.js';
import type { TrustProxy } from './client-address.js';
import { answerFailure, answerNotFound } from './failure.js';
import { restoreNames, routable } from './growing-letter.js';
import { syncHook } from './hooks.js';
import {
  defaultTimeouts,
  type ErrorFormat,
  fastifySettings,
  type ListenerTimeouts,
  nodeTimeouts,
  type RefusalWatch,
} from './http-settings.js';
import { lingering } from './lingering.js';
import { invalidHost, requestTarget } from './request-target.js';

export interface PublicServerOptions {
  /** Their paths may precede every route. */
  readonly endpoints: { readonly basePaths: readonly string[] };
  readonly logger?: FastifyBaseLogger | undefined;
  /** Of this program; shown at `/`. */
  readonly version?: string | undefined;
  /** URL of its documentation; shown at `/`. */
  readonly documentation?: string | undefined;
  readonly timeouts?: ListenerTimeouts | undefined;
  /**
   * Peers whose `X-Forwarded-Host` and `X-Forwarded-Proto` are trusted, for comparing a token's audience with the request's
   * host and for making URLs.
   */
  readonly trustProxy?: TrustProxy | undefined;
  /** Undefined: plain HTTP. */
  readonly certificate?: Certificate | undefined;
  /** Paths of clients, besides `/client`: requests there need an upgrade. */
  readonly clientPaths?: readonly string[] | undefined;
  /** Of APIs that have one of their own. */
  readonly errorFormats?: readonly ErrorFormat[] | undefined;
  /** Undefined: requests are not measured. */
  readonly watch?: RequestWatch | undefined;
}

/** Measures the requests of all APIs. */
export interface RequestWatch extends RefusalWatch {
  /** Adds its hooks, before all others. */
  watch(app: FastifyInstance): void;
}

/**
 * For the request line and headers together. Socket.IO servers put one filter clause per room in the query, and SDKs sign
 * the whole URL, so that each of its bytes comes back as 4/3 in the token: 30 KiB of filter are 70 KiB of header. [rest-api 1.3, 2.11]
 */
const maxHeaderBytes = 128 * 1024;

/**
 * The public HTTP server: `/`, and an error for requests without an upgrade on client paths. APIs are registered on it as
 * plugins, each with a prefix, an error handler and a not-found handler of its own; hooks of the server throw PubSubError,
 * which each API answers in its own format. The caller listens, and handles `upgrade` on `server`. [design 1]
 */
export function createPublicServer(options: PublicServerOptions): FastifyInstance {
  const { watch, logger } = options;
  const app = instanceOf(options);
  leaveBodies(app);
  restoreNames(app);
  watch?.watch(app);
  app.addHook('onRequest', syncHook(checkFirst));
  app.setErrorHandler((error, request, reply) => answerFailure(error, request, reply, logger));
  app.setNotFoundHandler(answerNotFound);
  addRoot(app, options);
  addClientPaths(app, ['/client', '/client/hubs/*', ...(options.clientPaths ?? [])]);
  return app;
}

/** Of the public listener's server; also of one that serves the same sockets. */
export function nodeOptions(timeouts: ListenerTimeouts) {
  return { ...nodeTimeouts(timeouts), maxHeaderSize: maxHeaderBytes };
}

function instanceOf(options: PublicServerOptions): FastifyInstance {
  const { certificate, timeouts = defaultTimeouts } = options;
  const http = nodeOptions(timeouts);
  const settings = settingsOf(options);
  if (certificate === undefined) return fastify({ ...settings, http });
  const https = { ...certificate, ...http };
  // The type names the kind of server, which nothing here depends on.
  return fastify({ ...settings, https }) as unknown as FastifyInstance;
}

function settingsOf({
  endpoints,
  watch,
  errorFormats,
  trustProxy = false,
  timeouts = defaultTimeouts,
}: PublicServerOptions) {
  return {
    ...fastifySettings(timeouts, watch, errorFormats),
    // Hot path: Fastify would create a child logger and two listeners for each request. Its own log lines contain URLs,
    // which may contain access tokens, so requests are logged by their APIs.
    logger: false,
    trustProxy,
    exposeHeadRoutes: false, // HEAD is an operation of its own where there is one
    rewriteUrl: (request: IncomingMessage) => routable(request, requestTarget(request, endpoints.basePaths)),
    // A name is as long as the request line allows; the router's own limit would answer 414. Names keep their letter case.
    routerOptions: { maxParamLength: maxHeaderBytes, ignoreTrailingSlash: true, caseSensitive: false },
  };
}

/** @throws PubSubError `invalid` for none or several Host lines [RFC 9112 3.2, rest-api 2.0] */
function checkFirst(request: FastifyRequest, reply: FastifyReply): void {
  const reason = invalidHost(request.raw);
  if (reason !== undefined) throw new PubSubError('invalid', reason);
  if (request.protocol === 'https') reply.header('strict-transport-security', 'max-age=31536000; includeSubDomains');
}

const expectedUpgrade = 'Expected a WebSocket upgrade.';

/** WebSocket upgrades never get here. [client-protocols 1.4] */
function addClientPaths(app: FastifyInstance, paths: readonly string[]): void {
  for (const path of paths) {
    app.all(path, async (_request, reply) => {
      reply.refusal = expectedUpgrade;
      return reply.code(400).type('text/plain').send(lingering(reply, expectedUpgrade));
    });
  }
}

function addRoot(app: FastifyInstance, { version = '', documentation }: PublicServerOptions): void {
  const about = sendAbout({
    version,
    description:
      'A hub service: clients connect at /client/hubs/{hub}, app servers call /api/hubs/{hub}. Pusher clients connect at /app/{key}, their app servers call /apps/{id}.',
    links: {
      health: '/api/health',
      openapi: '/api/openapi.json',
      ...(documentation !== undefined && { documentation }),
    },
  });
  app.get('/', about);
  app.head('/', about);
}

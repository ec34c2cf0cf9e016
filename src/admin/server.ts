import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyPluginAsync,
  type FastifyRequest,
  fastify,
  LogController,
} from 'fastify';
import { type About, sendAbout } from '../listener/about.js';
import { leaveBodies } from '../listener/bodies.js';
import type { Certificate } from '../listener/certificate.js';
import { answerFailure, answerNotFound, sendFailureBody } from '../listener/failure.js';
import { restoreNames, routable } from '../listener/growing-letter.js';
import { defaultTimeouts, fastifySettings, type ListenerTimeouts, nodeTimeouts } from '../listener/http-settings.js';
import { invalidHost } from '../listener/request-target.js';
import type { Access } from './access.js';
import type { Metrics } from './metrics.js';
import { OwnHosts } from './own-hosts.js';
import { usageRoute } from './usage.js';
import { type OperatedOutbox, type WebhookRoutesOptions, webhookRoutes } from './webhook-routes.js';

export interface AdminServerOptions {
  /** Does the service accept clients? */
  isReady(): boolean;
  /** Why it is not, for people. */
  whyNot?(): string | undefined;
  /** State of each event handler. */
  handlers(): readonly { readonly state: HandlerState }[];
  readonly metrics: Pick<Metrics, 'contentType' | 'render'>;
  /** Webhooks and the outbox, for operators. Left out: no such routes. */
  readonly delivery?: Delivery | undefined;
  /** Who may use the routes for operators. Left out: there are no such routes. */
  readonly access?: Pick<Access, 'protect'> | undefined;
  /** Which hosts and origins requests may name. Default: this machine's. */
  readonly hosts?: OwnHosts | undefined;
  /** More routes for operators, by their prefix. */
  readonly plugins?: readonly (readonly [prefix: string, plugin: FastifyPluginAsync])[] | undefined;
  /** Changes a request target before it is routed. */
  readonly rewrite?: ((target: string) => string) | undefined;
  /** Undefined: plain HTTP. */
  readonly certificate?: Certificate | undefined;
  readonly version: string;
  readonly logger?: FastifyBaseLogger | undefined;
  /** Does it listen on a loopback address only? Then requests with another host name are refused. */
  readonly isLoopbackOnly?: boolean | undefined;
  /** Where clients and app servers reach the service, for those that call this listener in its place; undefined: not yet known. */
  readonly publicUrl?: (() => string | undefined) | undefined;
  /** URL of this program's documentation; shown at `/`. */
  readonly documentation?: string | undefined;
  readonly timeouts?: ListenerTimeouts | undefined;
  /** A request on the socket was answered. */
  readonly onAnswered?: ((socket: Socket) => void) | undefined;
}

interface Delivery {
  /** Undefined while nothing is delivered through it. */
  readonly outbox: OperatedOutbox | undefined;
  readonly webhooks: WebhookRoutesOptions['webhooks'];
}

type HandlerState = 'pending' | 'active' | 'failed';

/** Characters of a path's segment: names of hubs and ids. */
const longestSegment = 1_024;

/** REST, clients, clients of Pusher and its HTTP API. */
const pathOfPublicListener = /^\/(?:api|client|apps?)(?:[/?]|$)/i;

function wrongListener(publicUrl = 'the public listener'): string {
  return `This is the admin listener. Clients and REST calls use ${publicUrl}.`;
}

/** The meaning of a probe's result, which its response contains. */
const meaning = {
  healthz: 'The process responds to HTTP, also while it is stopping. Restart it if it does not respond.',
  readyz:
    'The listeners are open and clients are admitted. Event handlers do not affect this: hubs without them work while an app server is down.',
  notReady: 'The service is starting, paused or stopping: clients are not admitted.',
};

/** The admin HTTP server: liveness, readiness, metrics, and routes for operators. The caller listens. [design 1] */
export function createAdminServer(options: AdminServerOptions): FastifyInstance {
  const { isReady, version, logger, onAnswered } = options;
  const app = listenerFor(options);
  app.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store');
    const reason = invalidHost(request.raw);
    if (reason !== undefined) return sendFailureBody(reply, 400, 'Error.BadRequest', reason);
  });
  app.addHook('onResponse', async ({ raw }) => onAnswered?.(raw.socket));
  app.setNotFoundHandler(async (request, reply) => {
    if (!pathOfPublicListener.test(request.raw.url ?? '')) return answerNotFound(request, reply);
    return sendFailureBody(reply, 404, 'Error.NotFound', wrongListener(options.publicUrl?.()));
  });
  app.setErrorHandler((error, request, reply) => {
    return answerFailure(error, request, reply, logger);
  });
  app.get('/healthz', async () => ({ status: 'alive', meaning: meaning.healthz, version }));
  app.get('/readyz', async (_request, reply) => {
    const isOpen = isReady();
    return reply.code(isOpen ? 200 : 503).send({
      status: isOpen ? 'ready' : 'not ready',
      reason: isOpen ? undefined : options.whyNot?.(),
      meaning: isOpen ? meaning.readyz : meaning.notReady,
      eventHandlers: countsOf(options.handlers()),
    });
  });
  app.register(shownRoutes(options));
  app.register(operatorRoutes(options));
  for (const [prefix, plugin] of options.plugins ?? []) app.register(plugin, { prefix });
  return app;
}

/** What is shown without a token, for scrapers: to any host, unless the listener is for this machine only. */
function shownRoutes(options: AdminServerOptions): FastifyPluginAsync {
  const { metrics, isLoopbackOnly, hosts = ownMachine } = options;
  return async routes => {
    routes.addHook('onRequest', async ({ raw }: FastifyRequest) => {
      if (isLoopbackOnly === true) hosts.checkHost(raw);
      hosts.checkOrigin(raw);
    });
    routes.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.render()));
    routes.get('/', sendAbout(aboutAdmin(options)));
    routes.register(usageRoute);
  };
}

/** [pusher-webhooks 2.7] */
function operatorRoutes({ delivery, access }: AdminServerOptions): FastifyPluginAsync {
  return async routes => {
    if (delivery === undefined || access === undefined) return;
    access.protect(routes);
    routes.register(webhookRoutes({ webhooks: delivery.webhooks, outbox: () => delivery.outbox }));
  };
}

const ownMachine = new OwnHosts({ boundHost: undefined, hasTls: false, origins: [] });

function countsOf(handlers: readonly { readonly state: HandlerState }[]): Readonly<Record<HandlerState, number>> {
  const counts = { active: 0, pending: 0, failed: 0 };
  for (const { state } of handlers) counts[state] += 1;
  return counts;
}

function aboutAdmin({ version, documentation }: AdminServerOptions): About {
  const links = { healthz: '/healthz', readyz: '/readyz', metrics: '/metrics' };
  return {
    version,
    description: 'The admin listener: liveness, readiness, metrics, and the management API.',
    links: documentation === undefined ? links : { ...links, documentation },
  };
}

function listenerFor(options: AdminServerOptions): FastifyInstance {
  const { logger, timeouts = defaultTimeouts, certificate, rewrite = target => target } = options;
  const settings = {
    ...fastifySettings(timeouts),
    ...(logger === undefined ? {} : { loggerInstance: logger }),
    logController: new LogController({ disableRequestLogging: true }),
    rewriteUrl: (request: IncomingMessage) => routable(request, rewrite(request.url ?? '/')),
    routerOptions: { ignoreTrailingSlash: true, caseSensitive: false, maxParamLength: longestSegment },
  };
  const http = nodeTimeouts(timeouts);
  const app =
    certificate === undefined
      ? fastify({ ...settings, http })
      : // The type names the kind of server, which nothing here depends on.
        (fastify({ ...settings, https: { ...certificate, ...http } }) as unknown as FastifyInstance);
  leaveBodies(app);
  restoreNames(app);
  return app;
}

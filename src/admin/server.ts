import { isIP, type Socket } from 'node:net';
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyPluginAsync,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  LogController,
} from 'fastify';
import { type About, sendAbout } from '../listener/about.js';
import { answerNotFound, sendFailureBody } from '../listener/failure.js';
import { defaultTimeouts, fastifySettings, type ListenerTimeouts, nodeTimeouts } from '../listener/http-settings.js';
import { invalidHost } from '../listener/request-target.js';
import type { Metrics } from './metrics.js';
import { operatorAccess } from './operator-access.js';
import { usageRoute } from './usage.js';
import { type OperatedOutbox, type WebhookRoutesOptions, webhookRoutes } from './webhook-routes.js';

export interface AdminServerOptions {
  /** Does the service accept clients? */
  isReady(): boolean;
  /** State of each event handler. */
  handlers(): readonly { readonly state: HandlerState }[];
  readonly metrics: Pick<Metrics, 'contentType' | 'render'>;
  /** Webhooks and the outbox, for operators. Left out: no such routes. */
  readonly delivery?: Delivery | undefined;
  /** Of the routes under `/admin`; undefined: they are refused. */
  readonly adminToken?: string | undefined;
  readonly version: string;
  readonly logger?: FastifyBaseLogger | undefined;
  /** Does it listen on a loopback address only? Then requests with another host name are refused. */
  readonly isLoopbackOnly?: boolean | undefined;
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

/** The meaning of a probe's result, which its response contains. */
const meaning = {
  healthz: 'The process responds to HTTP, also while it is stopping. Restart it if it does not respond.',
  readyz:
    'The listeners are open and clients are admitted. Event handlers do not affect this: hubs without them work while an app server is down.',
  notReady: 'The service is starting or stopping: clients are not admitted.',
};

/** The admin HTTP server: liveness, readiness and metrics. The caller listens. [design 1] */
export function createAdminServer(options: AdminServerOptions): FastifyInstance {
  const { isReady, metrics, version, logger, onAnswered } = options;
  const app = listenerFor(options);
  app.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store');
    const reason = invalidHost(request.raw);
    if (reason !== undefined) return sendFailureBody(reply, 400, 'Error.BadRequest', reason);
  });
  app.addHook('onResponse', async ({ raw }) => onAnswered?.(raw.socket));
  app.setNotFoundHandler(answerNotFound);
  app.setErrorHandler((error, _request, reply) => {
    logger?.error({ err: error }, 'a request to the admin listener failed');
    return sendFailureBody(reply, 500, 'Error.InternalServerError', 'internal error');
  });
  app.get('/healthz', async () => ({ status: 'alive', meaning: meaning.healthz, version }));
  app.get('/readyz', async (_request, reply) => {
    const isOpen = isReady();
    return reply.code(isOpen ? 200 : 503).send({
      status: isOpen ? 'ready' : 'not ready',
      meaning: isOpen ? meaning.readyz : meaning.notReady,
      eventHandlers: countsOf(options.handlers()),
    });
  });
  const ownHost = { onRequest: refuseOtherHosts(options.isLoopbackOnly === true) };
  app.get('/metrics', ownHost, async (_request, reply) => reply.type(metrics.contentType).send(await metrics.render()));
  app.get('/', ownHost, sendAbout(aboutAdmin(options)));
  app.register(operatorRoutes(options));
  return app;
}

/** [pusher-webhooks 2.7] */
function operatorRoutes({ delivery, adminToken, isLoopbackOnly }: AdminServerOptions): FastifyPluginAsync {
  return async routes => {
    routes.addHook('onRequest', refuseOtherHosts(isLoopbackOnly === true));
    routes.register(usageRoute);
    if (delivery === undefined) return;
    const { webhooks } = delivery;
    routes.register(webhookRoutes({ webhooks, outbox: () => delivery.outbox, authorize: operatorAccess(adminToken) }));
  };
}

function countsOf(handlers: readonly { readonly state: HandlerState }[]): Readonly<Record<HandlerState, number>> {
  const counts = { active: 0, pending: 0, failed: 0 };
  for (const { state } of handlers) counts[state] += 1;
  return counts;
}

function aboutAdmin({ version, documentation }: AdminServerOptions): About {
  const links = { healthz: '/healthz', readyz: '/readyz', metrics: '/metrics' };
  return {
    version,
    description: 'The admin listener: liveness, readiness and metrics.',
    links: documentation === undefined ? links : { ...links, documentation },
  };
}

/**
 * DNS rebinding: a web page can resolve its own name to this machine's address and then read responses; it cannot change
 * the name in Host. Probes are not affected: they use an address or `localhost`, and paths that disclose nothing.
 */
function refuseOtherHosts(isLoopbackOnly: boolean) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const { host } = request.headers;
    if (!isLoopbackOnly || host === undefined || isOwnHost(host)) return undefined;
    const message =
      'This listener serves this machine only: use localhost or an IP address in the URL, not another host name.';
    return sendFailureBody(reply, 421, 'Error.MisdirectedRequest', message);
  };
}

function isOwnHost(host: string): boolean {
  const name = host.replace(/:\d*$/, '').toLowerCase();
  return isIP(name.replace(/^\[|\]$/g, '')) !== 0 || name === 'localhost' || name.endsWith('.localhost');
}

function listenerFor({ logger, timeouts = defaultTimeouts }: AdminServerOptions): FastifyInstance {
  const app = fastify({
    ...fastifySettings(timeouts),
    ...(logger === undefined ? {} : { loggerInstance: logger }),
    logController: new LogController({ disableRequestLogging: true }),
    routerOptions: { ignoreTrailingSlash: true },
    http: nodeTimeouts(timeouts),
  });
  app.removeAllContentTypeParsers(); // nothing here takes a body
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  return app;
}

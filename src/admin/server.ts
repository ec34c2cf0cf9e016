import { isIP } from 'node:net';
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  LogController,
} from 'fastify';
import { type About, sendAbout } from '../listener/about.js';
import { answerNotFound, sendFailureBody } from '../listener/failure.js';
import { defaultTimeouts, fastifySettings, type ListenerTimeouts, nodeTimeouts } from '../listener/http-settings.js';
import { hostFault } from '../listener/request-target.js';
import type { Metrics } from './metrics.js';

export interface AdminServerOptions {
  /** May clients and load balancers come? */
  isReady(): boolean;
  /** Where each event handler stands. */
  handlers(): readonly { readonly state: HandlerState }[];
  readonly metrics: Pick<Metrics, 'contentType' | 'render'>;
  readonly version: string;
  readonly logger?: FastifyBaseLogger | undefined;
  /** Can only this machine reach the listener? Then what names it by another host is not served. */
  readonly isLoopbackOnly?: boolean | undefined;
  /** URL of this program's documentation; shown at `/`. */
  readonly documentation?: string | undefined;
  readonly timeouts?: ListenerTimeouts | undefined;
}

type HandlerState = 'pending' | 'active' | 'failed';

/** What an operator may conclude from a probe, said in its answer. */
const meaning = {
  healthz: 'The process answers HTTP, also while it stops. Restart it when it does not.',
  readyz:
    'The listeners are open and clients are admitted. Event handlers are not a part of it: hubs without them work while an app server is away.',
  notReady: 'The service is starting or stopping: clients are not admitted.',
};

/** The operator's HTTP server: is it alive, is it ready, what did it count. The caller listens. [design 1] */
export function createAdminServer(options: AdminServerOptions): FastifyInstance {
  const { isReady, metrics, version, logger } = options;
  const app = listenerFor(options);
  app.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store');
    const fault = hostFault(request.raw);
    if (fault !== undefined) return sendFailureBody(reply, 400, 'Error.BadRequest', fault);
  });
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
  return app;
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
 * A web page can make its own name stand for this machine's address and then read what is here; it cannot change the name
 * in Host. Probes are not affected: they go by an address or `localhost`, and to paths that say nothing.
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

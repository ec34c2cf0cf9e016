import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import type { Metrics } from './metrics.js';

export interface AdminServerOptions {
  /** May clients and load balancers come? */
  isReady(): boolean;
  readonly metrics: Pick<Metrics, 'contentType' | 'render'>;
  readonly version: string;
  readonly logger?: FastifyBaseLogger | undefined;
}

/** The operator's HTTP server: is it alive, is it ready, what did it count. The caller listens. [design 1] */
export function createAdminServer({ isReady, metrics, version, logger }: AdminServerOptions): FastifyInstance {
  const app = fastify({
    ...(logger === undefined ? {} : { loggerInstance: logger }),
    logController: new LogController({ disableRequestLogging: true }),
  });
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('cache-control', 'no-store');
  });
  app.get('/healthz', async () => ({ status: 'alive', version }));
  app.get('/readyz', async (_request, reply) => {
    const isOpen = isReady();
    return reply.code(isOpen ? 200 : 503).send({ status: isOpen ? 'ready' : 'not ready' });
  });
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.render()));
  return app;
}

import type { FastifyInstance } from 'fastify';
import { createPublicServer, type PublicServerOptions } from '../../src/listener/public-server.js';
import { type RestOptions, restApi, restPrefix } from '../../src/rest/api.js';
import { type CallReports, Calls } from '../../src/rest/calls.js';

export interface RestServerOptions extends RestOptions, Omit<PublicServerOptions, 'endpoints' | 'watch'> {
  /** Undefined: calls are not reported. */
  readonly reports?: CallReports | undefined;
}

/** The public server with the REST API, as the service builds them, and nothing else. */
export function createRestServer({ reports, ...options }: RestServerOptions): FastifyInstance {
  const app = createPublicServer({ ...options, watch: reports && new Calls(reports) });
  app.register(restApi(options), { prefix: restPrefix });
  return app;
}

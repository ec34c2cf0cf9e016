import type { FastifyPluginAsync } from 'fastify';
import type { Access } from '../admin/access.js';
import { mostBodyBytes, webhooksPrefix } from '../admin/webhook-paths.js';
import { takeBodies } from '../listener/bodies.js';
import type { OperatorAnswer, OperatorRequest } from './messages.js';

/**
 * Routes of operators that a worker answers: what they are about is shared by the workers.
 * @param forward gives the answer of a worker
 */
export function forwardedRoutes(
  access: Access,
  forward: (request: OperatorRequest) => Promise<OperatorAnswer>,
): FastifyPluginAsync {
  return async routes => {
    access.protect(routes);
    takeBodies(routes, mostBodyBytes);
    routes.all(`${webhooksPrefix}/*`, async (request, reply) => {
      const body = Buffer.isBuffer(request.body) ? request.body.toString('utf8') : '';
      const answer = await forward({ method: request.method, url: request.url, body });
      if (answer.contentType !== undefined) reply.type(answer.contentType);
      return reply.code(answer.status).send(answer.body);
    });
  };
}

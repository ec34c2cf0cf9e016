import type { FastifyPluginAsync } from 'fastify';
import type { Access } from '../admin/access.js';
import type { OperatorAnswer, OperatorRequest } from './messages.js';

/** Routes of operators that a worker answers: of webhooks and of the outbox, which the workers share. [pusher-webhooks 2.7] */
const prefix = '/admin/webhooks';

const mostBodyBytes = 1024 * 1024;

/** @param forward gives the answer of a worker */
export function forwardedRoutes(
  access: Access,
  forward: (request: OperatorRequest) => Promise<OperatorAnswer>,
): FastifyPluginAsync {
  return async routes => {
    access.protect(routes);
    routes.removeAllContentTypeParsers();
    routes.addContentTypeParser('*', { parseAs: 'string', bodyLimit: mostBodyBytes }, (_request, body, done) =>
      done(null, body),
    );
    routes.all(`${prefix}/*`, async (request, reply) => {
      const body = typeof request.body === 'string' ? request.body : '';
      const answer = await forward({ method: request.method, url: request.url, body });
      if (answer.contentType !== undefined) reply.type(answer.contentType);
      return reply.code(answer.status).send(answer.body);
    });
  };
}

import type { FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify';

/** A synchronous check as a Fastify hook. Hot path: an async hook costs a promise for each request. */
export function syncHook(check: (request: FastifyRequest, reply: FastifyReply) => void): onRequestHookHandler {
  return (request, reply, done) => {
    check(request, reply);
    done();
  };
}

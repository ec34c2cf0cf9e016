import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sendFailureBody } from '../listener/failure.js';

/**
 * A hook for routes that are for operators: their token as `Authorization: Bearer`, also on loopback, where any page and
 * any program of the machine could call otherwise. Requests of web pages are refused. [design 8]
 * @param token undefined: nobody may call
 */
export function operatorAccess(token: string | undefined) {
  const expected = token === undefined ? undefined : digest(token);
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const { authorization, origin } = request.headers;
    if (origin !== undefined) {
      return sendFailureBody(reply, 403, 'Error.Forbidden', 'Web pages may not call this route.');
    }
    if (expected === undefined) return refuse(reply, 'Set HUBWIRE_ADMIN_TOKEN to use this route.');
    const [, given] = /^Bearer +(\S+)$/i.exec(authorization ?? '') ?? [];
    if (given !== undefined && timingSafeEqual(digest(given), expected)) return undefined;
    return refuse(reply, 'This route needs the admin token: Authorization: Bearer $HUBWIRE_ADMIN_TOKEN.');
  };
}

function refuse(reply: FastifyReply, message: string): FastifyReply {
  return sendFailureBody(reply.header('www-authenticate', 'Bearer'), 401, 'Error.Unauthorized', message);
}

/** Of the same length for all texts, as a comparison in constant time needs. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

import type { FastifyReply } from 'fastify';
import type { OnPartial } from '../hub/call-options.js';

/** Of a response: how many nodes did not answer. The result is without what they have. [cluster 5] */
export const partialHeader = 'x-hubwire-partial';

/** The call goes on without nodes that do not answer, and its response says how many. */
export function saidBy(reply: FastifyReply): OnPartial {
  return nodes => void reply.header(partialHeader, String(nodes.length));
}

import type { FastifyReply, FastifyRequest } from 'fastify';
import { requestAudience } from '../auth/audience.js';
import type { Endpoints } from '../auth/endpoints.js';
import type { KeyTokens } from '../auth/key-tokens.js';
import { PubSubError } from '../errors.js';

/** The scheme in any letter case, then one token. [rest-api 1.1] */
const bearer = /^bearer +(\S+) *$/i;

/**
 * A hook that lets a request pass when its bearer token is for it; the `WWW-Authenticate` of a refusal says why. [rest-api 1.7]
 * @throws PubSubError `unauthorized` from the hook
 */
export function authentication(tokens: Pick<KeyTokens, 'verify'>, endpoints: Endpoints) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const [, token] = bearer.exec(request.headers.authorization ?? '') ?? [];
    if (token === undefined) {
      reply.header('www-authenticate', 'Bearer');
      throw new PubSubError('unauthorized', 'The Authorization header must be "Bearer" and a token for this URL.');
    }
    try {
      tokens.verify(token, requestAudience(request.raw.url ?? '', endpoints, request.host));
    } catch (error) {
      if (error instanceof PubSubError) reply.header('www-authenticate', challenge(error.message));
      throw error;
    }
  };
}

function challenge(reason: string): string {
  return `Bearer error="invalid_token", error_description="${reason.replace(/[^\x20-\x7e]|["\\]/g, ' ')}"`;
}

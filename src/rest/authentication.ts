import type { FastifyReply, FastifyRequest } from 'fastify';
import { requestAudience } from '../auth/audience.js';
import { bearerToken } from '../auth/bearer.js';
import type { Endpoints } from '../auth/endpoints.js';
import type { EntraVerifier } from '../auth/entra-verifier.js';
import type { KeyTokens } from '../auth/key-tokens.js';
import { PubSubError } from '../errors.js';
import { actionPrefix, isAllowed } from './data-actions.js';
import { missingAction } from './failures.js';
import { operationOf } from './operation.js';

/** Whose word counts. */
export interface CallerChecks {
  readonly tokens: Pick<KeyTokens, 'verify'>;
  /** Undefined: no caller is known to Entra ID. */
  readonly entra?: Pick<EntraVerifier, 'isAddressed' | 'verify'> | undefined;
  /** Read at each call: a reload applies at once. */
  readonly isLocalAuthDisabled?: (() => boolean) | undefined;
  readonly endpoints: Endpoints;
}

/**
 * A hook that lets a request pass when its bearer token is for it; the `WWW-Authenticate` of a refusal says why. [rest-api 1.7]
 * @throws PubSubError `unauthorized`, RestFailure `forbidden` from the hook
 */
export function authentication(checks: CallerChecks) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const token = bearerToken(request.headers.authorization);
    if (token === undefined) {
      reply.header('www-authenticate', 'Bearer');
      throw new PubSubError('unauthorized', 'The Authorization header must be "Bearer" and a token for this URL.');
    }
    try {
      await checkToken(token, request, checks);
    } catch (error) {
      if (error instanceof PubSubError && error.kind === 'unauthorized') {
        reply.header('www-authenticate', challenge(error.message));
      }
      throw error;
    }
  };
}

/** A token that names Entra ID's audience is no key token, whoever signed it. [rest-api 1.4] */
async function checkToken(token: string, request: FastifyRequest, checks: CallerChecks): Promise<void> {
  const { tokens, entra, endpoints, isLocalAuthDisabled } = checks;
  if (entra?.isAddressed(token) === true) return checkRoles(await entra.verify(token), request);
  if (isLocalAuthDisabled?.() === true) {
    throw new PubSubError('unauthorized', 'tokens signed with an access key are not accepted by this service');
  }
  tokens.verify(token, requestAudience(request.raw.url ?? '', endpoints, request.host));
}

function checkRoles(roles: readonly string[], request: FastifyRequest): void {
  const missing = operationOf(request)?.actions.find(action => !isAllowed(action, roles));
  if (missing !== undefined) throw missingAction(actionPrefix + missing);
}

function challenge(reason: string): string {
  return `Bearer error="invalid_token", error_description="${reason.replace(/[^\x20-\x7e]|["\\]/g, ' ')}"`;
}

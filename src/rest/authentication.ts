import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';
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
  return (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void => {
    const token = bearerToken(request.headers.authorization);
    if (token === undefined) {
      reply.header('www-authenticate', 'Bearer');
      throw new PubSubError('unauthorized', 'The Authorization header must be "Bearer" and a token for this URL.');
    }
    // A token that names Entra ID's audience is no key token, whoever signed it. [rest-api 1.4]
    if (checks.entra?.isAddressed(token) === true) {
      checkEntraToken(token, request, checks.entra).then(
        () => done(),
        error => done(challenged(error, reply)),
      );
      return;
    }
    try {
      checkKeyToken(token, request, checks);
    } catch (error) {
      throw challenged(error, reply);
    }
    done();
  };
}

async function checkEntraToken(token: string, request: FastifyRequest, entra: Pick<EntraVerifier, 'verify'>) {
  checkRoles(await entra.verify(token), request);
}

function checkKeyToken(token: string, request: FastifyRequest, checks: CallerChecks): void {
  const { tokens, endpoints, isLocalAuthDisabled } = checks;
  if (isLocalAuthDisabled?.() === true) {
    throw new PubSubError('unauthorized', 'tokens signed with an access key are not accepted by this service');
  }
  tokens.verify(token, requestAudience(request.raw.url ?? '', endpoints, request.host));
}

function checkRoles(roles: readonly string[], request: FastifyRequest): void {
  const missing = operationOf(request)?.actions.find(action => !isAllowed(action, roles));
  if (missing !== undefined) throw missingAction(actionPrefix + missing);
}

/** The error, once the reply says what a better token would have to be. */
function challenged(error: unknown, reply: FastifyReply): Error {
  const failure = PubSubError.from(error);
  if (failure.kind === 'unauthorized') reply.header('www-authenticate', challenge(failure.message));
  return failure;
}

function challenge(reason: string): string {
  return `Bearer error="invalid_token", error_description="${reason.replace(/[^\x20-\x7e]|["\\]/g, ' ')}"`;
}

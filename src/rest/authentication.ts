import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';
import { requestAudience, WrongAudience } from '../auth/audience.js';
import { bearerToken } from '../auth/bearer.js';
import type { Claims } from '../auth/claims.js';
import type { Endpoints } from '../auth/endpoints.js';
import type { EntraVerifier } from '../auth/entra-verifier.js';
import type { KeyTokens } from '../auth/key-tokens.js';
import { PubSubError } from '../errors.js';
import { actionPrefix, isAllowed } from './data-actions.js';
import { missingAction } from './failures.js';
import { operationOf } from './operation.js';

/** Which callers are accepted. */
export interface CallerChecks {
  readonly tokens: Pick<KeyTokens, 'verify'>;
  /** Undefined: Entra ID tokens are not configured. */
  readonly entra?: Pick<EntraVerifier, 'isAddressed' | 'isAudience' | 'verify'> | undefined;
  /** Read at each call: a reload applies at once. */
  readonly isLocalAuthDisabled?: (() => boolean) | undefined;
  readonly endpoints: Endpoints;
  /** Called for each authenticated request. */
  readonly onAuthenticated?: ((socket: Socket) => void) | undefined;
}

/**
 * A hook that accepts a request with a valid bearer token; a refusal contains the reason in `WWW-Authenticate`. [rest-api 1.7]
 * @throws PubSubError `unauthorized`, RestFailure `forbidden` from the hook
 */
export function authentication(checks: CallerChecks) {
  return (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void => {
    const token = bearerToken(request.headers.authorization);
    if (token === undefined) {
      reply.header('www-authenticate', 'Bearer');
      throw new PubSubError('unauthorized', 'The Authorization header must be "Bearer" and a token for this URL.');
    }
    let pending: Promise<void> | undefined;
    try {
      pending = checkToken(token, request, checks);
    } catch (error) {
      throw challenged(error, reply);
    }
    if (pending === undefined) pass(request, checks, done);
    else
      pending.then(
        () => pass(request, checks, done),
        error => done(challenged(error, reply)),
      );
  };
}

function pass({ raw }: FastifyRequest, { onAuthenticated }: CallerChecks, done: HookHandlerDoneFunction): void {
  onAuthenticated?.(raw.socket);
  done();
}

/**
 * A token with Entra ID's audience is not accepted as a key token, whoever signed it. [rest-api 1.4] If it may be a key
 * token, its audience is checked after verification, otherwise before. Hot path: the token is decoded once.
 */
function checkToken(token: string, request: FastifyRequest, checks: CallerChecks): Promise<void> | undefined {
  const { entra } = checks;
  if (entra !== undefined && !hasKeySignature(token) && entra.isAddressed(token)) {
    return checkEntraToken(token, request, entra);
  }
  const { aud } = checkKeyToken(token, request, checks);
  if (entra?.isAudience(aud) === true) {
    throw new PubSubError('unauthorized', 'a token for the audience of Entra ID cannot be signed with an access key');
  }
  return undefined;
}

async function checkEntraToken(token: string, request: FastifyRequest, entra: Pick<EntraVerifier, 'verify'>) {
  checkRoles(await entra.verify(token), request);
}

/** Characters of an HS256 signature; RS256 makes 342 and more of the smallest key that is in use. [RFC 7518 3.2, 3.3] */
const keySignatureLength = 43;

function hasKeySignature(token: string): boolean {
  return token.length - token.lastIndexOf('.') - 1 === keySignatureLength;
}

function checkKeyToken(token: string, request: FastifyRequest, checks: CallerChecks): Claims {
  const { tokens, endpoints, isLocalAuthDisabled } = checks;
  if (isLocalAuthDisabled?.() === true) {
    throw new PubSubError('unauthorized', 'tokens signed with an access key are not accepted by this service');
  }
  const { url = '' } = request.raw;
  try {
    return tokens.verify(token, requestAudience(url, endpoints, request.host));
  } catch (error) {
    if (!(error instanceof WrongAudience)) throw error;
    throw error.answeredAt(url.replace(/\?.*$/s, ''), endpoints.bases(request.host, false));
  }
}

function checkRoles(roles: readonly string[], request: FastifyRequest): void {
  const missing = operationOf(request)?.actions.find(action => !isAllowed(action, roles));
  if (missing !== undefined) throw missingAction(actionPrefix + missing);
}

/** Adds `WWW-Authenticate` to the reply and returns the error. */
function challenged(error: unknown, reply: FastifyReply): Error {
  const failure = PubSubError.from(error);
  if (failure.kind === 'unauthorized') reply.header('www-authenticate', challenge(failure.message));
  return failure;
}

function challenge(reason: string): string {
  return `Bearer error="invalid_token", error_description="${reason.replace(/[^\x20-\x7e]|["\\]/g, ' ')}"`;
}

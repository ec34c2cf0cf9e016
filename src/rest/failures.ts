import type { FastifyReply } from 'fastify';
import { type ErrorKind, PubSubError } from '../errors.js';
import { codeOf, failureBody, wholeRequest } from '../listener/failure.js';
import { lingering } from '../listener/lingering.js';

export { wholeRequest };

/** `target` of an error that is about who calls. [rest-api 3.4] */
const authorization = 'Authorization';

/** A failure that has its own `code` and `target` on the wire. */
export class RestFailure extends PubSubError {
  constructor(
    kind: ErrorKind,
    readonly code: string,
    /** The parameter or thing that is wrong. */
    readonly target: string,
    message: string,
    /** `domain` is `application/json`, `validation` is `application/problem+json`; the vendor's JS suite needs both. [rest-api 3.1] */
    readonly shape: 'domain' | 'validation' = 'domain',
    /** In place of `message` in logs, where that quotes what the caller wrote into query or body. */
    readonly logged: string = message,
  ) {
    super(kind, message);
  }
}

/** Something named in the path does not exist: an error or a warning, depending on the operation. [rest-api 3.2] */
export function notExisted(
  level: 'Error' | 'Warning' | 'Info',
  target: 'Connection' | 'Group' | 'User',
  name: string,
): RestFailure {
  return new RestFailure('notFound', `${level}.${target}.NotExisted`, target, `${target} \`${name}\` is not found.`);
}

/** The caller is known, and may not do this. [rest-api 3.2] */
export function missingAction(action: string): RestFailure {
  const message = `${action} permission is required to access this API. Please check your role assignments.`;
  return new RestFailure('forbidden', 'Error.Forbidden', authorization, message);
}

/** An invalid request, in the domain format. */
export function badRequest(target: string, message: string, logged = message): RestFailure {
  return new RestFailure('invalid', 'Error.BadRequest', target, message, 'domain', logged);
}

/** An invalid query parameter, in the validation format. */
export function invalidParameter(name: string, message: string, logged = message): RestFailure {
  return new RestFailure('invalid', 'Error.BadRequest', name, message, 'validation', logged);
}

/** Answers with the failure's status, `x-ms-error-code` and body; Fastify leaves the body out for HEAD. [rest-api 3.1, 3.3] */
export function sendFailure(reply: FastifyReply, error: PubSubError): FastifyReply {
  const failure = error instanceof RestFailure ? error : describe(error);
  const mediaType = failure.shape === 'domain' ? 'application/json' : 'application/problem+json';
  const { retryAfterSeconds } = failure;
  reply.refusal = failure.logged;
  if (retryAfterSeconds !== undefined) reply.header('retry-after', String(retryAfterSeconds));
  return reply
    .code(failure.outcome.http)
    .header('x-ms-error-code', failure.code)
    .type(`${mediaType}; charset=utf-8`)
    .send(lingering(reply, failure.shape === 'domain' ? domainBody(failure) : validationBody(failure)));
}

const targets: Readonly<Partial<Record<ErrorKind, string>>> = { unauthorized: authorization, conflict: 'Connection' };

function describe(error: PubSubError): RestFailure {
  return new RestFailure(error.kind, codeOf(error.outcome.http), targets[error.kind] ?? wholeRequest, error.message);
}

function domainBody({ code, message, target }: RestFailure): string {
  return failureBody(code, message, target);
}

function validationBody({ code, message, target, outcome }: RestFailure): string {
  return JSON.stringify({
    code,
    message,
    target,
    errors: { [target]: [message] },
    type: null,
    title: 'One or more validation errors occurred.',
    status: outcome.http,
    detail: null,
    instance: null,
    extensions: {},
  });
}

import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify';
import { type ErrorKind, PubSubError } from '../errors.js';
import { failureOf, logFailure } from '../listener/failure.js';
import { lingering } from '../listener/lingering.js';

/** `code` of an error's body. [management 1.5] */
export type FailureCode =
  | 'MissingApiVersionParameter'
  | 'InvalidApiVersionParameter'
  | 'InvalidSubscriptionId'
  | 'InvalidRequestContent'
  | 'AuthenticationFailed'
  | 'AuthorizationFailed'
  | 'ResourceNotFound'
  | 'MethodNotAllowed'
  | 'Conflict'
  | 'RequestContentTooLarge'
  | 'MisdirectedRequest'
  | 'TooManyRequests'
  | 'ServiceUnavailable'
  | 'InternalServerError';

/** One thing that is wrong with a body. */
export interface Detail {
  readonly code: FailureCode;
  readonly message: string;
  /** `properties.eventHandlers[0].urlTemplate` */
  readonly target?: string | undefined;
}

/** More of them would bury the first ones. */
const mostDetails = 50;

/** A refusal of the management API, as its answer has it. The message contains no secret. */
export class ApiFailure extends Error {
  constructor(
    readonly status: number,
    readonly code: FailureCode,
    message: string,
    readonly more: { readonly target?: string | undefined; readonly details?: readonly Detail[] | undefined } = {},
  ) {
    super(message);
  }

  /**
   * A body in which this is wrong, in the order of the body. The first one is the answer's own message and target; of many,
   * the last says how many there are besides.
   */
  static ofContent(problems: readonly Omit<Detail, 'code'>[]): ApiFailure {
    const shown = problems.slice(0, mostDetails);
    const hidden = problems.length - shown.length;
    const all = hidden > 0 ? [...shown, { message: `and ${hidden} more problems` }] : shown;
    const details = all.map(problem => ({ code: 'InvalidRequestContent' as const, ...problem }));
    const { message = 'The body is invalid.', target } = problems[0] ?? {};
    return new ApiFailure(400, 'InvalidRequestContent', message, { target, details });
  }
}

const codes: Partial<Record<ErrorKind, readonly [status: number, code: FailureCode]>> = {
  malformed: [400, 'InvalidRequestContent'],
  invalid: [400, 'InvalidRequestContent'],
  unsupportedMediaType: [400, 'InvalidRequestContent'],
  unauthorized: [401, 'AuthenticationFailed'],
  forbidden: [403, 'AuthorizationFailed'],
  notFound: [404, 'ResourceNotFound'],
  conflict: [409, 'Conflict'],
  tooLarge: [413, 'RequestContentTooLarge'],
  misdirected: [421, 'MisdirectedRequest'],
  tooMany: [429, 'TooManyRequests'],
  unknown: [503, 'ServiceUnavailable'],
};

/** An error handler: whatever a hook or an operation throws, in the shape of the vendor's management API. [management 1.5] */
export function answerApiFailure(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  logger: FastifyBaseLogger | undefined,
): FastifyReply {
  if (error instanceof ApiFailure) return sendApiFailure(reply, error);
  const failure = failureOf(error, request);
  logFailure(failure, request, logger, 'a request to the management API failed');
  const [status, code] = codes[failure.kind] ?? [500, 'InternalServerError'];
  const message = status === 500 ? 'The request failed in the service. Its log has the reason.' : failure.message;
  return sendApiFailure(reply, new ApiFailure(status, code, message));
}

/** For operations that answer what the service refuses. */
export function conflict(message: string): PubSubError {
  return new PubSubError('conflict', message);
}

function sendApiFailure(reply: FastifyReply, { status, code, message, more }: ApiFailure): FastifyReply {
  const { target, details } = more;
  const body = JSON.stringify({ error: { code, message, target, details } });
  reply.code(status).header('x-ms-error-code', code).type('application/json; charset=utf-8');
  return reply.send(lingering(reply, body));
}

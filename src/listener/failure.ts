import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyBaseLogger, FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { systemClock } from '../clock.js';
import { type ErrorKind, PubSubError } from '../errors.js';
import { LineBudget } from '../line-budget.js';
import { lingering } from './lingering.js';
import { responseUnderWay } from './response-under-way.js';

declare module 'fastify' {
  interface FastifyReply {
    /** Why the call was refused, for logs: without what the caller wrote into query and body. */
    refusal?: string | undefined;
  }
}

/** `target` of an error that is about the request as a whole. [rest-api 3.2] */
export const wholeRequest = 'Request';

/** An error in the format that both listeners use. [rest-api 3.1] */
export function failureBody(code: string, message: string, target: string = wholeRequest): string {
  return JSON.stringify({ code, message, target, details: null, inner: null });
}

/** Answers with the status, `x-ms-error-code` and the body. Fastify leaves the body out for HEAD. [rest-api 3.1, 3.3] */
export function sendFailureBody(reply: FastifyReply, status: number, code: string, message: string): FastifyReply {
  reply.refusal = message;
  reply.code(status).header('x-ms-error-code', code).type('application/json; charset=utf-8');
  return reply.send(lingering(reply, failureBody(code, message)));
}

const codes: Readonly<Record<number, string>> = {
  400: 'Error.BadRequest',
  401: 'Error.Unauthorized',
  403: 'Error.Forbidden',
  404: 'Error.NotFound',
  409: 'Error.Connection.Conflict', // the limit of permission overrides; nothing else is in conflict with anything
  415: 'Error.UnsupportedMediaType',
  421: 'Error.MisdirectedRequest',
  429: 'Error.TooManyRequests',
  503: 'Error.ServiceUnavailable',
};

/** `code` of an error that has no other, by its status. [rest-api 3.2] */
export function codeOf(status: number): string {
  return codes[status] ?? 'Error.InternalServerError';
}

export function isFastifyError(error: unknown): error is FastifyError {
  return error instanceof Error && 'statusCode' in error && !(error instanceof PubSubError);
}

const kinds: Readonly<Record<number, ErrorKind>> = { 400: 'invalid', 413: 'tooLarge', 415: 'unsupportedMediaType' };

/** Of whatever a hook or a route throws. Fastify itself refuses malformed content types and large bodies, among others. */
export function failureOf(error: unknown, { server }: FastifyRequest): PubSubError {
  const kind = isFastifyError(error) ? kinds[error.statusCode ?? 500] : undefined;
  if (kind === undefined) return PubSubError.from(error);
  return new PubSubError(kind, reasonOf(error as FastifyError, server.mostBodyBytes));
}

/** Fastify's own words, where they say what is wrong. */
function reasonOf({ code, statusCode, message }: FastifyError, mostBodyBytes: number | undefined): string {
  if (statusCode === 413 && mostBodyBytes !== undefined) return `The body has more than ${mostBodyBytes} bytes.`;
  return code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE' ? 'The Content-Type header is malformed.' : message;
}

/** Callers may cause a failure of ours with each request, as by tokens of an issuer whose keys cannot be fetched. */
const failureLines = { lines: 20, windowMs: 10_000 };

/** Of all that share a log. */
const budgets = new WeakMap<FastifyBaseLogger, LineBudget>();

function budgetOf(logger: FastifyBaseLogger): LineBudget {
  const known = budgets.get(logger);
  if (known !== undefined) return known;
  const { lines, windowMs } = failureLines;
  const budget = new LineBudget(lines, windowMs, systemClock, ({ count }) =>
    logger.error(`${count} more requests failed`),
  );
  budgets.set(logger, budget);
  return budget;
}

/** Logs a failure that is ours, as one of not too many. */
export function logFailure(
  failure: PubSubError,
  { method, routeOptions }: FastifyRequest,
  logger: FastifyBaseLogger | undefined,
  what: string,
): void {
  if (failure.kind !== 'internal' || logger === undefined || !budgetOf(logger).take(failure.outcome.http)) return;
  logger.error({ err: failure.cause ?? failure, method, route: routeOptions.url }, what);
}

/** An error handler for what belongs to no API. */
export function answerFailure(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  logger: FastifyBaseLogger | undefined,
): FastifyReply {
  const failure = failureOf(error, request);
  logFailure(failure, request, logger, 'a request failed');
  const { http } = failure.outcome;
  return sendFailureBody(reply, http, codeOf(http), failure.message);
}

/** For unknown paths. */
export async function answerNotFound(_request: unknown, reply: FastifyReply): Promise<FastifyReply> {
  return sendFailureBody(reply, 404, 'Error.NotFound', 'There is no operation with this path and method.');
}

export interface ClientError {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

const malformed = badSyntax('The request is not HTTP/1.1.');

/** By the code of Node's error. */
const clientErrors: Readonly<Record<string, ClientError>> = {
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    code: 'Error.RequestTimeout',
    message: 'The request was not complete in time.',
  },
  HPE_HEADER_OVERFLOW: {
    status: 431,
    code: 'Error.RequestHeaderFieldsTooLarge',
    message: 'The request line and the headers together are too large.',
  },
  HPE_INVALID_URL: badSyntax('The URL contains a character that must be percent-encoded.'),
  HPE_INVALID_CONSTANT: badSyntax('The request line must be a method, a URL without blanks, and HTTP/1.1.'),
  HPE_INVALID_HEADER_TOKEN: badSyntax('A header contains a character that is not allowed there.'),
};

function badSyntax(message: string): ClientError {
  return { status: 400, code: 'Error.BadRequest', message };
}

/**
 * Answers what could not be read as a request, and destroys the socket at once, as its peer may not read.
 * @returns what was answered; undefined when no response was possible
 */
export function answerClientError(error: Error & { code?: string }, socket: Socket): ClientError | undefined {
  if (error.code === 'ECONNRESET' || socket.destroyed) return undefined;
  const answer = clientErrors[error.code ?? ''] ?? malformed;
  const { status, code, message } = answer;
  const body = failureBody(code, message);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  const isAnswered = responseUnderWay(socket)?.headersSent === true;
  const isAnswerable = socket.writable && !isAnswered;
  if (isAnswerable) socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  socket.destroy();
  return isAnswerable ? answer : undefined;
}

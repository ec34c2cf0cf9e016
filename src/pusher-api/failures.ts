import type { FastifyReply } from 'fastify';
import { type ErrorKind, PubSubError } from '../errors.js';
import { lingering } from '../listener/lingering.js';

/** A request that is refused. */
export class ApiFailure extends PubSubError {
  /** In place of `message` in logs, where that quotes what the caller wrote into query or body. */
  readonly logged: string;
  readonly #ownRetrySeconds: number | undefined;

  constructor(kind: ErrorKind, message: string, more: { logged?: string; retryAfterSeconds?: number } = {}) {
    super(kind, message);
    this.logged = more.logged ?? message;
    this.#ownRetrySeconds = more.retryAfterSeconds;
  }

  override get retryAfterSeconds(): number | undefined {
    return this.#ownRetrySeconds ?? super.retryAfterSeconds;
  }
}

/** A value that is wrong. @param message without the value, which the log must not contain */
export function invalid(message: string): ApiFailure {
  return new ApiFailure('invalid', message);
}

export function unauthorized(message: string, logged = message): ApiFailure {
  return new ApiFailure('unauthorized', message, { logged });
}

/** Answers with the error's status and `{"error", "code"}`. [pusher-webhooks 4.3] */
export function sendFailure(reply: FastifyReply, failure: PubSubError): FastifyReply {
  const { message, retryAfterSeconds } = failure;
  const logged = failure instanceof ApiFailure ? failure.logged : message;
  const status = statusOf(failure);
  reply.refusal = logged;
  if (retryAfterSeconds !== undefined) reply.header('retry-after', String(retryAfterSeconds));
  reply.code(status).type('application/json; charset=utf-8');
  return reply.send(lingering(reply, JSON.stringify({ error: message, code: status })));
}

/** The table's, which is that of Web PubSub, with one exception: there an oversized body is 400. */
function statusOf({ kind, outcome }: PubSubError): number {
  return kind === 'tooLarge' ? 413 : outcome.http;
}

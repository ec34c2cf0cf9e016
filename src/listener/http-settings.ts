import type { ServerOptions } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { PubSubError } from '../errors.js';
import { answerClientError, type ClientError, sendFailureBody } from './failure.js';

/** How long a peer may take, in milliseconds. */
export interface ListenerTimeouts {
  /** From the connection, or the end of the request before, until the headers are complete. */
  readonly headersMs: number;
  /** From the first byte of a request to the last one of its body. */
  readonly requestMs: number;
  /** Until a TLS handshake is complete. */
  readonly handshakeMs: number;
  /** How often the first two are checked. */
  readonly checkMs: number;
}

/** Slower peers are answered with 408, at most 50 s after the start of the request. */
export const defaultTimeouts: ListenerTimeouts = {
  headersMs: 30_000,
  requestMs: 45_000,
  handshakeMs: 15_000,
  checkMs: 5_000,
};

/** Options of a Node server for the timeouts. Names are Node's. */
export function nodeTimeouts(timeouts: ListenerTimeouts): ServerOptions & { handshakeTimeout: number } {
  return {
    headersTimeout: timeouts.headersMs,
    requestTimeout: timeouts.requestMs,
    connectionsCheckingInterval: timeouts.checkMs,
    handshakeTimeout: timeouts.handshakeMs,
  };
}

/** Receives what Fastify refuses before there is a route, and with it a hook. */
export interface RefusalWatch {
  begin(request: FastifyRequest): void;
  /** When the status is set. */
  end(request: FastifyRequest, reply: FastifyReply): void;
  /** Bytes were received that could not be read as a request. */
  unreadable(answer: ClientError): void;
}

/** How an API answers what Fastify refuses before there is a route, and with it the API's own error handler. */
export interface ErrorFormat {
  /** The API's paths, such as `/apps`. */
  readonly prefix: string;
  send(reply: FastifyReply, failure: PubSubError): void;
}

/**
 * Settings of both listeners, so that errors do not have Fastify's own format.
 * @param formats of APIs with another one than the listener's
 */
export function fastifySettings(
  timeouts: ListenerTimeouts,
  watch?: RefusalWatch,
  formats: readonly ErrorFormat[] = [],
) {
  return {
    requestTimeout: timeouts.requestMs, // Fastify would set the server's to none
    clientErrorHandler: (error: Error, socket: Socket) => {
      const answer = answerClientError(error, socket);
      if (answer !== undefined) watch?.unreadable(answer);
    },
    return503OnClosing: false, // what comes on a connection that is still open is served, and the connection closed
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      watch?.begin(request);
      const format = formats.find(({ prefix }) => isBelow(request.url, prefix));
      if (format === undefined) sendFailureBody(reply, 400, 'Error.BadRequest', withoutUrl(error));
      else format.send(reply, new PubSubError('invalid', withoutUrl(error)));
      watch?.end(request, reply);
    },
  };
}

/** Letter case does not count, as for routes. */
function isBelow(target: string, prefix: string): boolean {
  return target.slice(0, prefix.length).toLowerCase() === prefix && /^(?:[/?]|$)/.test(target.slice(prefix.length));
}

/** Fastify's messages quote the URL, which may contain a token. */
function withoutUrl(error: FastifyError): string {
  return error.code === 'FST_ERR_BAD_URL' ? 'The URL holds malformed percent-encoding.' : 'The URL is malformed.';
}

import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ApiLimits } from './apps.js';
import { callOf } from './call.js';
import { ApiFailure } from './failures.js';

/** Enough for ten events of 100 KB, the largest that are usual elsewhere, each as JSON in a string of JSON. */
const usualBodyBytes = 2 * 1024 * 1024;

/** Most bytes that JSON needs for one byte of a string: `\u0000`. */
const longestEscape = 6;

/** Largest body of a request: at least one event of the app's largest size fits, however it is written. */
export function bodyLimitOf({ maxEventBytes }: ApiLimits): number {
  return Math.max(usualBodyBytes, maxEventBytes * longestEscape);
}

/**
 * Bodies are kept as bytes, over which the signature is. Some SDKs name no media type, or another one: all are JSON. Only
 * callers whose signature is valid are read.
 */
export function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  // The usual one is named only because Fastify remembers the parser of a named one.
  app.addContentTypeParser(['application/json', '*'], readBody);
}

function readBody(
  request: FastifyRequest,
  payload: IncomingMessage,
  done: (error: Error | null, body?: Buffer) => void,
): void {
  const limit = bodyLimitOf(callOf(request).limits);
  const chunks: Buffer[] = [];
  let length = 0;
  const end = (error: Error | null, body?: Buffer) => {
    payload.off('data', take).off('end', finish).off('error', fail);
    done(error, body);
  };
  const take = (chunk: Buffer) => {
    length += chunk.length;
    if (length > limit) end(tooLarge(limit));
    else chunks.push(chunk);
  };
  const finish = () => end(null, chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, length));
  // The client is gone: nobody reads the answer.
  const fail = (error: Error) => end(Object.assign(error, { statusCode: 400 }));
  if (Number(request.headers['content-length'] ?? 0) > limit) done(tooLarge(limit));
  else payload.on('data', take).on('end', finish).on('error', fail);
}

function tooLarge(limit: number): ApiFailure {
  return new ApiFailure('tooLarge', `The body has more than ${limit} bytes.`);
}

import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { codedBody } from '../listener/bodies.js';
import { syncHook } from '../listener/hooks.js';
import { jsonBytesFor } from '../protocols/pusher/names.js';
import type { ApiLimits } from './apps.js';
import { callOf } from './call.js';
import { ApiFailure } from './failures.js';

const mebibyte = 1024 * 1024;

/** Every app may send so much: members that are not known here, and white space, are no mistake. */
const leastBodyBytes = 2 * mebibyte;

/** What a batch may take at most: the body is in memory as a whole while it is read. One event may take more. */
export const mostBatchBytes = 96 * mebibyte;

/** Quotes and a comma. */
const aroundName = 3;

/** Largest body of a request: whatever the app's own limits allow fits, however it is written, a batch up to `mostBatchBytes`. */
export function bodyLimitOf(limits: ApiLimits): number {
  const { maxEventBytes, maxEventsPerBatch, maxChannelsPerEvent, maxChannelNameLength } = limits;
  const channel = maxChannelNameLength + aroundName;
  const oneBytes = jsonBytesFor(maxEventBytes);
  const batchBytes = Math.min(maxEventsPerBatch * (oneBytes + channel), mostBatchBytes);
  return Math.max(leastBodyBytes, oneBytes + maxChannelsPerEvent * channel, batchBytes);
}

/**
 * Bodies are kept as bytes, over which the signature is. Some SDKs name no media type, or another one, or what is none: all are
 * JSON. Only callers whose signature is valid are read.
 */
export function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(mediaType, readBody);
  app.addHook(
    'onRequest',
    syncHook(request => {
      request.raw.headers['content-type'] = mediaType;
    }),
  );
}

const mediaType = 'application/json';

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
  const coded = codedBody(request);
  if (coded !== undefined) done(coded);
  else if (Number(request.headers['content-length'] ?? 0) > limit) done(tooLarge(limit));
  else payload.on('data', take).on('end', finish).on('error', fail);
}

function tooLarge(limit: number): ApiFailure {
  return new ApiFailure('tooLarge', `The body has more than ${limit} bytes.`);
}

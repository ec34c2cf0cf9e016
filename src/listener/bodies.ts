import type { FastifyInstance, FastifyRequest } from 'fastify';
import { PubSubError } from '../errors.js';
import { contentCoding } from '../protocols/content-coding.js';

declare module 'fastify' {
  interface FastifyInstance {
    /** Bytes that the body of a request may have; undefined: none is read. */
    readonly mostBodyBytes?: number;
  }
}

/**
 * Bodies come as Buffers, whatever their content type says: built-in parsers would read JSON once more, and refuse types that
 * they do not know. A body with more than `mostBytes` is refused, and so is one with a content coding. [rest-api 2.11]
 */
export function takeBodies(app: FastifyInstance, mostBytes: number): void {
  app.removeAllContentTypeParsers();
  app.decorate('mostBodyBytes', mostBytes);
  // The usual types are named only because Fastify remembers the parser of a named one.
  const types = ['application/json', 'text/plain', 'application/octet-stream', '*'];
  app.addContentTypeParser(types, { parseAs: 'buffer', bodyLimit: mostBytes }, (request, body, done) =>
    done(codedBody(request) ?? null, body),
  );
}

/** Undefined for a body that is as it is. One that is compressed would be sent on to clients as it came. [RFC 9110 15.5.16] */
export function codedBody({ headers }: FastifyRequest): PubSubError | undefined {
  const coding = contentCoding(headers['content-encoding'] ?? '');
  if (coding === undefined) return undefined;
  return new PubSubError(
    'unsupportedMediaType',
    `The Content-Encoding "${coding}" is not supported; send the body without one.`,
  );
}

/** Bodies remain in the socket: what needs one calls `takeBodies` for its own routes. */
export function leaveBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
}

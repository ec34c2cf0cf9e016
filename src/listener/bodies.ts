import type { FastifyInstance } from 'fastify';

declare module 'fastify' {
  interface FastifyInstance {
    /** Bytes that the body of a request may have; undefined: none is read. */
    readonly mostBodyBytes?: number;
  }
}

/**
 * Bodies come as Buffers, whatever their content type says: built-in parsers would read JSON once more, and refuse types that
 * they do not know. A body with more than `mostBytes` is refused. [rest-api 2.11]
 */
export function takeBodies(app: FastifyInstance, mostBytes: number): void {
  app.removeAllContentTypeParsers();
  app.decorate('mostBodyBytes', mostBytes);
  // The usual types are named only because Fastify remembers the parser of a named one.
  const types = ['application/json', 'text/plain', 'application/octet-stream', '*'];
  app.addContentTypeParser(types, { parseAs: 'buffer', bodyLimit: mostBytes }, (_request, body, done) =>
    done(null, body),
  );
}

/** Bodies remain in the socket: what needs one calls `takeBodies` for its own routes. */
export function leaveBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
}

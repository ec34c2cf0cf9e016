import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';

/** How long the remaining body of a refused request is read and discarded. */
const lingerMs = 2_000;

/**
 * The body of a refusal; the connection closes after it when the request's own body has not been read. Closing at once
 * would reset the connection, and a caller that is still sending would never see the answer: the response therefore ends
 * once the request has, or after two seconds. [RFC 9112 9.6]
 */
export function lingering(reply: FastifyReply, body: string): string | Readable {
  const request = reply.request.raw;
  if (request.complete || request.readableEnded || !announcesBody(request)) return body;
  reply.header('connection', 'close');
  if (request.method === 'HEAD') return body;
  reply.header('content-length', String(Buffer.byteLength(body)));
  return new LingeringBody(request, body);
}

/** The flag of a complete request is set only after its handlers have run. [RFC 9112 6.3] */
function announcesBody({ headers }: IncomingMessage): boolean {
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

/** Text that is there at once, from a stream that ends only when the request does. */
class LingeringBody extends Readable {
  readonly #request: IncomingMessage;
  readonly #timer: NodeJS.Timeout;

  constructor(request: IncomingMessage, text: string) {
    super();
    this.#request = request;
    this.#timer = setTimeout(this.#finish, lingerMs).unref();
    this.push(text);
    request.once('end', this.#finish);
    request.once('close', this.#finish);
    request.resume();
  }

  override _read(): void {}

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#stop();
    done(error);
  }

  readonly #finish = (): void => {
    this.#stop();
    this.push(null);
  };

  #stop(): void {
    clearTimeout(this.#timer);
    this.#request.off('end', this.#finish);
    this.#request.off('close', this.#finish);
  }
}

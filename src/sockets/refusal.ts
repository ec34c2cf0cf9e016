import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { ConnectRefused, type ErrorKind, PubSubError } from '../errors.js';

/** A refusal with additional headers. */
export class RefusedUpgrade extends PubSubError {
  constructor(
    kind: ErrorKind,
    message: string,
    readonly headers: Readonly<Record<string, string>>,
  ) {
    super(kind, message);
  }
}

/** A refusal with a close code of its own, once the client has a WebSocket. */
export class ClosedUpgrade extends PubSubError {
  constructor(
    kind: ErrorKind,
    message: string,
    readonly closeCode: number,
  ) {
    super(kind, message);
  }
}

/** An HTTP response in place of an upgrade. [client-protocols 1.4] */
export interface Refusal {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: Buffer;
  /** Besides those that every answer has. */
  readonly headers?: Readonly<Record<string, string>>;
  /** For logs. */
  readonly reason: string;
}

/** The upstream's refusal is passed on unchanged; our own refusals contain a reason, internal errors do not. [upstream-events D17] */
export function refusalOf(cause: unknown): Refusal {
  if (cause instanceof ConnectRefused) {
    const { status, body, contentType, message } = cause;
    return { status, contentType, body: body ?? Buffer.alloc(0), reason: message };
  }
  const error = PubSubError.from(cause);
  const status = error.outcome.http;
  const { retryAfterSeconds } = error;
  const body = Buffer.from(bodyTextOf(error));
  const refusal = { status, contentType: 'text/plain; charset=utf-8', body, reason: error.message };
  if (retryAfterSeconds !== undefined) return { ...refusal, headers: { 'Retry-After': String(retryAfterSeconds) } };
  return error instanceof RefusedUpgrade ? { ...refusal, headers: error.headers } : refusal;
}

/** What failed inside the service is none of the client's business, unless it may come again. */
function bodyTextOf(error: PubSubError): string {
  const { http, retryAfterSeconds } = error.outcome;
  if (http < 500) return error.message;
  return retryAfterSeconds === undefined ? '' : error.publicText;
}

/** Writes the response and ends the socket: after its `upgrade` event no HTTP server writes to it. */
export function refuse(socket: Duplex, refusal: Refusal): void {
  const { status, contentType, body, headers = {} } = refusal;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Connection: close',
    `Content-Length: ${body.length}`,
  ];
  if (status === 401) head.push('WWW-Authenticate: Bearer');
  for (const [name, value] of Object.entries(headers)) head.push(`${name}: ${value}`);
  if (contentType !== undefined && body.length > 0) head.push(`Content-Type: ${contentType}`);
  socket.once('finish', () => socket.destroy());
  socket.end(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), body]));
}

import type { Dispatcher } from 'undici';
import type { Clock } from '../clock.js';

/** Header names in lower case; a name that came on several lines has an array, one item a line. */
export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

export interface Response {
  readonly kind: 'response';
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly body: Buffer;
}

/**
 * Why there is no response: `connection` before the headers, `body` after them; `timeout` in either part; `tooLarge`
 * past the body's limit; `unsendable` when it was never put on the wire.
 */
export interface Failure {
  readonly kind: 'failure';
  readonly failure: 'connection' | 'timeout' | 'body' | 'tooLarge' | 'unsendable';
  /** The system's or library's error code. */
  readonly code: string | undefined;
}

export type Answer = Response | Failure;

/** How much of a body is wanted, and what to do with a longer one. */
export interface BodyLimit {
  readonly bytes: number;
  readonly beyond: 'fail' | 'cut';
}

export interface Bounds {
  /** Milliseconds until the response's headers, opening a socket included. */
  readonly headersWithinMs: number;
  /** Milliseconds from the headers to the body's end. */
  readonly bodyWithinMs: number;
  bodyLimit(status: number): BodyLimit;
}

/** The answer is known at its headers; what follows is read on only to keep the socket. */
export const noBody: BodyLimit = { bytes: 0, beyond: 'cut' };

/** An unwanted rest up to this size is read so that the socket can be used again; a longer one costs the socket. */
const maxDrainedBytes = 64 * 1024;

const empty = Buffer.alloc(0);

type Head = {
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly limit: BodyLimit;
  readonly atMs: number;
};

/** One request and its response, as undici reports them. Resolves once, and goes on until the socket is free. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #clock: Clock;
  readonly #bounds: Bounds;
  readonly #resolve: (answer: Answer) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #head: Head | undefined;
  #chunks: Buffer[] = [];
  #receivedBytes = 0;
  #isAnswered = false;
  #isAborted = false;
  #cancelTimer: () => void;

  constructor(clock: Clock, bounds: Bounds, resolve: (answer: Answer) => void) {
    this.#clock = clock;
    this.#bounds = bounds;
    this.#resolve = resolve;
    this.#cancelTimer = clock.after(bounds.headersWithinMs, () => this.#onTimer());
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // The time was up while the socket was being opened.
    if (this.#isAborted) this.#abort();
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: ResponseHeaders): void {
    this.#controller = controller;
    if (status < 200) return;
    const limit = this.#bounds.bodyLimit(status);
    this.#head = { status, headers, limit, atMs: this.#clock.monotonicMs() };
    if (limit.bytes === 0 && limit.beyond === 'cut') this.#respond();
    else if (limit.beyond === 'fail' && Number(headers['content-length']) > limit.bytes) this.#refuseBody();
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#receivedBytes += chunk.length;
    if (!this.#isAnswered) this.#take(chunk);
    if (this.#isAnswered && this.#receivedBytes > maxDrainedBytes) this.#abort();
  }

  onResponseEnd(): void {
    this.#cancelTimer();
    if (!this.#isAnswered) this.#respond();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#cancelTimer();
    const code = codeOf(error);
    this.#fail(this.#head ? 'body' : code === 'UND_ERR_INVALID_ARG' ? 'unsendable' : 'connection', code);
  }

  /** One timer serves both parts: when it runs out during the body, it is set again for the rest of the body's time. */
  #onTimer(): void {
    const restMs = this.#head ? this.#head.atMs + this.#bounds.bodyWithinMs - this.#clock.monotonicMs() : 0;
    if (restMs > 0) {
      this.#cancelTimer = this.#clock.after(restMs, () => this.#onTimer());
      return;
    }
    this.#fail('timeout', undefined);
    this.#abort();
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    const { limit } = this.#head!;
    if (this.#receivedBytes <= limit.bytes) return;
    if (limit.beyond === 'fail') this.#refuseBody();
    else this.#respond();
  }

  #refuseBody(): void {
    this.#fail('tooLarge', undefined);
    this.#abort();
  }

  #abort(): void {
    this.#isAborted = true;
    this.#cancelTimer();
    this.#controller?.abort(new Error('the rest of the exchange is not wanted'));
  }

  #respond(): void {
    const { status, headers, limit } = this.#head!;
    this.#isAnswered = true;
    this.#resolve({ kind: 'response', status, headers, body: this.#body(limit.bytes) });
    this.#chunks = [];
  }

  #body(maxBytes: number): Buffer {
    if (this.#chunks.length === 0) return empty;
    const body = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    return body.length > maxBytes ? body.subarray(0, maxBytes) : body;
  }

  #fail(failure: Failure['failure'], code: string | undefined): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#chunks = [];
    this.#resolve({ kind: 'failure', failure, code });
  }
}

/** A host with several addresses fails with one error for all of them; its code, or else the first one's, says why. */
function codeOf(error: Error): string | undefined {
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error instanceof AggregateError && error.errors[0] instanceof Error ? codeOf(error.errors[0]) : undefined;
}

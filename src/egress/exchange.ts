import type { Dispatcher } from 'undici';
import type { Clock } from '../clock.js';
import { addressRefused } from './connector.js';

/** Header names in lower case; a name that came on several lines has an array, one item a line. */
export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

export interface Response {
  readonly kind: 'response';
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly body: Buffer;
}

/**
 * Why there is no response. Never put on the wire: `unsendable`; `overloaded` when too many wait for the same upstream;
 * `queueTimeout` when its time was up while it waited; `held` when its sender may not send it when its turn has come; `proxy` when a proxy refused to pass it on. Nothing came back:
 * `connection`. Something came back: `head` when that is no response that can be read, `body` when the rest broke off,
 * `tooLarge` past the body's limit. In either part: `timeout`, or `cancelled` by the sender.
 */
export interface Failure {
  readonly kind: 'failure';
  readonly failure:
    | 'unsendable'
    | 'overloaded'
    | 'queueTimeout'
    | 'held'
    | 'proxy'
    | 'connection'
    | 'head'
    | 'body'
    | 'tooLarge'
    | 'timeout'
    | 'cancelled';
  /** The system's or library's error code, or the library's message about a head that it cannot parse. */
  readonly code: string | undefined;
  /** URL of the proxy on the way, without its credentials. */
  readonly proxy?: string | undefined;
  /** Of the response whose rest did not come, or was not wanted. */
  readonly head?: ResponseHead | undefined;
}

export interface ResponseHead {
  readonly status: number;
  readonly headers: ResponseHeaders;
}

export type Answer = Response | Failure;

/** How much of a body is needed, and what to do with a longer one. */
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

/** The response headers are sufficient; the body is read only to keep the socket. */
export const noBody: BodyLimit = { bytes: 0, beyond: 'cut' };

/** An unwanted rest up to this size is read so that the socket can be used again; a longer one costs the socket. */
const maxDrainedBytes = 64 * 1024;

const empty = Buffer.alloc(0);

interface Head extends ResponseHead {
  readonly limit: BodyLimit;
  /** Monotonic; not read where the body has no time of its own. */
  readonly atMs: number;
}

/** What a request occupies until its socket is free. */
interface Place {
  leave(): void;
}

/** One request and its response, as undici reports them. Resolves once, and goes on until the socket is free. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #clock: Clock;
  readonly #bounds: Bounds;
  readonly #resolve: (answer: Answer) => void;
  readonly #proxy: string | undefined;
  #place: Place | undefined;
  /** While it waits for its turn. */
  #leaveQueue: (() => void) | undefined;
  /** Monotonic milliseconds by which the headers must be there; undefined while the timer stands for it. */
  #headersDueMs: number | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  /** Bytes have been received, HTTP or not. */
  #isResponding = false;
  #head: Head | undefined;
  #chunks: Buffer[] | undefined;
  #receivedBytes = 0;
  #isAnswered = false;
  #isAborted = false;
  #cancelTimer: () => void;

  /** @param proxy URL of the proxy on the way, without its credentials */
  constructor(clock: Clock, bounds: Bounds, resolve: (answer: Answer) => void, proxy?: string) {
    this.#clock = clock;
    this.#bounds = bounds;
    this.#resolve = resolve;
    this.#proxy = proxy;
    this.#cancelTimer = clock.after(bounds.headersWithinMs, () => this.#onTimer());
  }

  /** It waits for its turn, as it was made; `leaveQueue` ends the wait when its time is up. @param longestMs of the wait alone */
  queued(leaveQueue: () => void, longestMs = Number.POSITIVE_INFINITY): void {
    const { headersWithinMs } = this.#bounds;
    this.#leaveQueue = leaveQueue;
    if (longestMs >= headersWithinMs) return;
    this.#headersDueMs = this.#clock.monotonicMs() + headersWithinMs;
    this.#cancelTimer();
    this.#cancelTimer = this.#clock.after(longestMs, () => this.#onTimer());
  }

  /** It is about to be dispatched. */
  starts(place: Place): void {
    this.#leaveQueue = undefined;
    this.#place = place;
  }

  /** It is not dispatched at all. */
  refuse(failure: Failure['failure']): void {
    this.#cancelTimer();
    this.#fail(failure, undefined);
  }

  /** The response is no longer needed: cancels the request in any state. */
  cancel(): void {
    if (this.#isAnswered) return;
    this.#fail('cancelled', undefined);
    this.#abort();
  }

  /** As `cancel`, as long as it waits for its turn or for a socket; one that has been sent goes on. */
  withdraw(): void {
    if (this.#controller === undefined) this.cancel();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // It was given up, or its time was up, while the socket was being opened.
    if (this.#isAborted) this.#abort();
  }

  /** At the first byte that comes back, whatever it is: the request has been taken, so it is not sent again. */
  onResponseStarted(): void {
    this.#isResponding = true;
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: ResponseHeaders): void {
    this.#controller = controller;
    if (status < 200) return;
    if (status === 407 && this.#proxy !== undefined) {
      this.#fail('proxy', 'PROXY_407');
      this.#abort();
      return;
    }
    const limit = this.#bounds.bodyLimit(status);
    const atMs = this.#bounds.bodyWithinMs > 0 ? this.#clock.monotonicMs() : 0;
    this.#head = { status, headers, limit, atMs };
    if (isHeadOnly(status) || (limit.bytes === 0 && limit.beyond === 'cut')) this.#respond();
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
    this.#free();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#cancelTimer();
    const code = codeOf(error);
    if (this.#head) this.#fail('body', code);
    else if (this.#isResponding) this.#fail('head', code);
    else this.#fail(unansweredFailure(code), code);
    this.#free();
  }

  /**
   * An exchange that waited in a queue is in the old generation. What it refers to would stay alive, and become old too,
   * until the next full collection.
   */
  #free(): void {
    const place = this.#place;
    this.#place = undefined;
    this.#controller = undefined;
    this.#head = undefined;
    place?.leave();
  }

  /** One timer serves all parts: when it runs out after the queue or during the body, it is set again for the rest of the time. */
  #onTimer(): void {
    const restMs = this.#leaveQueue ? 0 : this.#restMs();
    if (restMs > 0) {
      this.#cancelTimer = this.#clock.after(restMs, () => this.#onTimer());
      return;
    }
    this.#fail(this.#leaveQueue ? 'queueTimeout' : 'timeout', undefined);
    this.#abort();
  }

  /** Of the time of the part that is under way. */
  #restMs(): number {
    const dueMs = this.#head ? this.#head.atMs + this.#bounds.bodyWithinMs : this.#headersDueMs;
    return dueMs === undefined ? 0 : dueMs - this.#clock.monotonicMs();
  }

  #take(chunk: Buffer): void {
    if (this.#chunks === undefined) this.#chunks = [chunk];
    else this.#chunks.push(chunk);
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
    this.#leaveQueue?.();
    this.#leaveQueue = undefined;
    this.#controller?.abort(new Error('the rest of the exchange is not wanted'));
  }

  #respond(): void {
    const { status, headers, limit } = this.#head!;
    this.#isAnswered = true;
    this.#resolve({ kind: 'response', status, headers, body: this.#body(limit.bytes) });
    this.#chunks = undefined;
  }

  #body(maxBytes: number): Buffer {
    if (this.#chunks === undefined) return empty;
    const body = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    return body.length > maxBytes ? body.subarray(0, maxBytes) : body;
  }

  #fail(failure: Failure['failure'], code: string | undefined): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#chunks = undefined;
    const head = this.#head && { status: this.#head.status, headers: this.#head.headers };
    this.#resolve({
      kind: 'failure',
      failure,
      code,
      ...(this.#proxy !== undefined && { proxy: this.#proxy }),
      ...(head && { head }),
    });
  }
}

/** Such a response ends with its headers, whatever `Content-Length` they give. [RFC 9110 15.3.5, 15.4.5] */
function isHeadOnly(status: number): boolean {
  return status === 204 || status === 304;
}

const unsendableCodes: readonly string[] = ['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED', addressRefused];

/** What the library refuses, the guard of addresses, or a proxy: none of it was put on the wire to the upstream, nor would be the next time. */
function unansweredFailure(code: string | undefined): Failure['failure'] {
  if (code !== undefined && unsendableCodes.includes(code)) return 'unsendable';
  return code !== undefined && /^PROXY_4\d\d$/.test(code) ? 'proxy' : 'connection';
}

/** A host with several addresses fails with one error for all of them: its code, or else that of the first one. */
function codeOf(error: Error): string | undefined {
  // Errors of the parser and of proxies have no code; these messages are the library's own and quote no response.
  const [, detail] = /^Response does not match the HTTP\/1\.1 protocol \((.+)\)$/.exec(error.message) ?? [];
  if (detail !== undefined) return detail;
  const [, status] = /^Proxy response \((\d+)\)/.exec(error.message) ?? [];
  if (status !== undefined) return `PROXY_${status}`;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error instanceof AggregateError && error.errors[0] instanceof Error ? codeOf(error.errors[0]) : undefined;
}

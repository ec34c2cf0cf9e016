import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Observer } from '../hub/ports.js';
import type { ClientError } from '../listener/failure.js';
import type { RequestWatch } from '../listener/public-server.js';
import { loggedPath } from '../listener/request-target.js';
import { operationOf } from './operation.js';

/** Where calls are reported, and in which detail. */
export interface CallReports {
  readonly observer: Pick<Observer, 'restCallFinished' | 'restCallTold'>;
  /** Milliseconds of a clock that is never set. */
  monotonicMs(): number;
  /** Are details reported for every call, with the receivers of a send? If not, only for refusals. */
  readonly isTraced: boolean;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Monotonic milliseconds. */
    startedMs: number;
    /** Of a call that is reported in detail. */
    receivers: Receivers | undefined;
  }
}

/** The operation label of all other requests: pages, unknown paths, and what is not HTTP. */
const noOperation = 'other';

/** Measures calls, and reports their results. */
export class Calls implements RequestWatch {
  readonly #reports: CallReports;

  constructor(reports: CallReports) {
    this.#reports = reports;
  }

  /** Adds the first hook of every request and the last one of every response. Call it before other hooks are added. */
  watch(app: FastifyInstance): void {
    app.decorateRequest('startedMs', 0);
    app.decorateRequest('receivers', undefined);
    app.addHook('onRequest', (request, _reply, done) => {
      this.begin(request);
      done();
    });
    app.addHook('onSend', (request, reply, _payload, done) => {
      this.end(request, reply);
      done();
    });
  }

  begin(request: FastifyRequest): void {
    request.startedMs = this.#reports.monotonicMs();
    if (this.#reports.isTraced) request.receivers = new Receivers();
  }

  /** When the status is set, and before the response is sent. */
  end(request: FastifyRequest, reply: FastifyReply): void {
    const { observer, isTraced } = this.#reports;
    const { statusCode: status } = reply;
    const durationMs = this.#reports.monotonicMs() - request.startedMs;
    observer.restCallFinished(operationOf(request)?.id ?? noOperation, status, durationMs);
    if (isTraced || status >= 400) this.#tell(request, reply, durationMs);
  }

  /** Bytes were received that could not be parsed as a request. */
  unreadable({ status, message: reason }: ClientError): void {
    const { observer } = this.#reports;
    observer.restCallFinished(noOperation, status, 0);
    const nothingKnown = { method: '', path: '', durationMs: 0, receivers: undefined, isAnswer: false };
    observer.restCallTold({ ...nothingKnown, status, reason });
  }

  /** A send that was delivered: the line contains the number of receivers. */
  #tell(request: FastifyRequest, reply: FastifyReply, durationMs: number): void {
    const { method, url, receivers: count } = request;
    const { statusCode: status, refusal: reason } = reply;
    const isAnswer = status === 404 && method === 'HEAD' && operationOf(request) !== undefined;
    const at = { method, path: loggedPath(url), status, durationMs, reason, isAnswer };
    const tell = (receivers: number | undefined) => this.#reports.observer.restCallTold({ ...at, receivers });
    if (count === undefined || status >= 400) tell(undefined);
    else count.whenKnown(tell);
  }
}

/** The number of receivers of a send, which is available only after the response. */
export class Receivers {
  #isAwaited = false;
  #receivers: number | undefined;
  #tell: ((receivers: number) => void) | undefined;

  /** For the one send of the call. */
  take(): (receivers: number) => void {
    this.#isAwaited = true;
    return receivers => {
      this.#receivers = receivers;
      this.#tell?.(receivers);
    };
  }

  /** Calls back at once when it is available, or when nothing is sent. */
  whenKnown(tell: (receivers: number | undefined) => void): void {
    if (this.#isAwaited && this.#receivers === undefined) this.#tell = tell;
    else tell(this.#receivers);
  }
}

/** Callback for the hub with the number of receivers; undefined when it is not reported. */
export function onDeliveredOf(request: FastifyRequest): ((receivers: number) => void) | undefined {
  return request.receivers?.take();
}

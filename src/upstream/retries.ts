import type { CancelSignal } from '../cancellation.js';
import { type Clock, within } from '../clock.js';
import type { OutgoingRequest } from '../egress/destination.js';
import { type Answer, type BodyLimit, type Failure, noBody, type Response } from '../egress/exchange.js';
import { causeText, type FailureText, headText, proxyText } from '../egress/failure-text.js';
import { longestWaitMs } from '../egress/lanes.js';
import type { Transport } from '../egress/transport.js';
import { type ErrorKind, PubSubError } from '../errors.js';
import type { Attempted } from '../hub/facts.js';
import type { DeliveryOptions } from './options.js';

/** The part of a `Transport` that sending an event needs. */
type Sender = Pick<Transport, 'send'>;

/** One event on its way out. */
export interface OutgoingEvent {
  readonly request: OutgoingRequest;
  /** Monotonic milliseconds; the response's headers must be there by then, whatever was tried and waited for. */
  deadlineMs: number;
  /** How much of the answer's body is of use. */
  bodyLimit(status: number): BodyLimit;
  /** Requests sent so far. */
  attempts: number;
  /** May it be sent now? Undefined: always. False: never again. */
  readonly gate?: Gate | undefined;
  /** Sees each of them; undefined when nobody watches. */
  readonly watch: AttemptWatch | undefined;
}

export type Gate = () => boolean | Promise<boolean>;

/** Sees a request and its answer, once that is there. */
export type AttemptWatch = (
  seen: Pick<Attempted, 'attempt' | 'request' | 'answer' | 'startedMs' | 'durationMs'>,
) => void;

/**
 * Sends an event, and again with the same bytes when the answer is 408 or 5xx or there is none. Chained: an
 * `async` function needs more memory while the event waits in a queue. [upstream-events 7.1]
 * @throws PubSubError `eventFailed` when there is no response, or one that cannot be read
 */
export function sendWithRetries(
  transport: Sender,
  clock: Clock,
  outgoing: OutgoingEvent,
  options: DeliveryOptions,
): Promise<Response> {
  const startedMs = outgoing.watch && clock.monotonicMs();
  return attemptWhenAllowed(transport, clock, outgoing, options).then(answer => {
    if (startedMs !== undefined) tellAttempt(clock, outgoing, answer, startedMs);
    const delayMs = isRetryable(answer) ? nextDelayMs(clock, outgoing, options) : undefined;
    if (delayMs === undefined) return responseOf(answer, outgoing, options);
    const waited = pause(clock, delayMs, outgoing.request.signal);
    return waited.then(() => sendWithRetries(transport, clock, outgoing, options));
  });
}

/** Resolves as `work` does, unless the time is up first. @throws PubSubError `eventFailed` then */
export function until<T>(clock: Clock, deadlineMs: number, work: Promise<T>, what: string): Promise<T> {
  const late = () => new PubSubError('eventFailed', `the event timed out while waiting for ${what}`);
  return within(deadlineMs - clock.monotonicMs(), work, late, clock);
}

function attemptWhenAllowed(
  transport: Sender,
  clock: Clock,
  outgoing: OutgoingEvent,
  options: DeliveryOptions,
): Promise<Answer> {
  const isAllowed = outgoing.gate?.() ?? true;
  if (isAllowed !== true) return waitAtGate(isAllowed, transport, clock, outgoing, options);
  const answered = attempt(transport, clock, outgoing, options);
  if (outgoing.gate === undefined) return answered;
  return answered.then(answer => {
    if (answer.kind === 'response' || answer.failure !== 'held') return answer;
    outgoing.attempts -= 1;
    return attemptWhenAllowed(transport, clock, outgoing, options);
  });
}

/** The wait is no part of the time that the event may take. */
async function waitAtGate(
  isAllowed: false | Promise<boolean>,
  transport: Sender,
  clock: Clock,
  outgoing: OutgoingEvent,
  options: DeliveryOptions,
): Promise<Answer> {
  const sinceMs = clock.monotonicMs();
  if (!(await isAllowed)) return { kind: 'failure', failure: 'held', code: undefined };
  outgoing.deadlineMs += clock.monotonicMs() - sinceMs;
  return attemptWhenAllowed(transport, clock, outgoing, options);
}

function attempt(transport: Sender, clock: Clock, outgoing: OutgoingEvent, options: DeliveryOptions): Promise<Answer> {
  outgoing.attempts += 1;
  return transport.send(outgoing.request, {
    headersWithinMs: outgoing.deadlineMs - clock.monotonicMs(),
    bodyWithinMs: options.timeoutMs,
    // The body of a response is not needed if the request is repeated.
    bodyLimit: status =>
      isRetryableStatus(status) && nextDelayMs(clock, outgoing, options) !== undefined
        ? noBody
        : outgoing.bodyLimit(status),
  });
}

function tellAttempt(
  clock: Clock,
  { watch, attempts, request }: OutgoingEvent,
  answer: Answer,
  startedMs: number,
): void {
  watch?.({ attempt: attempts, request, answer, startedMs, durationMs: clock.monotonicMs() - startedMs });
}

function isRetryable(answer: Answer): boolean {
  return answer.kind === 'response' ? isRetryableStatus(answer.status) : answer.failure === 'connection';
}

function isRetryableStatus(status: number): boolean {
  return status === 408 || status >= 500;
}

/** Undefined: that was the last attempt; a wait beyond the deadline would be useless. */
function nextDelayMs(clock: Clock, outgoing: OutgoingEvent, options: DeliveryOptions): number | undefined {
  const delayMs = options.retryDelaysMs[outgoing.attempts - 1];
  return delayMs !== undefined && clock.monotonicMs() + delayMs < outgoing.deadlineMs ? delayMs : undefined;
}

/** Ends early when the request is cancelled, which the next attempt then reports. */
function pause(clock: Clock, delayMs: number, signal: CancelSignal | undefined): Promise<void> {
  return new Promise(resolve => {
    const end = () => {
      cancel();
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.after(delayMs, end);
    signal?.addEventListener('abort', end);
  });
}

function responseOf(answer: Answer, outgoing: OutgoingEvent, options: DeliveryOptions): Response {
  if (answer.kind === 'response') return answer;
  throw new PubSubError(kindOf(answer, outgoing), reasonOf(answer, outgoing, options));
}

function kindOf({ failure }: Failure, outgoing: OutgoingEvent): ErrorKind {
  if (failure === 'overloaded' || failure === 'cancelled') return failure;
  if (failure === 'held') return 'cancelled';
  return failure === 'queueTimeout' && isConnect(outgoing) ? 'waitedTooLong' : 'eventFailed';
}

function isConnect({ request }: OutgoingEvent): boolean {
  return request.lane?.traffic === 'connect';
}

function reasonOf(failure: Failure, outgoing: OutgoingEvent, options: DeliveryOptions): string {
  const { origin } = outgoing.request;
  const code = failure.code === undefined ? '' : ` (${failure.code})`;
  const most = mostText(outgoing, options);
  switch (failure.failure) {
    case 'connection':
      return `no connection to ${origin}${by(failure)}${causeText(failure.code)}`;
    case 'proxy':
      return `cannot reach ${origin}: ${sentence(proxyText(failure, origin))}`;
    case 'timeout':
      return `${origin} did not answer within ${options.timeoutMs} ms`;
    case 'queueTimeout':
      return `the event waited ${waitMs(outgoing, options)} ms in the queue: ${origin} receives at most ${most}, and is too slow for the load`;
    case 'overloaded':
      return `too many events wait for ${origin}, which receives at most ${most}; make it faster, or raise the limit`;
    case 'head':
      return `${origin} answered, but ${sentence(headText(failure.code))}`;
    case 'body':
      return `the connection to ${origin} broke in the middle of the answer${code}`;
    case 'tooLarge':
      return `the answer of ${origin} is larger than ${options.maxResponseBytes} bytes`;
    case 'unsendable':
      return `the request to ${origin} could not be sent${code}`;
    case 'held':
      return 'other nodes have taken over from this one, which therefore posts nothing';
    case 'cancelled':
      return 'the client left before the answer came';
  }
}

function mostText(outgoing: OutgoingEvent, options: DeliveryOptions): string {
  const most = `${options.maxConcurrentPerUpstream} requests at a time (delivery.maxConcurrentPerUpstream)`;
  return isConnect(outgoing)
    ? `${options.connectsInFlight} connect events (limits.connectsInFlight) and ${most}`
    : most;
}

function waitMs({ request }: OutgoingEvent, { timeoutMs }: DeliveryOptions): number {
  return Math.min(timeoutMs, (request.lane && longestWaitMs[request.lane.traffic]) ?? timeoutMs);
}

function by({ proxy }: Failure): string {
  return proxy === undefined ? '' : ` through the proxy ${proxy}`;
}

function sentence({ what, advice }: FailureText): string {
  return `${what}; ${advice}`;
}

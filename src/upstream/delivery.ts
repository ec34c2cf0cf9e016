import type { Clock } from '../clock.js';
import { PubSubError } from '../errors.js';
import { type Answer, type BodyLimit, type Failure, noBody, type Response } from './exchange.js';
import type { DeliveryOptions } from './options.js';
import type { OutgoingRequest, Transport } from './transport.js';

/** The part of a `Transport` that a delivery needs. */
type Sender = Pick<Transport, 'send'>;

/** One event on its way out. */
export interface Delivery {
  readonly request: OutgoingRequest;
  /** Monotonic milliseconds; the response's headers must be there by then, whatever was tried and waited for. */
  readonly deadlineMs: number;
  /** How much of the answer's body is of use. */
  bodyLimit(status: number): BodyLimit;
  /** Requests sent so far. */
  attempts: number;
}

/**
 * Sends an event, and again with the same bytes when the answer is 408 or 5xx or there is none. [upstream-events 7.1]
 * @throws PubSubError `eventFailed` when there is no response, or one that cannot be read
 */
export async function deliver(
  transport: Sender,
  clock: Clock,
  delivery: Delivery,
  options: DeliveryOptions,
): Promise<Response> {
  for (;;) {
    const answer = await attempt(transport, clock, delivery, options);
    const delayMs = isRetryable(answer) ? nextDelayMs(clock, delivery, options) : undefined;
    if (delayMs === undefined) return responseOf(answer, delivery, options);
    await wait(clock, delayMs);
  }
}

/** Resolves as `work` does, unless the time is up first. @throws PubSubError `eventFailed` then */
export function until<T>(clock: Clock, deadlineMs: number, work: Promise<T>, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(deadlineMs - clock.monotonicMs(), () => {
      reject(new PubSubError('eventFailed', `the event's time was up while waiting for ${what}`));
    });
    work.then(resolve, reject).finally(cancel);
  });
}

function attempt(transport: Sender, clock: Clock, delivery: Delivery, options: DeliveryOptions): Promise<Answer> {
  delivery.attempts += 1;
  return transport.send(delivery.request, {
    headersWithinMs: delivery.deadlineMs - clock.monotonicMs(),
    bodyWithinMs: options.timeoutMs,
    // The body of an answer that will be asked for again is of no use.
    bodyLimit: status =>
      isRetryableStatus(status) && nextDelayMs(clock, delivery, options) !== undefined
        ? noBody
        : delivery.bodyLimit(status),
  });
}

function isRetryable(answer: Answer): boolean {
  return answer.kind === 'response' ? isRetryableStatus(answer.status) : answer.failure === 'connection';
}

function isRetryableStatus(status: number): boolean {
  return status === 408 || status >= 500;
}

/** Undefined: that was the last attempt; a wait that would outlast the deadline helps nobody. */
function nextDelayMs(clock: Clock, delivery: Delivery, options: DeliveryOptions): number | undefined {
  const delayMs = options.retryDelaysMs[delivery.attempts - 1];
  return delayMs !== undefined && clock.monotonicMs() + delayMs < delivery.deadlineMs ? delayMs : undefined;
}

function wait(clock: Clock, delayMs: number): Promise<void> {
  return new Promise(resolve => {
    clock.after(delayMs, resolve);
  });
}

function responseOf(answer: Answer, delivery: Delivery, options: DeliveryOptions): Response {
  if (answer.kind === 'response') return answer;
  throw new PubSubError('eventFailed', reasonOf(answer, delivery.request.origin, options));
}

function reasonOf(failure: Failure, origin: string, options: DeliveryOptions): string {
  const code = failure.code === undefined ? '' : ` (${failure.code})`;
  switch (failure.failure) {
    case 'connection':
      return `no connection to ${origin}${code}`;
    case 'timeout':
      return `${origin} did not answer within ${options.timeoutMs} ms`;
    case 'body':
      return `${origin} broke off in the middle of its answer${code}`;
    case 'tooLarge':
      return `the answer of ${origin} is larger than ${options.maxResponseBytes} bytes`;
    case 'unsendable':
      return `the request to ${origin} could not be sent${code}`;
  }
}

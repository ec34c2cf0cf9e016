import { Cancellation } from '../cancellation.js';
import { type Clock, wait } from '../clock.js';
import { excerpt } from './attempt-log.js';
import { type Endpoint, scheduleOf, type Verdict } from './endpoint.js';
import type { AttemptRecord, Envelope } from './envelope.js';
import type { Deliverer, DeliveryResult, EndpointOptions, OutboxObserver } from './ports.js';
import { nextDelayMs } from './retry.js';
import type { SteadyTime } from './steady-time.js';
import type { Claimed, OutboxStore } from './store.js';

const settleRetryMs = 1_000;

/** Why an envelope died without an attempt. */
export const endpointDisabled = 'endpoint_disabled';

export interface AttemptsOptions {
  readonly store: OutboxStore;
  readonly deliverer: Deliverer;
  readonly clock: Clock;
  readonly time: SteadyTime;
  readonly observer: OutboxObserver;
  /** 0 ≤ x < 1 */
  readonly random: () => number;
  readonly restamp: (envelope: Envelope, createdAtMs: number) => Envelope;
}

/** One attempt after the other: each is made, judged, and written down. */
export class Attempts {
  readonly #options: AttemptsOptions;
  /** One for all attempts. */
  readonly #abort = new Cancellation();

  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  /** Ends all attempts that are under way; their envelopes are claimed again later. */
  abort(): void {
    this.#abort.abort();
  }

  /**
   * Never rejects. Hot path: chained, as each `async` function on the way would cost as much as a tenth of the request.
   * @param attempted called when the attempt itself is over and is being written down
   */
  run(claimed: Claimed, endpoint: Endpoint, options: EndpointOptions, attempted: () => void): Promise<void> {
    if (endpoint.isDisabled) return this.#bury(claimed, endpointDisabled);
    const stamped = this.#stamp(claimed, options);
    endpoint.begin();
    return this.#deliver(stamped.envelope, stamped.attempts + 1, made => {
      endpoint.end();
      if (this.#abort.aborted && made.result.outcome === 'failed') {
        return this.#keepTrying(() => this.#options.store.release(claimed));
      }
      endpoint.log.add(made.record);
      this.#judge(endpoint, options, made.result);
      attempted();
      return this.#settle(stamped, options, made);
    });
  }

  /** One attempt that nothing depends on. */
  once(envelope: Envelope, endpoint: Endpoint): Promise<AttemptRecord> {
    return this.#deliver(envelope, 1, ({ record }) => {
      endpoint.log.add(record);
      return record;
    });
  }

  /**
   * A replay, or an envelope that could not be attempted before its profile's budget was over, gets a new creation time:
   * receivers may refuse an old one. One that was never attempted also gets a new budget. [pusher-webhooks 2.5]
   */
  #stamp(claimed: Claimed, options: EndpointOptions): Claimed {
    const { time, clock, restamp } = this.#options;
    const { budgetMs = Infinity } = scheduleOf(options);
    const isLate = time.nowMs() - claimed.acceptedAtMs > budgetMs;
    if (!claimed.isReplay && !isLate) return claimed;
    const acceptedAtMs = claimed.attempts === 0 ? time.nowMs() : claimed.acceptedAtMs;
    try {
      return { ...claimed, acceptedAtMs, envelope: restamp(claimed.envelope, clock.now()) };
    } catch {
      return { ...claimed, acceptedAtMs }; // what cannot be read cannot be delivered either: that attempt says why
    }
  }

  #deliver<T>(envelope: Envelope, attempt: number, then: (attempted: Attempted) => T | Promise<T>): Promise<T> {
    const { clock } = this.#options;
    const atMs = clock.now();
    const startMs = clock.monotonicMs();
    const over = (result: DeliveryResult) => {
      const durationMs = Math.round(clock.monotonicMs() - startMs);
      return then({ result, record: recordOf(envelope.id, attempt, atMs, durationMs, result) });
    };
    return this.#begun(envelope, attempt).then(over, error => over(failureOf(error)));
  }

  #begun(envelope: Envelope, attempt: number): Promise<DeliveryResult> {
    try {
      return this.#options.deliverer.deliver(envelope, attempt, this.#abort);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #judge(endpoint: Endpoint, options: EndpointOptions, result: DeliveryResult): void {
    const { time, clock } = this.#options;
    const nowMs = time.nowMs();
    if (result.outcome === 'refused') {
      if (result.disablesEndpoint !== true || endpoint.isDisabled) return;
      endpoint.disable(result.reason, nowMs);
      this.#follow(endpoint, { hasCircuitChanged: false, haveFactsChanged: true, disabledBecause: result.reason });
      return;
    }
    const isDelivered = result.outcome === 'delivered';
    const wallMs = clock.now();
    this.#follow(endpoint, isDelivered ? endpoint.succeeded(nowMs, wallMs) : endpoint.failed(options, nowMs, wallMs));
  }

  #follow(endpoint: Endpoint, { hasCircuitChanged, haveFactsChanged, disabledBecause }: Verdict): void {
    const { store, observer, time } = this.#options;
    if (hasCircuitChanged) observer.circuitChanged?.(endpoint.id, endpoint.circuitState(time.nowMs()));
    if (disabledBecause !== undefined) observer.endpointDisabled?.(endpoint.id, disabledBecause);
    if (haveFactsChanged) void this.#keepTrying(() => store.saveFacts(endpoint.id, endpoint.facts));
  }

  #settle(claimed: Claimed, options: EndpointOptions, { result, record }: Attempted): Promise<void> {
    const { store, observer, time } = this.#options;
    const { endpoint } = claimed.envelope;
    if (result.outcome === 'delivered') {
      observer.attempted?.(endpoint, record, 'delivered');
      return this.#keepTrying(() => store.delivered(claimed));
    }
    const delayMs = scheduleDelay(options, claimed, result, this.#options);
    if (delayMs !== undefined) {
      observer.attempted?.(endpoint, record, 'retried');
      const dueAtMs = time.nowMs() + delayMs;
      return this.#keepTrying(() => store.retry(claimed, dueAtMs, record));
    }
    observer.attempted?.(endpoint, record, 'dead');
    return this.#bury(claimed, result.outcome === 'refused' ? result.reason : `exhausted: ${result.reason}`, record);
  }

  async #bury(claimed: Claimed, reason: string, record?: AttemptRecord): Promise<void> {
    const { store, observer, clock } = this.#options;
    const diedAtMs = clock.now();
    await this.#keepTrying(() => store.bury(claimed, reason, diedAtMs, record));
    observer.dead?.(claimed.envelope.endpoint, reason, 1);
  }

  /** A store that fails is tried again until the outbox closes: the envelope stays claimed meanwhile. */
  #keepTrying(write: () => Promise<void>): Promise<void> {
    const { clock, observer } = this.#options;
    return write().catch(error => {
      observer.storeFailed?.(error);
      if (this.#abort.aborted) return undefined;
      return wait(settleRetryMs, clock).then(() => this.#keepTrying(write));
    });
  }
}

interface Attempted {
  readonly result: DeliveryResult;
  readonly record: AttemptRecord;
}

function recordOf(
  id: string,
  attempt: number,
  atMs: number,
  durationMs: number,
  result: DeliveryResult,
): AttemptRecord {
  const { outcome, status, answer } = result;
  const reason = 'reason' in result ? result.reason : undefined;
  return { id, attempt, atMs, durationMs, outcome, status, answer: excerpt(answer), reason };
}

function failureOf(error: unknown): DeliveryResult {
  return { outcome: 'failed', reason: error instanceof Error ? error.message : String(error) };
}

/** Milliseconds until the next attempt; undefined: there is none. */
function scheduleDelay(
  options: EndpointOptions,
  { acceptedAtMs, attempts }: Claimed,
  result: DeliveryResult,
  { time, random }: Pick<AttemptsOptions, 'time' | 'random'>,
): number | undefined {
  if (result.outcome !== 'failed') return undefined;
  const elapsedMs = time.nowMs() - acceptedAtMs;
  const { retryAfterMs } = result;
  return nextDelayMs(scheduleOf(options), { attempts: attempts + 1, elapsedMs, retryAfterMs, random: random() });
}

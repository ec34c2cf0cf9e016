import { Cancellation } from '../cancellation.js';
import type { Clock } from '../clock.js';
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

  /** Hot path: callbacks, as each promise on the way would cost a hundredth of the request, and an `async` function a tenth. */
  run(claimed: Claimed, endpoint: Endpoint, options: EndpointOptions, { attempted, settled }: Progress): void {
    if (endpoint.isDisabled) {
      this.#bury(claimed, endpointDisabled, undefined, settled);
      return;
    }
    const startMs = this.#options.clock.monotonicMs();
    const stamped = this.#stamp(claimed, options, startMs);
    endpoint.begin();
    this.#deliver(stamped.envelope, stamped.attempts + 1, startMs, made => {
      endpoint.end();
      if (this.#abort.aborted && made.result.outcome === 'failed') {
        this.#keepTrying(() => this.#options.store.release(claimed), settled);
        return;
      }
      endpoint.log.add(made.record);
      this.#judge(endpoint, options, made);
      attempted();
      this.#settle(stamped, options, made, settled);
    });
  }

  /** One attempt that nothing depends on. */
  once(envelope: Envelope, endpoint: Endpoint): Promise<AttemptRecord> {
    return new Promise(resolve => {
      this.#deliver(envelope, 1, this.#options.clock.monotonicMs(), ({ record }) => {
        endpoint.log.add(record);
        resolve(record);
      });
    });
  }

  /**
   * A replay, or an envelope that could not be attempted before its profile's budget was over, gets a new creation time:
   * receivers may refuse an old one. One that was never attempted also gets a new budget. [pusher-webhooks 2.5]
   */
  #stamp(claimed: Claimed, options: EndpointOptions, startMs: number): Claimed {
    const { time, clock, restamp } = this.#options;
    const { budgetMs = Infinity } = scheduleOf(options);
    const nowMs = time.at(startMs);
    const isLate = nowMs - claimed.acceptedAtMs > budgetMs;
    if (!claimed.isReplay && !isLate) return claimed;
    const acceptedAtMs = claimed.attempts === 0 ? nowMs : claimed.acceptedAtMs;
    try {
      return { ...claimed, acceptedAtMs, envelope: restamp(claimed.envelope, clock.now()) };
    } catch {
      return { ...claimed, acceptedAtMs }; // what cannot be read cannot be delivered either: that attempt says why
    }
  }

  #deliver(envelope: Envelope, attempt: number, startMs: number, over: (made: Made) => void): void {
    const { clock } = this.#options;
    const atMs = clock.now();
    const ended = (result: DeliveryResult) => {
      const endMs = clock.monotonicMs();
      const durationMs = Math.round(endMs - startMs);
      over({ result, endMs, record: recordOf(envelope.id, attempt, atMs, durationMs, result) });
    };
    this.#begun(envelope, attempt).then(ended, error => ended(failureOf(error)));
  }

  #begun(envelope: Envelope, attempt: number): Promise<DeliveryResult> {
    try {
      return this.#options.deliverer.deliver(envelope, attempt, this.#abort);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #judge(endpoint: Endpoint, options: EndpointOptions, { result, endMs, record }: Made): void {
    const nowMs = this.#options.time.at(endMs);
    if (result.outcome === 'refused') {
      if (result.disablesEndpoint !== true || endpoint.isDisabled) return;
      endpoint.disable(result.reason, nowMs);
      this.#follow(endpoint, { hasCircuitChanged: false, haveFactsChanged: true, disabledBecause: result.reason });
      return;
    }
    const isDelivered = result.outcome === 'delivered';
    const wallMs = record.atMs + record.durationMs;
    this.#follow(endpoint, isDelivered ? endpoint.succeeded(nowMs, wallMs) : endpoint.failed(options, nowMs, wallMs));
  }

  #follow(endpoint: Endpoint, { hasCircuitChanged, haveFactsChanged, disabledBecause }: Verdict): void {
    const { store, observer, time } = this.#options;
    if (hasCircuitChanged) observer.circuitChanged?.(endpoint.id, endpoint.circuitState(time.nowMs()));
    if (disabledBecause !== undefined) observer.endpointDisabled?.(endpoint.id, disabledBecause);
    if (haveFactsChanged) this.#keepTrying(() => store.saveFacts(endpoint.id, endpoint.facts));
  }

  #settle(claimed: Claimed, options: EndpointOptions, { result, record }: Made, settled: () => void): void {
    const { store, observer, time } = this.#options;
    const { endpoint } = claimed.envelope;
    if (result.outcome === 'delivered') {
      observer.attempted?.(endpoint, record, 'delivered');
      this.#keepTrying(() => store.delivered(claimed), settled);
      return;
    }
    const delayMs = scheduleDelay(options, claimed, result, this.#options);
    if (delayMs !== undefined) {
      observer.attempted?.(endpoint, record, 'retried');
      const dueAtMs = time.nowMs() + delayMs;
      this.#keepTrying(() => store.retry(claimed, dueAtMs, record), settled);
      return;
    }
    observer.attempted?.(endpoint, record, 'dead');
    const reason = result.outcome === 'refused' ? result.reason : `exhausted: ${result.reason}`;
    this.#bury(claimed, reason, record, settled);
  }

  #bury(claimed: Claimed, reason: string, record: AttemptRecord | undefined, settled: () => void): void {
    const { store, observer, clock } = this.#options;
    const diedAtMs = clock.now();
    const buried = () => {
      observer.dead?.(claimed.envelope.endpoint, reason, 1);
      settled();
    };
    this.#keepTrying(() => store.bury(claimed, reason, diedAtMs, record), buried);
  }

  /** A store that fails is tried again until the outbox closes: the envelope stays claimed meanwhile. @param done called once */
  #keepTrying(write: () => Promise<void>, done: () => void = () => {}): void {
    const { clock, observer } = this.#options;
    write().then(done, error => {
      observer.storeFailed?.(error);
      if (this.#abort.aborted) done();
      else clock.after(settleRetryMs, () => this.#keepTrying(write, done));
    });
  }
}

/** What has become of an attempt; each is called once at most. */
export interface Progress {
  /** It is over, and is being written down. */
  attempted(): void;
  /** It is written down, or the outbox closes and cannot. */
  settled(): void;
}

/** An attempt that is over. */
interface Made {
  readonly result: DeliveryResult;
  /** By the monotonic clock. */
  readonly endMs: number;
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

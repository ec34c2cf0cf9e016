import { setMaxListeners } from 'node:events';
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
  readonly #abort = new AbortController();

  constructor(options: AttemptsOptions) {
    this.#options = options;
    setMaxListeners(0, this.#abort.signal); // one signal for all attempts
  }

  /** Ends all attempts that are under way; their envelopes are claimed again later. */
  abort(): void {
    this.#abort.abort(new Error('the outbox is closing'));
  }

  /** Never rejects. @param attempted called when the attempt itself is over and is being written down */
  async run(claimed: Claimed, endpoint: Endpoint, options: EndpointOptions, attempted: () => void): Promise<void> {
    if (endpoint.isDisabled) return this.#bury(claimed, endpointDisabled);
    const stamped = this.#stamp(claimed, options);
    endpoint.begin();
    const result = await this.#deliver(stamped.envelope, stamped.attempts + 1);
    endpoint.end();
    if (this.#abort.signal.aborted && result.outcome === 'failed') {
      return this.#keepTrying(() => this.#options.store.release(claimed));
    }
    const { record } = result;
    endpoint.log.add(record);
    this.#judge(endpoint, options, result);
    attempted();
    await this.#settle(stamped, scheduleDelay(options, stamped, result, this.#options), result);
  }

  /** One attempt that nothing depends on. */
  async once(envelope: Envelope, endpoint: Endpoint): Promise<AttemptRecord> {
    const { record } = await this.#deliver(envelope, 1);
    endpoint.log.add(record);
    return record;
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
    return { ...claimed, acceptedAtMs, envelope: restamp(claimed.envelope, clock.now()) };
  }

  async #deliver(envelope: Envelope, attempt: number): Promise<Attempted> {
    const { clock } = this.#options;
    const atMs = clock.now();
    const startMs = clock.monotonicMs();
    const result = await this.#resultOf(envelope, attempt);
    const durationMs = Math.round(clock.monotonicMs() - startMs);
    const { outcome, status, answer } = result;
    const reason = 'reason' in result ? result.reason : undefined;
    const record = { id: envelope.id, attempt, atMs, durationMs, outcome, status, answer: excerpt(answer), reason };
    return { ...result, record };
  }

  async #resultOf(envelope: Envelope, attempt: number): Promise<DeliveryResult> {
    try {
      return await this.#options.deliverer.deliver(envelope, attempt, this.#abort.signal);
    } catch (error) {
      return { outcome: 'failed', reason: error instanceof Error ? error.message : String(error) };
    }
  }

  #judge(endpoint: Endpoint, options: EndpointOptions, result: Attempted): void {
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

  #settle(claimed: Claimed, delayMs: number | undefined, result: Attempted): Promise<void> {
    const { store, observer, time } = this.#options;
    const { endpoint } = claimed.envelope;
    const { record } = result;
    if (result.outcome === 'delivered') {
      observer.attempted?.(endpoint, record, 'delivered');
      return this.#keepTrying(() => store.delivered(claimed));
    }
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
  async #keepTrying(write: () => Promise<void>): Promise<void> {
    const { clock, observer } = this.#options;
    for (;;) {
      try {
        return await write();
      } catch (error) {
        observer.storeFailed?.(error);
        if (this.#abort.signal.aborted) return;
        await new Promise<void>(resolve => {
          clock.after(settleRetryMs, resolve);
        });
      }
    }
  }
}

type Attempted = DeliveryResult & { readonly record: AttemptRecord };

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

import { AttemptLog } from './attempt-log.js';
import { Circuit } from './circuit.js';
import type { CircuitState, EndpointOptions } from './ports.js';
import { Rate } from './rate.js';
import { type RetrySchedule, retryProfiles } from './retry.js';
import type { EndpointFacts } from './store.js';

const defaultConcurrency = 8;
const defaultDisableAfterHours = 120;
const hourMs = 3_600_000;

/** An endpoint with this many failures in a row is given one attempt at a time, so that it keeps few permits from others. */
const suspectAfterFailures = 3;

/** What a finished attempt changed. */
export interface Verdict {
  readonly hasCircuitChanged: boolean;
  /** To be kept: they survive a restart. */
  readonly haveFactsChanged: boolean;
  readonly disabledBecause: string | undefined;
}

/** One endpoint's own queue: what it may do now, and how it has been doing. */
export class Endpoint {
  readonly log = new AttemptLog();
  lastSuccessAtMs: number | undefined;
  lastFailureAtMs: number | undefined;
  facts: EndpointFacts = {};
  inFlight = 0;
  readonly #circuit = new Circuit();
  readonly #rate = new Rate();
  #failuresInARow = 0;

  constructor(readonly id: string) {}

  /** Attempts that may begin now. */
  room(options: EndpointOptions, nowMs: number): number {
    const { enabled = true, rateLimitPerSecond } = options;
    if (!enabled) return 0;
    const limit = Math.min(this.#concurrency(options), this.#circuitLimit(options, nowMs));
    return Math.max(0, Math.min(limit - this.inFlight, this.#rate.available(rateLimitPerSecond, nowMs)));
  }

  /** When time alone gives an endpoint without room some; undefined: an event does. */
  roomAtMs(options: EndpointOptions, nowMs: number): number | undefined {
    const { enabled = true, circuitBreaker = true, rateLimitPerSecond } = options;
    if (!enabled) return undefined;
    const probeAtMs = circuitBreaker ? this.#circuit.probeAtMs(nowMs) : undefined;
    if (probeAtMs !== undefined || rateLimitPerSecond === undefined) return probeAtMs;
    return this.#rate.available(rateLimitPerSecond, nowMs) < 1 ? this.#rate.nextAtMs(rateLimitPerSecond) : undefined;
  }

  /** Its last attempts failed. */
  get isSuspect(): boolean {
    return this.#failuresInARow >= suspectAfterFailures;
  }

  get isDisabled(): boolean {
    return this.facts.disabled !== undefined;
  }

  circuitState(nowMs: number): CircuitState {
    return this.#circuit.state(nowMs);
  }

  begin(): void {
    this.inFlight += 1;
    this.#rate.take();
  }

  end(): void {
    this.inFlight -= 1;
  }

  succeeded(nowMs: number, wallMs: number): Verdict {
    this.lastSuccessAtMs = wallMs;
    this.#failuresInARow = 0;
    const haveFactsChanged = this.facts.failingSinceMs !== undefined;
    if (haveFactsChanged) this.facts = { disabled: this.facts.disabled };
    return { hasCircuitChanged: this.#circuit.succeeded(nowMs), haveFactsChanged, disabledBecause: undefined };
  }

  failed(options: EndpointOptions, nowMs: number, wallMs: number): Verdict {
    const { circuitBreaker = true, disableAfterHours = defaultDisableAfterHours } = options;
    this.lastFailureAtMs = wallMs;
    this.#failuresInARow += 1;
    const isFirst = this.facts.failingSinceMs === undefined;
    if (isFirst) this.facts = { ...this.facts, failingSinceMs: nowMs };
    const isTooLong = nowMs - (this.facts.failingSinceMs ?? nowMs) >= disableAfterHours * hourMs;
    const reason =
      isTooLong && !this.isDisabled ? `every attempt has failed for ${disableAfterHours} hours` : undefined;
    if (reason !== undefined) this.disable(reason, nowMs);
    const hasCircuitChanged = circuitBreaker && this.#circuit.failed(nowMs);
    return { hasCircuitChanged, haveFactsChanged: isFirst || reason !== undefined, disabledBecause: reason };
  }

  disable(reason: string, atMs: number): void {
    this.facts = { ...this.facts, disabled: { reason, atMs } };
  }

  enable(): void {
    this.facts = {};
    this.#failuresInARow = 0;
    this.#circuit.reset();
  }

  #concurrency({ maxConcurrency = defaultConcurrency }: EndpointOptions): number {
    return this.isSuspect ? 1 : maxConcurrency;
  }

  #circuitLimit({ circuitBreaker = true }: EndpointOptions, nowMs: number): number {
    return circuitBreaker ? this.#circuit.limit(nowMs) : Infinity;
  }
}

/** The schedule of an endpoint's profile. */
export function scheduleOf({ profile = 'pusher' }: EndpointOptions): RetrySchedule {
  return typeof profile === 'string' ? retryProfiles[profile] : profile;
}

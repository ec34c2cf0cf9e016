import type { Clock } from '../clock.js';
import { PubSubError } from '../errors.js';

/** Result of one validation: what the upstream answered and, if it failed, what to do. Both texts are for people. */
export type Verdict =
  | { readonly isValid: true; readonly answered: string }
  | { readonly isValid: false; readonly answered: string; readonly advice: string };

export type ValidationStatus =
  | { readonly state: 'pending' }
  | { readonly state: 'active'; readonly answered: string }
  | { readonly state: 'failed'; readonly answered: string; readonly advice: string };

/** A verdict, and how long ago it was found where another node did. */
export type CheckedVerdict = Verdict & { readonly ageMs?: number };

export interface ValidationOptions {
  readonly clock: Clock;
  /** Validates once; never rejects. */
  check(): Promise<CheckedVerdict>;
  /** Called at every change of state, and when the reason of a failure changes. */
  changed(status: ValidationStatus): void;
}

/** How long a success is valid; afterwards the next delivery triggers a revalidation. [upstream-events 4.3] */
export const trustedMs = 60_000;
const firstRetryDelayMs = 1_000;
const maxRetryDelayMs = 60_000;
/** Within this time after a failed validation events fail at once; a later event triggers a revalidation and waits for it. [design 2] */
export const failureStandsMs = 1_000;

/** Validates one upstream: does it accept events of this service? [design 2 › Activation] */
export class Validation {
  readonly #options: ValidationOptions;
  #status: ValidationStatus = { state: 'pending' };
  /** When the last try ended, in monotonic milliseconds. */
  #checkedAtMs = 0;
  #attempt: Promise<void> | undefined;
  #retryDelayMs = firstRetryDelayMs;
  #cancelRetry: () => void = () => {};
  #isStopped = false;

  constructor(options: ValidationOptions) {
    this.#options = options;
  }

  get status(): ValidationStatus {
    return this.#status;
  }

  /**
   * Whether an event may be sent: at once when undefined, else when the promise resolves.
   * @throws PubSubError `eventFailed`, as a rejection, when the upstream is not active
   */
  ready(): Promise<void> | undefined {
    const sinceMs = this.#options.clock.monotonicMs() - this.#checkedAtMs;
    switch (this.#status.state) {
      case 'active':
        if (sinceMs >= trustedMs) void this.#try();
        return undefined;
      case 'pending':
        return this.#afterTry();
      case 'failed':
        if (this.#attempt || sinceMs >= failureStandsMs) return this.#afterTry();
        return Promise.reject(this.#refusal());
    }
  }

  /** Resolves after the first validation, whatever its result. */
  first(): Promise<void> {
    return this.#status.state === 'pending' ? this.#try() : Promise.resolve();
  }

  /** Ends revalidation in the background. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelRetry();
  }

  /** Joins the try under way, or starts one. */
  #try(): Promise<void> {
    this.#attempt ??= this.#run().finally(() => {
      this.#attempt = undefined;
    });
    return this.#attempt;
  }

  async #afterTry(): Promise<void> {
    await this.#try();
    if (this.#status.state !== 'active') throw this.#refusal();
  }

  async #run(): Promise<void> {
    this.#cancelRetry();
    const verdict = await this.#options.check();
    this.#checkedAtMs = this.#options.clock.monotonicMs() - (verdict.ageMs ?? 0);
    this.#become(statusOf(verdict));
    if (verdict.isValid) this.#retryDelayMs = firstRetryDelayMs;
    else this.#scheduleRetry();
  }

  #scheduleRetry(): void {
    if (this.#isStopped) return;
    this.#cancelRetry = this.#options.clock.after(this.#retryDelayMs, () => void this.#try());
    this.#retryDelayMs = Math.min(this.#retryDelayMs * 2, maxRetryDelayMs);
  }

  #become(status: ValidationStatus): void {
    const before = this.#status;
    this.#status = status;
    if (before.state !== status.state || reasonOf(before) !== reasonOf(status)) this.#options.changed(status);
  }

  #refusal(): PubSubError {
    return new PubSubError(
      'eventFailed',
      `the event handler is not active: ${reasonOf(this.#status) ?? 'not validated'}`,
    );
  }
}

/** Why a handler is not active; undefined when it is active or pending. */
export function reasonOf(status: ValidationStatus): string | undefined {
  return status.state === 'failed' ? `${status.answered}; ${status.advice}` : undefined;
}

function statusOf(verdict: Verdict): ValidationStatus {
  return verdict.isValid
    ? { state: 'active', answered: verdict.answered }
    : { state: 'failed', answered: verdict.answered, advice: verdict.advice };
}

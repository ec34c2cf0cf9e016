import type { Clock } from '../clock.js';

/** Up to so many subscribers every change is told. (pusher-webhooks 1.2, row 20) */
const eachUpTo = 100;
/** Beyond that, changes are told once in this time. */
const intervalMs = 5_000;

/** When the number of a channel's subscribers is told: one for each channel. */
export class SubscriptionCount {
  readonly #clock: Clock;
  readonly #tell: (count: number) => void;
  #count = 0;
  #toldMs = Number.NEGATIVE_INFINITY;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, tell: (count: number) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  changed(count: number): void {
    this.#count = count;
    const waitMs = this.#toldMs + intervalMs - this.#clock.monotonicMs();
    if (count <= eachUpTo || waitMs <= 0) this.#tellNow();
    else this.#cancel ??= this.#clock.after(waitMs, () => this.#tellNow());
  }

  /** Nothing more is told. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #tellNow(): void {
    this.stop();
    this.#toldMs = this.#clock.monotonicMs();
    this.#tell(this.#count);
  }
}

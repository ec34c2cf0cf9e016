import type { Clock } from '../../clock.js';

const retryMs = { least: 100, most: 2_000 };

/** Holds back changes while the store does not confirm them, and while this node must not make any. */
export class StoreGate {
  readonly #clock: Clock;
  readonly #random: () => number;
  /** Reasons to wait. */
  #isPaused = false;
  #isFailing = false;
  #retryMs = retryMs.least;
  #opening: Promise<void> | undefined;
  #open: () => void = () => {};

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  get isOpen(): boolean {
    return this.#opening === undefined;
  }

  /** Resolves at once while it is open. */
  async opened(): Promise<void> {
    while (this.#opening !== undefined) await this.#opening;
  }

  close(): void {
    this.#isPaused = true;
    this.#shut();
  }

  open(): void {
    this.#isPaused = false;
    this.#openIfFree();
  }

  /** The store has confirmed something. */
  succeeded(): void {
    this.#retryMs = retryMs.least;
  }

  /** The store did not confirm: nothing is tried for a while. @returns true for the first failure of several at a time */
  failed(): boolean {
    if (this.#isFailing) return false;
    this.#isFailing = true;
    this.#shut();
    const isFirst = this.#retryMs === retryMs.least;
    this.#clock.after(this.#retryMs * (0.5 + this.#random() / 2), () => {
      this.#isFailing = false;
      this.#openIfFree();
    });
    this.#retryMs = Math.min(this.#retryMs * 2, retryMs.most);
    return isFirst;
  }

  #shut(): void {
    this.#opening ??= new Promise<void>(resolve => {
      this.#open = resolve;
    });
  }

  #openIfFree(): void {
    if (this.#isPaused || this.#isFailing) return;
    this.#opening = undefined;
    this.#open();
  }
}

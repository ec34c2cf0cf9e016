import type { Clock } from '../../clock.js';
import type { Place, PlaceState } from './place-state.js';

interface Timer {
  /** Of the change with which the wait began. */
  readonly id: number;
  readonly cancel: () => void;
}

/** The places whose wait ends on this node, each with its timer. */
export class Lingers {
  readonly #clock: Clock;
  readonly #due: (place: Place, id: number) => void;
  readonly #timers = new Map<string, Timer>();

  constructor(clock: Clock, due: (place: Place, id: number) => void) {
    this.#clock = clock;
    this.#due = due;
  }

  get size(): number {
    return this.#timers.size;
  }

  /** @param state undefined: it does not linger here */
  follow(place: Place, state: PlaceState | undefined): void {
    const { key } = place;
    const known = this.#timers.get(key);
    const linger = state?.linger;
    if (known?.id === linger?.id) return; // also when it is due: once is enough
    known?.cancel();
    this.#timers.delete(key);
    if (state === undefined || linger === undefined) return;
    const { id, untilMs } = linger;
    // Of another node's wall clock, if that one is gone.
    const leftMs = Math.min(Math.max(0, untilMs - this.#clock.now()), state.departure.lingerMs);
    this.#timers.set(key, { id, cancel: this.#clock.after(leftMs, () => this.#due(place, id)) });
  }

  clear(): void {
    for (const { cancel } of this.#timers.values()) cancel();
    this.#timers.clear();
  }
}

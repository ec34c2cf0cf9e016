import type { Guard } from './guard.js';
import type { RawClient } from './raw-client.js';
import { type Load, Slice, type Work } from './slice.js';

/** Clients that come, hear the greeting and go, always the same number of them at once. */
export class ConnectLoad implements Load {
  readonly #dial: (number: number) => Promise<RawClient>;
  readonly #atOnce: number;
  readonly #guard: Guard;
  #dialled = 0;

  /** @param dial resolves once the greeting is in; gets a number that grows with each client */
  constructor(dial: (number: number) => Promise<RawClient>, atOnce: number, guard: Guard) {
    this.#dial = dial;
    this.#atOnce = atOnce;
    this.#guard = guard;
  }

  run(durationMs: number): Promise<Work> {
    const slice = new Slice();
    const comers = Array.from({ length: this.#atOnce }, () => this.#comeAndGo(slice));
    Promise.all(comers).then(() => slice.finish(), this.#guard.lose);
    return slice.run(durationMs, this.#guard);
  }

  async #comeAndGo(slice: Slice): Promise<void> {
    while (slice.isOpen) {
      const startedMs = performance.now();
      const client = await this.#dial(this.#dialled++);
      slice.latenciesMs.push(performance.now() - startedMs);
      slice.done += 1;
      client.reset();
    }
  }
}

import type { Clock } from '../../src/clock.js';
import type { FactStore, StoredFact } from '../../src/webhooks/shared/fact-store.js';

/** One store for several nodes, as a replicated one behaves: changes are linear and conditional, calls take time and fail. */
export class SimulatedFacts {
  readonly values = new Map<string, StoredFact & { readonly value: Buffer }>();
  readonly #clock: Clock;
  readonly #draw: () => number;
  #revision = 0;
  /** Calls that fail, of 100. */
  failing = 0;

  /** @param draw numbers from 0 to 99 */
  constructor(clock: Clock, draw: () => number) {
    this.#clock = clock;
    this.#draw = draw;
  }

  /** The store as one node sees it. @param isDead what it has sent arrives, and it gets no answer any more */
  connect(isDead: () => boolean): FactStore {
    const call = <Result>(perform: () => Result) => this.#call(perform, isDead);
    return {
      get: key => call(() => this.values.get(key)),
      put: (key, value, revision) => call(() => this.#put(key, value, revision)),
      delete: (key, revision) => call(() => this.#delete(key, revision)),
      all: () => this.#all(call),
    };
  }

  async #call<Result>(perform: () => Result, isDead: () => boolean): Promise<Result> {
    const fate = this.#draw() >= this.failing ? 'answered' : this.#draw() < 50 ? 'lost' : 'unconfirmed';
    await this.#pass();
    const result = fate === 'lost' ? undefined : perform();
    await this.#pass();
    if (isDead()) await new Promise(() => {});
    if (fate !== 'answered') throw new Error('no answer from the store');
    return result as Result;
  }

  #pass(): Promise<void> {
    const ms = this.#draw() % 20;
    return ms === 0 ? Promise.resolve() : new Promise(resolve => void this.#clock.after(ms, resolve));
  }

  #put(key: string, value: Buffer, revision: number): number | undefined {
    if ((this.values.get(key)?.revision ?? 0) !== revision) return undefined;
    this.#revision += 1;
    this.values.set(key, { value, revision: this.#revision });
    return this.#revision;
  }

  #delete(key: string, revision: number): number | undefined {
    return this.values.get(key)?.revision === revision && this.values.delete(key) ? 0 : undefined;
  }

  async *#all(call: <Result>(perform: () => Result) => Promise<Result>): AsyncIterable<StoredFact> {
    for (const key of await call(() => [...this.values.keys()])) {
      const fact = this.values.get(key);
      if (fact !== undefined) yield await call(() => fact);
    }
  }
}

import type { Guard } from './guard.js';
import { dialMany, type RawClient } from './raw-client.js';
import type { Load, Work } from './slice.js';

/** Clients that come and stay, each with groups that nobody else is in. A slice is so many groups, however long they take. */
export class NewGroupsLoad implements Load {
  readonly #dial: (groups: readonly string[], guard: Guard) => Promise<RawClient>;
  readonly #guard: Guard;
  readonly #shape: { readonly groups: number; readonly perClient: number };
  readonly #clients: RawClient[] = [];
  #joined = 0;

  /** @param dial resolves once the client is in all of these groups */
  constructor(
    dial: (groups: readonly string[], guard: Guard) => Promise<RawClient>,
    shape: { readonly groups: number; readonly perClient: number },
    guard: Guard,
  ) {
    this.#dial = dial;
    this.#shape = shape;
    this.#guard = guard;
  }

  /** Groups so far. */
  get joined(): number {
    return this.#joined;
  }

  get clients(): readonly RawClient[] {
    return this.#clients;
  }

  async run(): Promise<Work> {
    const { groups, perClient } = this.#shape;
    const latenciesMs: number[] = [];
    const clients = await dialMany(groups / perClient, async () => {
      const startedMs = performance.now();
      const client = await this.#dial(this.#newNames(perClient), this.#guard);
      latenciesMs.push(performance.now() - startedMs);
      return client;
    });
    this.#clients.push(...clients);
    return { done: groups, latenciesMs };
  }

  #newNames(count: number): readonly string[] {
    const from = this.#joined;
    this.#joined += count;
    return Array.from({ length: count }, (_, index) => `group-${from + index}`);
  }
}

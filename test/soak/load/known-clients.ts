import type { Dice } from '../dice.js';

export interface KnownClient {
  readonly hub: string;
  readonly connectionId: string;
  readonly userId: string;
}

/** Clients that REST callers may name. */
export class KnownClients {
  readonly #clients = new Map<string, KnownClient>();

  add(client: KnownClient): void {
    this.#clients.set(client.connectionId, client);
  }

  remove(connectionId: string): void {
    this.#clients.delete(connectionId);
  }

  /** Undefined when there is none. */
  pick(dice: Dice): KnownClient | undefined {
    return this.#clients.size === 0 ? undefined : dice.pick([...this.#clients.values()]);
  }
}

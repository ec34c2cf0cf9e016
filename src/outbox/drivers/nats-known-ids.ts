/** Ids that are remembered after their envelopes are gone. */
const mostIds = 50_000;

/** Envelopes that are to be kept once, by endpoint and id. */
export class NatsKnownIds {
  readonly #ids = new Set<string>();

  /** @returns whether it was not known */
  add(endpoint: string, id: string): boolean {
    const name = `${endpoint} ${id}`;
    if (this.#ids.has(name)) return false;
    this.#ids.add(name);
    const [oldest] = this.#ids;
    if (this.#ids.size > mostIds && oldest !== undefined) this.#ids.delete(oldest);
    return true;
  }
}

/** Keeps what came until somebody takes it; those who ask first wait. A wait that lasts too long fails with what is there. */
export class Mailbox<T> {
  readonly #items: T[] = [];
  #waiting: { readonly matches: (item: T) => boolean; readonly give: (item: T) => void }[] = [];

  put(item: T): void {
    const taker = this.#waiting.find(({ matches }) => matches(item));
    if (taker === undefined) {
      this.#items.push(item);
      return;
    }
    this.#waiting = this.#waiting.filter(other => other !== taker);
    taker.give(item);
  }

  /** The oldest item that matches, now or later. @throws after `patienceMs`: the test would otherwise end without a word */
  take(matches: (item: T) => boolean = () => true, patienceMs = 10_000): Promise<T> {
    const at = this.#items.findIndex(matches);
    if (at >= 0) return Promise.resolve(this.#items.splice(at, 1)[0] as T);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`nothing came; left over: ${describe(this.#items)}`)),
        patienceMs,
      );
      this.#waiting.push({
        matches,
        give: item => {
          clearTimeout(timer);
          resolve(item);
        },
      });
    });
  }

  /** What nobody has taken. */
  get rest(): readonly T[] {
    return this.#items;
  }
}

function describe(items: readonly unknown[]): string {
  return JSON.stringify(items, (_key, value) => (typeof value === 'bigint' ? `${value}n` : value)).slice(0, 2_000);
}

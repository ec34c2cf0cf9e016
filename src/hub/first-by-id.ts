/**
 * The first of many in the order of their ids, without sorting all of them: a page of 200 out of 100,000 takes as long as
 * looking at each once.
 */
export class FirstById<T> {
  readonly #limit: number;
  readonly #idOf: (item: T) => string;
  /** In order. */
  readonly #items: T[] = [];

  /** @param idOf ids differ from one item to another */
  constructor(limit: number, idOf: (item: T) => string) {
    this.#limit = limit;
    this.#idOf = idOf;
  }

  get items(): readonly T[] {
    return this.#items;
  }

  add(item: T): void {
    const id = this.#idOf(item);
    const isFull = this.#items.length >= this.#limit;
    if (isFull && (this.#limit === 0 || id > this.#idOf(this.#items.at(-1)!))) return;
    if (isFull) this.#items.pop();
    this.#items.splice(this.#placeOf(id), 0, item);
  }

  #placeOf(id: string): number {
    let low = 0;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#idOf(this.#items[middle]!) < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

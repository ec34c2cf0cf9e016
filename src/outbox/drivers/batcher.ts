/** Collects what is to be sent within a turn of the event loop, and while enough requests are under way, into fewer requests. */
export class Batcher<T> {
  readonly #send: (items: readonly T[]) => Promise<readonly (Error | undefined)[]>;
  readonly #fits: (items: readonly T[], next: T) => boolean;
  readonly #maxRequests: number;
  #waiting: Waiting<T>[] = [];
  #underWay = 0;
  #isPlanned = false;

  /**
   * @param send resolves with the failure, if any, of each
   * @param fits may this one be sent with those?
   */
  constructor(
    send: (items: readonly T[]) => Promise<readonly (Error | undefined)[]>,
    fits: (items: readonly T[], next: T) => boolean,
    maxRequests: number,
  ) {
    this.#send = send;
    this.#fits = fits;
    this.#maxRequests = maxRequests;
  }

  /** Resolves once it is sent. */
  add(item: T): Promise<void> {
    if (!this.#isPlanned) {
      this.#isPlanned = true;
      setImmediate(() => {
        this.#isPlanned = false;
        this.#start();
      });
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
    });
  }

  #start(): void {
    while (this.#waiting.length > 0 && this.#underWay < this.#maxRequests) {
      this.#underWay += 1;
      void this.#sendOne(this.#next()).finally(() => {
        this.#underWay -= 1;
        this.#start();
      });
    }
  }

  #next(): Waiting<T>[] {
    const items: T[] = [];
    let count = 0;
    for (const { item } of this.#waiting) {
      if (count > 0 && !this.#fits(items, item)) break;
      items.push(item);
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  async #sendOne(batch: readonly Waiting<T>[]): Promise<void> {
    try {
      const failures = await this.#send(batch.map(({ item }) => item));
      for (const [index, { resolve, reject }] of batch.entries()) {
        const failure = failures[index];
        if (failure === undefined) resolve();
        else reject(failure);
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}

interface Waiting<T> {
  readonly item: T;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

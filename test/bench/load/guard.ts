/** Ends a wait when what is waited for cannot come any more: a connection was lost, or the time is up. */
export class Guard {
  readonly #lost: Promise<never>;
  #reject: (error: Error) => void = () => {};

  constructor() {
    this.#lost = new Promise((_resolve, reject) => {
      this.#reject = reject;
    });
    this.#lost.catch(() => {}); // told to whoever waits, now or later
  }

  /** A connection failed, or said what it should not. */
  readonly lose = (error: Error): void => this.#reject(error);

  /** @throws Error when a connection is lost, or after `limitMs` */
  async during<T>(work: Promise<T>, limitMs: number): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`stalled: nothing more came within ${limitMs} ms`)), limitMs);
    });
    try {
      return await Promise.race([work, this.#lost, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Ends what is waited for, once and for all. `Promise.race` with one promise that stays would keep whatever was ever raced with it. */
export class Interruption {
  readonly #waiting = new Set<() => void>();
  #isInterrupted = false;

  interrupt(): void {
    this.#isInterrupted = true;
    for (const wake of [...this.#waiting]) wake();
  }

  /** Settles as the work does, or with undefined once it is interrupted: the work goes on then, and nobody is told how it ends. */
  race<T>(work: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const wake = () => resolve(undefined);
      const over = () => void this.#waiting.delete(wake);
      this.#waiting.add(wake);
      work.then(resolve, reject).finally(over);
      if (this.#isInterrupted) wake();
    });
  }
}

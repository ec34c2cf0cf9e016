import type { Place } from './row-claims.js';

/** As many rows are removed without waiting for more. */
const mostGathered = 1_024;

/** Milliseconds that the removal of an ordered envelope waits for others: the next one of its key waits for it. */
const orderedGatherMs = 5;

/** @returns the failure, if any, of each */
type Remove = (places: readonly Place[]) => Promise<readonly (Error | undefined)[]>;

/** Rows that are removed in one write. */
class Batch {
  readonly places: Place[] = [];
  readonly done: Promise<void>;
  resolve!: () => void;
  reject!: (error: Error) => void;

  constructor() {
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}

/**
 * Removes the rows of what was delivered, many in one write: a write costs as much as several deliveries. Those that a
 * crash leaves are delivered again.
 */
export class Removals {
  readonly #remove: Remove;
  readonly #gatherMs: number;
  #batch: Batch | undefined;
  #isRunning = false;
  #timer: NodeJS.Timeout | undefined;
  #isHurried = false;
  #goOn: (() => void) | undefined;

  /** @param gatherMs for which a removal waits for others; 0: for the end of the turn */
  constructor(remove: Remove, gatherMs: number) {
    this.#remove = remove;
    this.#gatherMs = gatherMs;
  }

  /** Resolves once the row is removed. */
  add(place: Place): Promise<void> {
    this.#batch ??= new Batch();
    const { places, done } = this.#batch;
    places.push(place);
    if (!this.#isRunning) void this.#run();
    if (places.length >= mostGathered) this.#goOn?.();
    else if (place.keyDigest !== undefined) this.#hurry();
    return done.catch(error => {
      if (place.isGone !== true) throw error; // that of another one failed
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#batch !== undefined) {
      await this.#gathered(this.#batch);
      const { places, resolve, reject } = this.#batch;
      this.#batch = undefined;
      const failure = (await this.#remove(places)).find(each => each !== undefined);
      if (failure === undefined) resolve();
      else reject(failure);
    }
    this.#isRunning = false;
  }

  #gathered({ places }: Batch): Promise<void> {
    this.#isHurried = false;
    const isOrdered = places.some(({ keyDigest }) => keyDigest !== undefined);
    return new Promise(resolve => {
      this.#goOn = () => {
        clearTimeout(this.#timer);
        this.#goOn = undefined;
        resolve();
      };
      if (this.#gatherMs === 0) setImmediate(this.#goOn);
      else if (places.length >= mostGathered) this.#goOn();
      else this.#timer = setTimeout(this.#goOn, isOrdered ? orderedGatherMs : this.#gatherMs);
    });
  }

  #hurry(): void {
    if (this.#isHurried || this.#goOn === undefined || this.#gatherMs <= orderedGatherMs) return;
    this.#isHurried = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#goOn, orderedGatherMs);
  }
}

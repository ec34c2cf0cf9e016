import { setImmediate } from 'node:timers/promises';
import { type Pace, sliceMs } from '../../src/hub/slices.js';

/** Time and turns of the event loop, as a test lets them pass. */
export class ManualPace implements Pace {
  #monotonicMs = 0;
  #tasks: (() => void)[] = [];
  readonly #readMs: number;

  /** @param readMs passes with each reading of the time */
  constructor(readMs = 0) {
    this.#readMs = readMs;
  }

  /** A pace at which each slice is one step. */
  static stepByStep(): ManualPace {
    return new ManualPace(sliceMs);
  }

  monotonicMs(): number {
    this.#monotonicMs += this.#readMs;
    return this.#monotonicMs;
  }

  nextTurn(task: () => void): void {
    this.#tasks.push(task);
  }

  /** The work that is being done has taken this long. */
  pass(ms: number): void {
    this.#monotonicMs += ms;
  }

  /** One turn of the event loop. */
  turn(): void {
    for (const task of this.#tasks.splice(0)) task();
  }

  /** Turns until no work is left, letting promises settle between them. */
  async finish(): Promise<void> {
    do {
      this.turn();
      await setImmediate();
    } while (this.#tasks.length > 0);
  }
}

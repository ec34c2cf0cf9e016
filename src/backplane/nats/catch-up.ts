import type { Clock } from '../../clock.js';
import { Pace } from './pace.js';
import type { Sendable } from './ring.js';

export interface CatchUpParts {
  readonly clock: Clock;
  /** Nodes that may send to the same client as this one. */
  readonly senders: () => number;
  /** Sends what may be sent by now. */
  readonly step: () => void;
}

const stepMs = 50;

/** Whoever waits until a command envelope is sent. */
interface Turn {
  readonly number: number;
  readonly end: () => void;
}

/** From the beginning of a connection until nothing waits any more: commands are sent at a pace. [cluster 3.5] */
export class CatchUp {
  readonly pace: Pace;
  /** What overtakes the commands, in its order. */
  readonly ahead: Sendable[] = [];
  readonly #parts: CatchUpParts;
  #turns: Turn[] = [];
  #cancelStep: (() => void) | undefined;

  constructor(parts: CatchUpParts) {
    this.#parts = parts;
    this.pace = new Pace(parts.senders);
  }

  /** Settles once this envelope is sent, or with the end. */
  turnAfter(number: number | undefined): Promise<void> | undefined {
    if (number === undefined) return undefined;
    return new Promise(end => this.#turns.push({ number, end }));
  }

  /** Something still waits: there is another step. @param sentNumber of the last command envelope that is sent */
  goOn(sentNumber: number): void {
    const isSent = ({ number }: Turn) => number <= sentNumber;
    for (const { end } of this.#turns.filter(isSent)) end();
    this.#turns = this.#turns.filter(turn => !isSent(turn));
    this.#cancelStep ??= this.#parts.clock.after(stepMs, () => {
      this.#cancelStep = undefined;
      this.#parts.step();
    });
  }

  end(): void {
    this.#cancelStep?.();
    for (const { end } of this.#turns) end();
  }
}

import type { Maker, Place, PlaceChange, PlaceState } from './place-state.js';

/** A change that waits for its turn. */
export interface Op extends Maker {
  readonly change: PlaceChange;
  /** Called once the change is kept, or there is nothing to change, or it must not be made any more. */
  readonly done: (made: { readonly isKept: boolean; readonly state: PlaceState | undefined }) => void;
}

/** As it was found in the store, or left there; revision 0: nothing is there. */
export interface Known {
  readonly state: PlaceState | undefined;
  readonly revision: number;
}

/** The changes of one place that this node has still to make, in order. */
export class PlaceLine {
  readonly place: Place;
  readonly ops: Op[] = [];
  /** Undefined: it has to be read. */
  known: Known | undefined;
  isRunning = false;
  #wake = () => {};

  constructor(place: Place) {
    this.place = place;
  }

  /** What others may wait for comes first: that something is told, or that a node is gone which did not tell it. */
  add(op: Op): void {
    const { kind } = op.change;
    if (kind === 'told' || kind === 'removed') this.ops.unshift(op);
    else this.ops.push(op);
    this.#wake();
  }

  remove(op: Op): void {
    this.ops.splice(this.ops.indexOf(op), 1);
  }

  /** Resolves when an op is added, or `after` calls back. */
  whenChanged(after: (wake: () => void) => () => void): Promise<void> {
    return new Promise(resolve => {
      const cancel = after(resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}

import type { NotKept } from '../outbox-error.js';
import type { Op } from './nats-records.js';
import type { Outcome } from './nats-replica.js';

/** What a node has written into the stream. Rejections that nobody waits for are no faults. */
export interface Written {
  /** The record that it is in. @throws as a rejection NotKept */
  readonly stored: Promise<number>;
  /** What came of each operation, once this node has read it. @throws as a rejection NotKept */
  readonly applied: Promise<readonly Outcome[]>;
}

/** What is written as a whole. */
export class Item implements Written {
  readonly stored: Promise<number>;
  readonly applied: Promise<readonly Outcome[]>;
  readonly ops: readonly Op[];
  readonly bytes: number;
  /** Numbers and contents in it. */
  readonly weight: number;
  cancelTimer: () => void = () => {};
  #store!: (seq: number) => void;
  #apply!: (outcomes: readonly Outcome[]) => void;
  #failStored!: (error: NotKept) => void;
  #failApplied!: (error: NotKept) => void;

  constructor(ops: readonly Op[], { bytes, weight }: { readonly bytes: number; readonly weight: number }) {
    this.ops = ops;
    this.bytes = bytes;
    this.weight = weight;
    this.stored = new Promise((resolve, reject) => {
      this.#store = resolve;
      this.#failStored = reject;
    });
    this.applied = new Promise((resolve, reject) => {
      this.#apply = resolve;
      this.#failApplied = reject;
    });
    this.stored.catch(() => {});
    this.applied.catch(() => {});
  }

  store(seq: number): void {
    this.cancelTimer();
    this.#store(seq);
  }

  apply(outcomes: readonly Outcome[]): void {
    this.#apply(outcomes);
  }

  /** Without effect on what is known already. */
  fail(error: NotKept): void {
    this.cancelTimer();
    this.#failStored(error);
    this.#failApplied(error);
  }
}

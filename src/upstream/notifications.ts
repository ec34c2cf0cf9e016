import { setImmediate } from 'node:timers/promises';

/** Notifications of one connection that may end within one turn of the event loop: those to an inactive handler fail at once. */
const mostInOneTurn = 64;

/** One notification, raised and ready to be sent. Never rejects. */
type Send = () => Promise<unknown>;

/** What the notifications of all connections share. */
export interface Order {
  /** Counts a connection whose notifications are under way, until `leave`. */
  enter(): void;
  leave(): void;
  /** Is the order still kept? Not at the end of a shutdown. */
  readonly isKept: boolean;
  /** Runs `task` when a notification that is raised now must not wait any longer; the returned function cancels it. */
  whenOverdue(task: () => void): () => void;
}

/**
 * Notifications of one connection, which leave one after another: `disconnected` is not sent before `connected` has
 * ended, its retries included. None waits longer for its turn than an event may take. Other connections do not wait.
 * Uses no memory while there is nothing to send.
 */
export class Notifications {
  readonly #order: Order;
  /** What waits for the one under way; undefined when none is. */
  #waiting: { readonly send: Send; readonly cancelOverdue: () => void }[] | undefined;
  /** Ends the wait for the one under way. */
  #goOn: () => void = () => {};
  #onSent: (() => void) | undefined;

  constructor(order: Order) {
    this.#order = order;
  }

  /** The first one leaves within the call. */
  add(send: Send): void {
    if (this.#waiting === undefined) void this.#sendAll(send);
    else this.#waiting.push({ send, cancelOverdue: this.#order.whenOverdue(() => this.#goOn()) });
  }

  /** Resolves when none is under way or waits; undefined when that is so already. */
  whenSent(): Promise<void> | undefined {
    if (this.#waiting === undefined) return undefined;
    const before = this.#onSent;
    return new Promise(resolve => {
      this.#onSent = () => {
        before?.();
        resolve();
      };
    });
  }

  async #sendAll(first: Send): Promise<void> {
    const waiting: { readonly send: Send; readonly cancelOverdue: () => void }[] = [];
    this.#waiting = waiting;
    this.#order.enter();
    await this.#turnOf(first());
    for (let index = 0; index < waiting.length; index += 1) {
      const { send, cancelOverdue } = waiting[index]!;
      cancelOverdue();
      await this.#turnOf(send());
      if (index % mostInOneTurn === mostInOneTurn - 1 && this.#order.isKept) await setImmediate();
    }
    this.#waiting = undefined;
    this.#order.leave();
    this.#onSent?.();
    this.#onSent = undefined;
  }

  #turnOf(sent: Promise<unknown>): Promise<void> | undefined {
    if (!this.#order.isKept) return undefined;
    return new Promise(resolve => {
      this.#goOn = resolve;
      void sent.then(() => resolve());
    });
  }
}

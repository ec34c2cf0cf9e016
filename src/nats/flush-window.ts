import type { Clock } from '../clock.js';

/** Bytes that a server may be behind before no more are given to the client, which would queue them without bound. [CL-013] */
export const windowBytes = 8 * 1_024 * 1_024;
/** A flush follows after this many bytes, or this long after the first. */
const stepBytes = windowBytes / 8;
const stepMs = 100;

/** Of a connection, all that is needed here. */
export interface Flushable {
  /** Resolves when the server has taken all that was sent before; may never settle. */
  flush(): Promise<void>;
}

/**
 * Counts what is published between flushes. Positions count bytes since the window was made: what lies below `confirmed` has
 * been taken by a server, what lies between `confirmed` and `given` may be lost with the connection. [cluster 1.2]
 */
export class FlushWindow {
  readonly #clock: Clock;
  #connection: Flushable | undefined;
  #given = 0;
  #confirmed = 0;
  /** Up to where flushes have been sent. */
  #flushed = 0;
  #cancelTimer: (() => void) | undefined;
  /** Called with the new position whenever more is confirmed: there is room again, and what lies below need not be kept. */
  onConfirmed: (confirmed: number) => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get given(): number {
    return this.#given;
  }

  get confirmed(): number {
    return this.#confirmed;
  }

  /**
   * Begins on a new connection, or on none: positions go back to what is confirmed, from where the caller publishes again.
   * Answers to flushes of the connection before no longer count.
   */
  use(connection: Flushable | undefined): void {
    this.#stopTimer();
    this.#connection = connection;
    this.#given = this.#confirmed;
    this.#flushed = this.#confirmed;
  }

  /** May a message of this size be published now? One of any size may when nothing is waiting to be confirmed. */
  fits(bytes: number): boolean {
    const waiting = this.#given - this.#confirmed;
    return this.#connection !== undefined && (waiting === 0 || waiting + bytes <= windowBytes);
  }

  /** Call right after a message of this size was published. */
  add(bytes: number): void {
    this.#given += bytes;
    if (this.#given - this.#flushed >= stepBytes) this.#flush();
    else this.#cancelTimer ??= this.#clock.after(stepMs, () => this.#flush());
  }

  #flush(): void {
    this.#stopTimer();
    const connection = this.#connection;
    if (connection === undefined) return;
    const position = this.#given;
    this.#flushed = position;
    connection.flush().then(
      () => this.#confirm(connection, position),
      () => {}, // the connection has ended: its next one begins with what is not confirmed
    );
  }

  #confirm(connection: Flushable, position: number): void {
    if (connection !== this.#connection || position <= this.#confirmed) return;
    this.#confirmed = position;
    this.onConfirmed(position);
  }

  #stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}

import type { Socket } from 'node:net';

/**
 * Sockets on which no request was authenticated. Those on which one was answered, such as a probe's or a scraper's, are
 * closed last: silent ones go first. At most half of the places are kept for them, or callers of what anybody may ask
 * could keep newcomers out. Each step costs the same for any number of sockets.
 */
export class Strangers {
  /** The oldest first. */
  readonly #silent = new Set<Socket>();
  /** The one whose last answer is longest ago first. */
  readonly #answered = new Set<Socket>();

  get size(): number {
    return this.#silent.size + this.#answered.size;
  }

  add(socket: Socket): void {
    this.#silent.add(socket);
  }

  /** A request was answered on it. Does nothing to a socket that is none of these. */
  answered(socket: Socket): void {
    if (this.#silent.delete(socket) || this.#answered.delete(socket)) this.#answered.add(socket);
  }

  delete(socket: Socket): void {
    if (!this.#silent.delete(socket)) this.#answered.delete(socket);
  }

  /** Takes out and returns the one to close first. Undefined when at most `limit` are left. */
  takeBeyond(limit: number): Socket | undefined {
    if (this.size <= limit) return undefined;
    const from = this.#silent.size === 0 || this.#answered.size > limit / 2 ? this.#answered : this.#silent;
    const [first] = from;
    if (first !== undefined) from.delete(first);
    return first;
  }

  *[Symbol.iterator](): Iterator<Socket> {
    yield* this.#silent;
    yield* this.#answered;
  }
}

import type { Socket } from 'node:net';

/**
 * A socket of a listener, until it closes. Sets hold this instead of the socket, and it is emptied when it is taken out:
 * V8 keeps the former tables of a Set that changes often, and with them what was in it, until its next full collection.
 */
export interface Place {
  socket: Socket | undefined;
}

/**
 * Sockets on which no request was authenticated. Those on which one was answered, such as a probe's or a scraper's, are
 * closed last: silent ones go first. At most half of the places are kept for them, or callers of what anybody may request
 * could keep newcomers out. Each step costs the same for any number of sockets.
 */
export class Strangers {
  /** The oldest first. */
  readonly #silent = new Set<Place>();
  /** The one whose last answer is longest ago first. */
  readonly #answered = new Set<Place>();

  get size(): number {
    return this.#silent.size + this.#answered.size;
  }

  add(place: Place): void {
    this.#silent.add(place);
  }

  /** A request was answered on it. Does nothing to a socket that is none of these. */
  answered(place: Place): void {
    if (this.#silent.delete(place) || this.#answered.delete(place)) this.#answered.add(place);
  }

  delete(place: Place): void {
    if (!this.#silent.delete(place)) this.#answered.delete(place);
  }

  /** Takes out and returns the one to close first. Undefined when at most `limit` are left. */
  takeBeyond(limit: number): Socket | undefined {
    if (this.size <= limit) return undefined;
    const from = this.#silent.size === 0 || this.#answered.size > limit / 2 ? this.#answered : this.#silent;
    const [first] = from;
    if (first !== undefined) from.delete(first);
    return first?.socket;
  }

  *[Symbol.iterator](): Iterator<Socket> {
    for (const { socket } of this.#silent) if (socket !== undefined) yield socket;
    for (const { socket } of this.#answered) if (socket !== undefined) yield socket;
  }
}

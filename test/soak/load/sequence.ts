/** Keeps score of what one reliable session hears over all its sockets. [client-protocols 5] */
export class Sequence {
  /** What was lost, came twice or came out of order. */
  readonly wrong: string[] = [];
  /** The last sequence id. */
  last = 0;
  heard = 0;
  /** The last number of the feed; 0 when none has come. */
  lastNumber = 0;
  #firstNumber: number | undefined;
  #lastOnSocket: number | undefined;
  /** The service is known to know that this was heard. */
  #acknowledged = 0;

  /** What comes from here on comes on a new socket, which begins with all that was not acknowledged. */
  newSocket(): void {
    this.#lastOnSocket = undefined;
  }

  /** An acknowledgement has arrived for sure. */
  acknowledged(id: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, id);
  }

  /** @param number of the feed, when the message is the feed's */
  hear(id: number, number: number | undefined): void {
    this.#checkSocket(id);
    this.#lastOnSocket = id;
    if (id <= this.last) return; // came before, on an earlier socket
    if (id > this.last + 1) this.wrong.push(`message ${id} follows ${this.last}`);
    this.last = id;
    this.heard += 1;
    if (number !== undefined) this.#checkNumber(number);
  }

  /** @param published the last number that was sent when the session began: all after it must have come */
  begunAt(published: number): void {
    const first = this.#firstNumber;
    if (first !== undefined && first > published + 1) this.wrong.push(`number ${first} came first, after ${published}`);
  }

  #checkSocket(id: number): void {
    const before = this.#lastOnSocket;
    if (before !== undefined && id !== before + 1) this.wrong.push(`message ${id} follows ${before} on one socket`);
    if (before === undefined && id <= this.#acknowledged) {
      this.wrong.push(`message ${id} came again after ${this.#acknowledged} was acknowledged`);
    }
  }

  #checkNumber(number: number): void {
    this.#firstNumber ??= number;
    const expected = this.lastNumber === 0 ? number : this.lastNumber + 1;
    if (number !== expected) this.wrong.push(`number ${number} came in place of ${expected}`);
    this.lastNumber = number;
  }
}

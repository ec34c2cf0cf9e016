/** How many successful ackIds a session remembers. [client-protocols 4.4] */
const rememberedAckIds = 1000;

/** The ackIds that succeeded, oldest forgotten first. A failed operation is not remembered: it may be sent again. [client-protocols 4.4, D7] */
export class AckMemory {
  /** A Set keeps the order of insertion, which makes its first element the oldest. */
  readonly #ids = new Set<bigint>();

  has(ackId: bigint): boolean {
    return this.#ids.has(ackId);
  }

  remember(ackId: bigint): void {
    this.#ids.add(ackId);
    if (this.#ids.size <= rememberedAckIds) return;
    for (const oldest of this.#ids) {
      this.#ids.delete(oldest);
      return;
    }
  }
}

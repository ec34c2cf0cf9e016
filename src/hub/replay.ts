/** How many successful ackIds a session remembers. [client-protocols 4.4] */
const rememberedAckIds = 1000;

/** Numbers hash faster than bigints; the two never equal each other, so an id has one key. */
type Key = number | bigint;

/** The ackIds that succeeded, oldest forgotten first. A failed operation is not remembered: it may be sent again. [client-protocols 4.4, D7] */
export class AckMemory {
  readonly #ids = new Set<Key>();
  /** The same ids in order of arrival, as a ring: deleting the first of a Set again and again is slow. */
  readonly #ring: Key[] = [];
  #oldest = 0;

  has(ackId: bigint): boolean {
    return this.#ids.has(keyOf(ackId));
  }

  remember(ackId: bigint): void {
    const key = keyOf(ackId);
    if (this.#ids.has(key)) return;
    this.#ids.add(key);
    if (this.#ring.length < rememberedAckIds) {
      this.#ring.push(key);
      return;
    }
    this.#ids.delete(this.#ring[this.#oldest] as Key);
    this.#ring[this.#oldest] = key;
    this.#oldest = (this.#oldest + 1) % rememberedAckIds;
  }
}

const largestNumber = BigInt(Number.MAX_SAFE_INTEGER);

function keyOf(ackId: bigint): Key {
  return ackId <= largestNumber ? Number(ackId) : ackId;
}

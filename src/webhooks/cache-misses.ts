/** A miss that is not followed by an event of its channel is told again after this. (pusher-webhooks 2.4) */
const epochMs = 60_000;

/** Which cache misses are told: the first of a channel until an event is cached, the channel is vacated, or a minute has passed. */
export class CacheMisses {
  /** Channel → monotonic time of the miss that was told, the oldest first. */
  readonly #told = new Map<string, number>();

  /** @returns whether this one is to be told */
  missed(channel: string, nowMs: number): boolean {
    this.#forgetOld(nowMs);
    if (this.#told.has(channel)) return false;
    this.#told.set(channel, nowMs);
    return true;
  }

  /** An event was cached, or the channel was vacated. */
  ended(channel: string): void {
    this.#told.delete(channel);
  }

  #forgetOld(nowMs: number): void {
    for (const [channel, atMs] of this.#told) {
      if (nowMs - atMs < epochMs) return;
      this.#told.delete(channel);
    }
  }
}

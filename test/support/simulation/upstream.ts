/** What became of one connection. */
interface Told {
  connected: number;
  /** Different `ce-id`s. */
  readonly ends: Set<number>;
}

/** The app server: what it was told, and what it must not be told. */
export class SimulatedUpstream {
  readonly faults: string[] = [];
  readonly #told = new Map<string, Told>();

  get connections(): ReadonlyMap<string, Told> {
    return this.#told;
  }

  /** @param isSealed somebody speaks for the node that posts it */
  connected(id: string, isSealed: boolean): void {
    const told = this.#of(id);
    told.connected += 1;
    if (told.connected > 1) this.faults.push(`connected of ${id} twice`);
    if (isSealed) this.faults.push(`connected of ${id} after the seal`);
    if (told.ends.size > 0) this.faults.push(`connected of ${id} after its disconnected`);
  }

  disconnected(id: string, eventId: number): void {
    const { ends } = this.#of(id);
    ends.add(eventId);
    if (ends.size > 1) this.faults.push(`disconnected of ${id} with ids ${[...ends].join(' and ')}`);
  }

  /** Other nodes know no more of the connections of this tag. */
  forgotten(tag: string): void {
    for (const [id, { connected, ends }] of this.#told) {
      if (!id.startsWith(`${tag}-`) || connected === 0 || ends.size > 0) continue;
      this.faults.push(`${id} is forgotten before its disconnected`);
    }
  }

  #of(id: string): Told {
    const told = this.#told.get(id) ?? { connected: 0, ends: new Set() };
    this.#told.set(id, told);
    return told;
  }
}

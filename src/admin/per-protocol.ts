/**
 * One tally for each hub label and protocol. Two maps rather than one key of both: to join the texts would cost more
 * than the counting.
 */
export class PerProtocol<Tally> {
  readonly #make: (hub: string, protocol: string) => Tally;
  readonly #tallies = new Map<string, Map<string, Tally>>();

  constructor(make: (hub: string, protocol: string) => Tally) {
    this.#make = make;
  }

  of(hub: string, protocol: string): Tally {
    return this.#tallies.get(hub)?.get(protocol) ?? this.#add(hub, protocol);
  }

  *[Symbol.iterator](): Iterator<Tally> {
    for (const ofHub of this.#tallies.values()) yield* ofHub.values();
  }

  #add(hub: string, protocol: string): Tally {
    const tally = this.#make(hub, protocol);
    const ofHub = this.#tallies.get(hub) ?? new Map<string, Tally>();
    this.#tallies.set(hub, ofHub.set(protocol, tally));
    return tally;
  }
}

/** Counts by two names. Hot path: a count only adds to a number. */
export class Tallies {
  readonly #counts = new Map<string, Map<string, number>>();

  add(first: string, second: string, count = 1): void {
    const counts = this.#counts.get(first) ?? this.#added(first);
    counts.set(second, (counts.get(second) ?? 0) + count);
  }

  *each(): Iterable<readonly [first: string, second: string, count: number]> {
    for (const [first, counts] of this.#counts) for (const [second, count] of counts) yield [first, second, count];
  }

  #added(first: string): Map<string, number> {
    const counts = new Map<string, number>();
    this.#counts.set(first, counts);
    return counts;
  }
}

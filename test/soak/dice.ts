import { type Random, seeded } from '../fuzz/inputs.js';

/** Chance that can be repeated: the same seed and name give the same row of throws. */
export class Dice {
  readonly #random: Random;

  constructor(seed: number, name: string) {
    this.#random = seeded(seed, name);
  }

  /** A whole number, both ends included. */
  between(low: number, high: number): number {
    return low + this.#random(high - low + 1);
  }

  /** True in `percent` of a hundred throws. */
  chance(percent: number): boolean {
    return this.#random(100) < percent;
  }

  /** @throws Error when there is nothing to pick */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new Error('nothing to pick from');
    return items[this.#random(items.length)] as T;
  }

  /** One of the names, each as often as its share says. */
  weighted<Name extends string>(shares: Readonly<Record<Name, number>>): Name {
    const names = Object.keys(shares) as Name[];
    let left = this.#random(names.reduce((total, name) => total + shares[name], 0));
    const found = names.find(name => {
      left -= shares[name];
      return left < 0;
    });
    return found ?? this.pick(names);
  }
}

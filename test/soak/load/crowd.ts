import type { Dice } from '../dice.js';

export interface Person {
  readonly hub: string;
  readonly connectionId: string;
  readonly userId: string;
}

/** Connections that anything may be done with, by REST as well. */
export class Crowd {
  readonly #people = new Map<string, Person>();

  enter(person: Person): void {
    this.#people.set(person.connectionId, person);
  }

  leave(connectionId: string): void {
    this.#people.delete(connectionId);
  }

  /** Undefined when nobody is there. */
  pick(dice: Dice): Person | undefined {
    return this.#people.size === 0 ? undefined : dice.pick([...this.#people.values()]);
  }
}

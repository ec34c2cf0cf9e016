import type { Connection } from './connection.js';

/** Most users, and many groups, have one connection, for which no set is made: it would be most of what they cost. */
type Present = Connection | Set<Connection>;

const nobody: Iterable<Connection> = [];

/** Connections by a name that several may share: a user's, or a group's. */
export class Roster {
  readonly #present = new Map<string, Present>();

  /** Idempotent. True when it is the first one. */
  add(name: string, connection: Connection): boolean {
    const present = this.#present.get(name);
    if (present instanceof Set) present.add(connection);
    else if (present === undefined) this.#present.set(name, connection);
    else if (present !== connection) this.#present.set(name, new Set<Connection>().add(present).add(connection));
    return present === undefined;
  }

  /** True when it was the last one. */
  remove(name: string, connection: Connection): boolean {
    const present = this.#present.get(name);
    const isLast = present instanceof Set ? present.delete(connection) && present.size === 0 : present === connection;
    if (isLast) this.#present.delete(name);
    return isLast;
  }

  count(name: string): number {
    const present = this.#present.get(name);
    if (present instanceof Set) return present.size;
    return present === undefined ? 0 : 1;
  }

  /** Live, as for `of`. */
  names(): Iterable<string> {
    return this.#present.keys();
  }

  /** Live, not a copy: connections that join while it is read may be included; those that leave are not. */
  of(name: string): Iterable<Connection> {
    const present = this.#present.get(name);
    if (present instanceof Set) return present;
    return present === undefined ? nobody : [present];
  }
}

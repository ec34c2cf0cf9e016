import type { GroupStateItem } from '../../protocols/messages.js';
import type { Connection } from '../connection.js';

/** Updates of one member in one group that may wait; of more, the oldest are left out, as each is a whole state. */
export const maxUntold = 2_000;

/**
 * Updates of which other nodes are not told yet: a first state has to be kept before, so that others can be told that it is gone,
 * even if this node is. What follows it waits behind it. [CL-059]
 */
export class UntoldStates {
  /** By connection and group: each first state that is not kept yet, with the updates that follow it. */
  readonly #waiting = new WeakMap<Connection, Map<string, GroupStateItem[][]>>();

  /**
   * Holds a first state, and what `add` puts behind it, until it is kept; drops all of that when it never will be. Never rejects.
   * @param isKept of the states of one member, in the order in which they were held
   */
  async hold(
    connection: Connection,
    group: string,
    first: GroupStateItem,
    isKept: Promise<boolean>,
    publish: (item: GroupStateItem) => void,
  ): Promise<void> {
    const runs = this.#runsOf(connection, group);
    const run = [first];
    runs.push(run);
    if (await isKept) for (const item of run) publish(item);
    runs.shift();
    const groups = this.#waiting.get(connection);
    if (runs.length === 0 && groups?.get(group) === runs) groups.delete(group);
  }

  /** Puts it behind a first state that waits. @returns false when none does */
  add(connection: Connection, group: string, item: GroupStateItem): boolean {
    const run = this.#waiting.get(connection)?.get(group)?.at(-1);
    if (run === undefined) return false;
    run.push(item);
    if (run.length > maxUntold) run.shift();
    return true;
  }

  /** Nothing of it is published any more. */
  forget(connection: Connection): void {
    for (const runs of this.#waiting.get(connection)?.values() ?? []) for (const run of runs) run.length = 0;
    this.#waiting.delete(connection);
  }

  #runsOf(connection: Connection, group: string): GroupStateItem[][] {
    const groups = this.#waiting.get(connection) ?? new Map<string, GroupStateItem[][]>();
    this.#waiting.set(connection, groups);
    const runs = groups.get(group) ?? [];
    groups.set(group, runs);
    return runs;
  }
}

import type { Target } from '../commands.js';
import type { Connection } from '../connection.js';
import type { PendingSends } from '../delivery/pending-sends.js';
import type { Members } from '../members.js';
import type { Backplane, Observer } from '../ports.js';

export interface WatchlistParts {
  /** Canonical name of the hub. */
  readonly hub: string;
  readonly members: Pick<Members, 'countOfUser'>;
  readonly sends: Pick<PendingSends, 'sendNow'>;
  readonly backplane: Pick<Backplane, 'publish' | 'gather'>;
  readonly observer: Pick<Observer, 'fault'>;
  /** Called when there is nothing left to tell. */
  onIdle(): void;
}

interface Watching {
  readonly userIds: readonly string[];
  /** Changes while it is found out who is online now. */
  held: Map<string, boolean> | undefined;
}

/** Connections that are told when users come and go: a user's first connection, and its last. */
export class Watchlists {
  readonly #parts: WatchlistParts;
  readonly #watching = new Map<Connection, Watching>();
  readonly #watchers = new Map<string, Set<Connection>>();
  /** Users whose last connection here has ended, and whose watchers are not told yet. */
  readonly #leaving = new Set<string>();

  constructor(parts: WatchlistParts) {
    this.#parts = parts;
  }

  /** Are the watchers told of all who left? */
  get isIdle(): boolean {
    return this.#leaving.size === 0;
  }

  /** Tells who of these users is online, then who comes and goes. Never rejects. */
  async watch(connection: Connection, userIds: readonly string[]): Promise<void> {
    const watching: Watching = { userIds: [...new Set(userIds)], held: new Map() };
    this.#watching.set(connection, watching);
    for (const userId of watching.userIds) this.#watchersOf(userId).add(connection);
    const online = await this.#online(watching.userIds);
    if (this.#watching.get(connection) !== watching) return;
    for (const [userId, isOnline] of watching.held!) online[isOnline ? 'add' : 'delete'](userId);
    watching.held = undefined;
    this.#tell(
      [connection],
      watching.userIds.filter(userId => online.has(userId)),
      watching.userIds.filter(userId => !online.has(userId)),
    );
  }

  /** The connection has ended. */
  forget(connection: Connection): void {
    for (const userId of this.#watching.get(connection)?.userIds ?? []) {
      const watchers = this.#watchers.get(userId);
      watchers?.delete(connection);
      if (watchers?.size === 0) this.#watchers.delete(userId);
    }
    this.#watching.delete(connection);
  }

  /** The user has its first connection on this node. Never rejects. */
  async came(userId: string): Promise<void> {
    if (this.#leaving.delete(userId) || (await this.#isElsewhere(userId))) return;
    if (this.#parts.members.countOfUser(userId) > 0) this.#announce(userId, true); // else it has gone again
  }

  /** The user has none on this node any more. Never rejects. */
  async went(userId: string): Promise<void> {
    this.#leaving.add(userId);
    const isElsewhere = await this.#isElsewhere(userId);
    const isStillAway = this.#leaving.delete(userId);
    if (isStillAway && !isElsewhere) this.#announce(userId, false);
    if (this.isIdle) this.#parts.onIdle();
  }

  /** Tells the watchers on this node. */
  receive(userId: string, isOnline: boolean): void {
    const ready: Connection[] = [];
    for (const connection of this.#watchers.get(userId) ?? []) {
      const held = this.#watching.get(connection)?.held;
      if (held === undefined) ready.push(connection);
      else held.set(userId, isOnline);
    }
    if (ready.length > 0) this.#tell(ready, isOnline ? [userId] : [], isOnline ? [] : [userId]);
  }

  #announce(userId: string, isOnline: boolean): void {
    this.#parts.backplane.publish(this.#hub, { kind: 'userChanged', userId, isOnline });
    this.receive(userId, isOnline);
  }

  #tell(receivers: readonly Connection[], online: readonly string[], offline: readonly string[]): void {
    const message = { kind: 'usersChanged', online, offline } as const;
    this.#parts.sends.sendNow(receivers, [{ message, expiresAtMs: Number.POSITIVE_INFINITY }]);
  }

  async #online(userIds: readonly string[]): Promise<Set<string>> {
    const elsewhere = await this.#onlineElsewhere(userIds);
    return new Set([...elsewhere, ...userIds.filter(userId => this.#parts.members.countOfUser(userId) > 0)]);
  }

  async #isElsewhere(userId: string): Promise<boolean> {
    const { backplane, hub, observer } = this.#parts;
    try {
      const { answers } = await backplane.gather({ scope: 'user', hub, userId }, { kind: 'exists' }, found => found);
      return answers.includes(true);
    } catch (error) {
      observer.fault(`connections of a user of hub ${hub}`, error);
      return false;
    }
  }

  /** Nodes that do not answer are left out. */
  async #onlineElsewhere(userIds: readonly string[]): Promise<readonly string[]> {
    try {
      const query = { kind: 'onlineUsers', userIds } as const;
      return (await this.#parts.backplane.gather(this.#hub, query, () => false)).answers.flat();
    } catch (error) {
      this.#parts.observer.fault(`online users of hub ${this.#parts.hub}`, error);
      return [];
    }
  }

  #watchersOf(userId: string): Set<Connection> {
    const watchers = this.#watchers.get(userId) ?? new Set();
    this.#watchers.set(userId, watchers);
    return watchers;
  }

  get #hub(): Target {
    return { scope: 'hub', hub: this.#parts.hub };
  }
}

import type { Clock } from '../../clock.js';
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
  readonly clock: Pick<Clock, 'after'>;
  readonly observer: Pick<Observer, 'fault'>;
}

/** After a node has not answered. */
const askAgainMs = 1_000;

interface Watching {
  readonly userIds: readonly string[];
  /** Whether they are online, as its client was told; undefined until that is for the first time. */
  told: Map<string, boolean> | undefined;
  /** Users who came or went before that. */
  readonly changed: Set<string>;
}

/**
 * Connections that are told when users come and go: a user's first connection on any node, and its last. Each node tells the
 * others of users that come to it or leave it; whoever has watchers of the user finds out whether that makes a difference.
 */
export class Watchlists {
  readonly #parts: WatchlistParts;
  readonly #watching = new Map<Connection, Watching>();
  readonly #watchers = new Map<string, Set<Connection>>();
  /** Users of whom it is being found out whether they are online. true: something has changed since. */
  readonly #updating = new Map<string, boolean>();
  /** Users of whom it is not known whether they are online: it is to be found out again. */
  readonly #unknown = new Set<string>();

  constructor(parts: WatchlistParts) {
    this.#parts = parts;
  }

  /** Tells who of these users is online, then who comes and goes. Never rejects. */
  async watch(connection: Connection, userIds: readonly string[]): Promise<void> {
    const watching: Watching = { userIds: [...new Set(userIds)], told: undefined, changed: new Set() };
    this.#watching.set(connection, watching);
    for (const userId of watching.userIds) this.#watchersOf(userId).add(connection);
    const { online, isWhole } = await this.#onlineOf(watching.userIds);
    if (this.#watching.get(connection) !== watching) return;
    const offline = watching.userIds.filter(userId => !online.has(userId));
    watching.told = new Map([...online].map(userId => [userId, true]));
    if (isWhole) for (const userId of offline) watching.told.set(userId, false);
    else for (const userId of offline) this.#askAgain(userId);
    if (isWhole || online.size > 0) this.#tell([connection], [...online], isWhole ? offline : []);
    for (const userId of watching.changed) this.receive(userId);
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

  /** The user has its first connection on this node, which other nodes can find; or it has none here any more. */
  changed(userId: string): void {
    this.#parts.backplane.publish(this.#hub, { kind: 'userChanged', userId });
    this.receive(userId);
  }

  /** As `changed`, on any node. */
  receive(userId: string): void {
    if (!this.#watchers.has(userId)) return;
    const isUpdating = this.#updating.has(userId);
    this.#updating.set(userId, isUpdating);
    if (!isUpdating) void this.#update(userId);
  }

  /** Never rejects. */
  async #update(userId: string): Promise<void> {
    do {
      this.#updating.set(userId, false);
      const isOnline = await this.#isOnline(userId);
      if (isOnline !== undefined) this.#correct(userId, isOnline);
      else this.#askAgain(userId);
    } while (this.#updating.get(userId) === true);
    this.#updating.delete(userId);
  }

  #askAgain(userId: string): void {
    if (this.#unknown.has(userId)) return;
    this.#unknown.add(userId);
    this.#parts.clock.after(askAgainMs, () => {
      this.#unknown.delete(userId);
      this.receive(userId);
    });
  }

  /** Tells those watchers whose client was told something else, or nothing. */
  #correct(userId: string, isOnline: boolean): void {
    const wrong: Connection[] = [];
    for (const connection of this.#watchers.get(userId) ?? []) {
      const { told, changed } = this.#watching.get(connection)!;
      if (told === undefined) changed.add(userId);
      else if (told.get(userId) !== isOnline) {
        told.set(userId, isOnline);
        wrong.push(connection);
      }
    }
    if (wrong.length > 0) this.#tell(wrong, isOnline ? [userId] : [], isOnline ? [] : [userId]);
  }

  #tell(receivers: readonly Connection[], online: readonly string[], offline: readonly string[]): void {
    const message = { kind: 'usersChanged', online, offline } as const;
    this.#parts.sends.sendNow(receivers, [{ message, expiresAtMs: Number.POSITIVE_INFINITY }]);
  }

  async #onlineOf(userIds: readonly string[]): Promise<{ online: ReadonlySet<string>; isWhole: boolean }> {
    const { answers, isWhole } = await this.#onlineElsewhere(userIds);
    const elsewhere = new Set(answers);
    const isOnline = (userId: string) => elsewhere.has(userId) || this.#parts.members.countOfUser(userId) > 0;
    return { online: new Set(userIds.filter(isOnline)), isWhole };
  }

  /** Undefined when it is not known, as a node does not answer. */
  async #isOnline(userId: string): Promise<boolean | undefined> {
    const { members, backplane, hub, observer } = this.#parts;
    if (members.countOfUser(userId) > 0) return true;
    try {
      const target = { scope: 'user', hub, userId } as const;
      const { answers, missing } = await backplane.gather(target, { kind: 'exists' }, found => found);
      if (answers.includes(true) || members.countOfUser(userId) > 0) return true;
      return missing.length > 0 ? undefined : false;
    } catch (error) {
      observer.fault(`connections of a user of hub ${hub}`, error);
      return undefined;
    }
  }

  /** `isWhole`: every node has answered. */
  async #onlineElsewhere(userIds: readonly string[]): Promise<{ answers: readonly string[]; isWhole: boolean }> {
    try {
      const query = { kind: 'onlineUsers', userIds } as const;
      const { answers, missing } = await this.#parts.backplane.gather(this.#hub, query, () => false);
      return { answers: answers.flat(), isWhole: missing.length === 0 };
    } catch (error) {
      this.#parts.observer.fault(`online users of hub ${this.#parts.hub}`, error);
      return { answers: [], isWhole: false };
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

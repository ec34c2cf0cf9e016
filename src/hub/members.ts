import type { MembershipTag } from '../protocols/acts.js';
import { notReached, type Target } from './commands.js';
import type { Connection } from './connection.js';
import type { Backplane } from './ports.js';
import { Roster } from './roster.js';
import type { MembershipRecord } from './session.js';

/** Announcements that other nodes have not received yet, by name. */
type Announcements = Map<string, Promise<void>>;

/** Told what changed, right after it did. */
export interface MembershipChanges {
  /** @param isFirst of the group's members on this node */
  joined(connection: Connection, group: string, isFirst: boolean, tag: MembershipTag | undefined): void;
  /** @param isLast of the group's members on this node @param tag that the membership had */
  left(connection: Connection, group: string, isLast: boolean, tag: MembershipTag | undefined): void;
}

/**
 * Connections of this node, by id, user and group. The first and the last member of a target are reported to the
 * backplane, so that this node gets the operations for that target and no others.
 */
export class Members {
  /** Called before any change: what was sent to the members that there are now is delivered to them. */
  beforeChange: () => void = () => {};
  readonly #hub: string;
  readonly #backplane: Backplane;
  readonly #changes: MembershipChanges;
  readonly #connections = new Map<string, Connection>();
  readonly #users = new Roster();
  readonly #groups = new Roster();
  /** Targets whose first member has not been announced yet: later members wait for the same announcement. */
  readonly #newUsers: Announcements = new Map();
  readonly #newGroups: Announcements = new Map();

  constructor(hub: string, backplane: Backplane, changes: MembershipChanges) {
    this.#hub = hub;
    this.#backplane = backplane;
    this.#changes = changes;
  }

  get size(): number {
    return this.#connections.size;
  }

  /** Connections of the user. */
  countOfUser(userId: string): number {
    return this.#users.count(userId);
  }

  /**
   * A promise, when given, settles once other nodes can reach the connection.
   * @throws as a rejection: PubSubError `unknown` when they cannot; the connection is added all the same
   */
  add(connection: Connection): Promise<unknown> | undefined {
    this.beforeChange();
    const { id: connectionId, userId } = connection;
    const hub = this.#connections.size === 0 ? this.#backplane.listen({ scope: 'hub', hub: this.#hub }) : undefined;
    const own = this.#backplane.listen({ scope: 'connection', hub: this.#hub, connectionId });
    this.#connections.set(connectionId, connection);
    const user = userId === undefined ? undefined : this.#enterUser(userId, connection);
    if (hub === undefined && own === undefined && user === undefined) return undefined;
    return Promise.all([hub, own, user]).catch(cause => {
      throw notReached(cause);
    });
  }

  /**
   * Its client has said which user it is. The connection has none yet. A promise as for `add`.
   * @throws as `add`; the connection has the user all the same
   */
  signIn(connection: Connection, userId: string): Promise<void> | undefined {
    this.beforeChange();
    if (!connection.isAlive) return undefined;
    connection.userId = userId;
    return this.#enterUser(userId, connection);
  }

  /** From here on it is found by its groups alone, which it has to leave. */
  remove(connection: Connection): void {
    this.beforeChange();
    const { userId } = connection;
    if (userId !== undefined && this.#users.remove(userId, connection)) {
      this.#conclude(this.#newUsers, userId, this.#user(userId));
    }
    this.#connections.delete(connection.id);
    this.#backplane.unlisten({ scope: 'connection', hub: this.#hub, connectionId: connection.id });
    if (this.#connections.size === 0) this.#backplane.unlisten({ scope: 'hub', hub: this.#hub });
  }

  /** Takes out a connection that goes on on another node: it leaves no group, so none of that is told. */
  withdraw(connection: Connection): void {
    this.remove(connection);
    for (const group of connection.groups) this.#removeFrom(group, connection);
  }

  /** Takes in a connection that was withdrawn on another node. A promise as of `add`. */
  reinstate(connection: Connection, memberships: readonly MembershipRecord[]): Promise<unknown> | undefined {
    const ready = [this.add(connection)];
    for (const { group, tag } of memberships) {
      if (connection.enter(group, tag)) ready.push(this.#announced(group, this.#groups.add(group, connection)));
    }
    const waiting = ready.filter(promise => promise !== undefined);
    return waiting.length === 0 ? undefined : Promise.all(waiting);
  }

  /**
   * Idempotent; does nothing to a connection that has ended, also by what was delivered to it first, as a slow client.
   * A promise, when given, settles once other nodes' sends reach the group's members here.
   * @throws as a rejection: PubSubError `unknown` when they do not; those who joined meanwhile have left again then
   */
  join(connection: Connection, group: string, tag?: MembershipTag): Promise<void> | undefined {
    this.beforeChange();
    if (!connection.isAlive) return undefined;
    if (!connection.enter(group, tag)) return this.#newGroups.get(group);
    const isFirst = this.#groups.add(group, connection);
    const ready = this.#announced(group, isFirst);
    this.#changes.joined(connection, group, isFirst, tag);
    return ready;
  }

  /** Idempotent. */
  leave(connection: Connection, group: string): void {
    this.beforeChange();
    const tag = connection.tagOf(group);
    if (!connection.leave(group)) return;
    this.#changes.left(connection, group, this.#removeFrom(group, connection), tag);
  }

  count(target: Target): number {
    switch (target.scope) {
      case 'hub':
        return this.#connections.size;
      case 'group':
        return this.#groups.count(target.group);
      case 'user':
        return this.countOfUser(target.userId);
      case 'connection':
        return this.#connections.has(target.connectionId) ? 1 : 0;
    }
  }

  /** Live, not a copy: connections that join while it is read may be included; those that leave are not. */
  select(target: Target): Iterable<Connection> {
    switch (target.scope) {
      case 'hub':
        return this.#connections.values();
      case 'group':
        return this.#groups.of(target.group);
      case 'user':
        return this.#users.of(target.userId);
      case 'connection': {
        const connection = this.#connections.get(target.connectionId);
        return connection === undefined ? [] : [connection];
      }
    }
  }

  #announced(group: string, isFirst: boolean): Promise<void> | undefined {
    return isFirst ? this.#announce(this.#newGroups, group, this.#group(group)) : this.#newGroups.get(group);
  }

  /** True when it was the last member. */
  #removeFrom(group: string, connection: Connection): boolean {
    const isLast = this.#groups.remove(group, connection);
    if (isLast) this.#conclude(this.#newGroups, group, this.#group(group));
    return isLast;
  }

  /** Names of the groups that have connections here. Live, as for `select`. */
  groups(): Iterable<string> {
    return this.#groups.names();
  }

  /** Users who have connections here. Live, as for `select`. */
  users(): Iterable<string> {
    return this.#users.names();
  }

  #enterUser(userId: string, connection: Connection): Promise<void> | undefined {
    if (!this.#users.add(userId, connection)) return this.#newUsers.get(userId);
    return this.#announce(this.#newUsers, userId, this.#user(userId));
  }

  #announce(announcements: Announcements, name: string, target: Target): Promise<void> | undefined {
    const listening = this.#backplane.listen(target);
    if (listening === undefined) return undefined;
    const forget = (): boolean => announcements.get(name) === ready && announcements.delete(name);
    const ready = listening.then(
      () => void forget(),
      cause => {
        if (forget()) this.#takeBack(target);
        throw notReached(cause);
      },
    );
    ready.catch(ignore);
    announcements.set(name, ready);
    return ready;
  }

  /** Other nodes cannot reach the target: those who joined a group meanwhile leave it. A user's connections are ended by whoever added them. */
  #takeBack(target: Target): void {
    if (target.scope !== 'group') return;
    for (const connection of [...this.#groups.of(target.group)]) this.leave(connection, target.group);
  }

  /** The last one is gone. */
  #conclude(announcements: Announcements, name: string, target: Target): void {
    announcements.delete(name);
    this.#backplane.unlisten(target);
  }

  #user(userId: string): Target {
    return { scope: 'user', hub: this.#hub, userId };
  }

  #group(group: string): Target {
    return { scope: 'group', hub: this.#hub, group };
  }
}

/** Those who wait for it get the failure; perhaps nobody does. */
function ignore(): void {}

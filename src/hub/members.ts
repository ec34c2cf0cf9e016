import type { Connection } from './connection.js';
import type { Backplane, Target } from './ports.js';

const nobody: ReadonlySet<Connection> = new Set();

/**
 * Who is here, on this node: by connection, user and group. The first and the last of a target tell the backplane, so
 * that it brings us what is for that target and no more.
 */
export class Members {
  readonly #hub: string;
  readonly #backplane: Backplane;
  readonly #connections = new Map<string, Connection>();
  readonly #users = new Map<string, Set<Connection>>();
  readonly #groups = new Map<string, Set<Connection>>();
  /** Those whose first member is not known to the other nodes yet: whoever joins meanwhile waits with it. */
  readonly #announcing = new Map<Set<Connection>, Promise<void>>();

  constructor(hub: string, backplane: Backplane) {
    this.#hub = hub;
    this.#backplane = backplane;
  }

  get size(): number {
    return this.#connections.size;
  }

  /** A promise, when given, settles once other nodes can reach the connection. */
  add(connection: Connection): Promise<unknown> | undefined {
    const { id: connectionId, userId } = connection;
    const hub = this.#connections.size === 0 ? this.#backplane.listen({ scope: 'hub', hub: this.#hub }) : undefined;
    const own = this.#backplane.listen({ scope: 'connection', hub: this.#hub, connectionId });
    this.#connections.set(connectionId, connection);
    const user = userId === undefined ? undefined : this.#enter(this.#users, userId, connection, this.#user(userId));
    return hub === undefined && own === undefined && user === undefined ? undefined : Promise.all([hub, own, user]);
  }

  remove(connection: Connection): void {
    for (const group of connection.groups) this.leave(connection, group);
    const { userId } = connection;
    if (userId !== undefined) this.#exit(this.#users, userId, connection, this.#user(userId));
    this.#connections.delete(connection.id);
    this.#backplane.unlisten({ scope: 'connection', hub: this.#hub, connectionId: connection.id });
    if (this.#connections.size === 0) this.#backplane.unlisten({ scope: 'hub', hub: this.#hub });
  }

  /** Idempotent. */
  join(connection: Connection, group: string): Promise<void> | undefined {
    connection.enter(group);
    return this.#enter(this.#groups, group, connection, this.#group(group));
  }

  /** Idempotent. */
  leave(connection: Connection, group: string): void {
    if (connection.leave(group)) this.#exit(this.#groups, group, connection, this.#group(group));
  }

  /** The live set, not a copy: for reading at once. */
  in(group: string): ReadonlySet<Connection> {
    return this.#groups.get(group) ?? nobody;
  }

  /** Live, as for `in`. */
  select(target: Target): Iterable<Connection> {
    switch (target.scope) {
      case 'hub':
        return this.#connections.values();
      case 'group':
        return this.in(target.group);
      case 'user':
        return this.#users.get(target.userId) ?? nobody;
      case 'connection': {
        const connection = this.#connections.get(target.connectionId);
        return connection === undefined ? nobody : [connection];
      }
    }
  }

  #enter(
    index: Map<string, Set<Connection>>,
    key: string,
    connection: Connection,
    target: Target,
  ): Promise<void> | undefined {
    const present = index.get(key);
    if (present !== undefined) {
      present.add(connection);
      return this.#announcing.get(present);
    }
    const first = new Set<Connection>().add(connection);
    index.set(key, first);
    return this.#announce(first, target);
  }

  #announce(members: Set<Connection>, target: Target): Promise<void> | undefined {
    const ready = this.#backplane.listen(target);
    if (ready === undefined) return undefined;
    const forget = () => this.#announcing.delete(members);
    this.#announcing.set(members, ready);
    ready.then(forget, forget); // whoever joined is told of a failure
    return ready;
  }

  #exit(index: Map<string, Set<Connection>>, key: string, connection: Connection, target: Target): void {
    const present = index.get(key);
    if (present === undefined || !present.delete(connection) || present.size > 0) return;
    index.delete(key);
    this.#backplane.unlisten(target);
  }

  #user(userId: string): Target {
    return { scope: 'user', hub: this.#hub, userId };
  }

  #group(group: string): Target {
    return { scope: 'group', hub: this.#hub, group };
  }
}

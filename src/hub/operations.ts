import type { Clock } from '../clock.js';
import type { Connection } from './connection.js';
import { compileFilter } from './filter/filter.js';
import type { GroupStates } from './group-state.js';
import type { Members } from './members.js';
import type { PendingSends } from './pending-sends.js';
import type { Answer, Operation, Performer, Target } from './ports.js';

/** What operations change, one connection at a time. */
export interface OperationHost {
  readonly states: GroupStates;
  join(connection: Connection, group: string): Promise<void> | undefined;
  leave(connection: Connection, group: string): void;
  /** For the app server, with its reason. */
  close(connection: Connection, reason: string | undefined): void;
}

/** Operations that are done connection by connection. */
type Change = Extract<Operation, { kind: 'leaveAll' | 'close' | 'grant' | 'revoke' | 'check' }>;

const nothing: Answer = { matched: 0, members: [], conflicts: 0 };

/** Does operations with this node's connections of one hub, for callers here and on other nodes. */
export class Operations implements Performer {
  readonly #members: Members;
  readonly #sends: PendingSends;
  readonly #host: OperationHost;
  readonly #clock: Clock;

  constructor(members: Members, sends: PendingSends, host: OperationHost, clock: Clock) {
    this.#members = members;
    this.#sends = sends;
    this.#host = host;
    this.#clock = clock;
  }

  perform(target: Target, operation: Operation): Answer | Promise<Answer> {
    if (operation.kind === 'send') return this.#send(target, operation);
    const connections = this.#members.select(target);
    switch (operation.kind) {
      case 'join':
        return this.#joinEach(matching(connections, operation.filter), operation.groups);
      case 'leave':
        return this.#leaveEach(matching(connections, operation.filter), operation.groups);
      case 'count':
        return { ...nothing, matched: count(connections) };
      case 'list':
        return listOf(connections);
      case 'groupState':
        if (target.scope === 'group') this.#host.states.receive(target.group, operation.item);
        return nothing;
      case 'listStates':
        return { ...nothing, states: target.scope === 'group' ? this.#host.states.list(target.group) : [] };
      default:
        return this.#change([...connections], operation);
    }
  }

  #send(target: Target, { message, excluded, filter, ttlSeconds }: Operation & { kind: 'send' }): Answer {
    const accepts = filter === undefined ? undefined : compileFilter(filter);
    const expiresAtMs = ttlSeconds === 0 ? Number.POSITIVE_INFINITY : this.#clock.monotonicMs() + ttlSeconds * 1000;
    this.#sends.add(target, { excluded, accepts }, { message, expiresAtMs });
    return nothing;
  }

  async #joinEach(connections: readonly Connection[], groups: readonly string[]): Promise<Answer> {
    await Promise.all(connections.flatMap(connection => groups.map(group => this.#host.join(connection, group))));
    return { ...nothing, matched: connections.length };
  }

  #leaveEach(connections: readonly Connection[], groups: readonly string[]): Answer {
    for (const connection of connections) for (const group of groups) this.#host.leave(connection, group);
    return { ...nothing, matched: connections.length };
  }

  #change(connections: readonly Connection[], operation: Change): Answer {
    let matched = 0;
    let conflicts = 0;
    for (const connection of connections) {
      const result = this.#changeOne(connection, operation);
      if (result !== 'unmatched') matched += 1;
      if (result === 'conflict') conflicts += 1;
    }
    return { matched, members: [], conflicts };
  }

  #changeOne(connection: Connection, operation: Change): 'done' | 'unmatched' | 'conflict' {
    const { permissions } = connection;
    switch (operation.kind) {
      case 'leaveAll':
        for (const group of [...connection.groups]) this.#host.leave(connection, group);
        return 'done';
      case 'close':
        if (operation.excluded.includes(connection.id)) return 'unmatched';
        this.#host.close(connection, operation.reason);
        return 'done';
      case 'grant':
        return permissions.grant(operation.permission, operation.group) ? 'done' : 'conflict';
      case 'revoke':
        return permissions.revoke(operation.permission, operation.group) ? 'done' : 'conflict';
      case 'check':
        return permissions.allows(operation.permission, operation.group) ? 'done' : 'unmatched';
    }
  }
}

/** A copy, made before anything changes: a filter on groups sees what was so. [rest-api 2.8] */
function matching(connections: Iterable<Connection>, filter: string | undefined): readonly Connection[] {
  const accepts = filter === undefined ? () => true : compileFilter(filter);
  return [...connections].filter(accepts);
}

function count(connections: Iterable<Connection>): number {
  let total = 0;
  for (const _ of connections) total += 1;
  return total;
}

function listOf(connections: Iterable<Connection>): Answer {
  const members = Array.from(connections, ({ id, userId }) => ({ connectionId: id, userId }));
  return { matched: members.length, members, conflicts: 0 };
}

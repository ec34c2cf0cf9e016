import { compileFilter } from '../filter/filter.js';
import type { Answers, Command, Member, Overridden, Query, QueryKind, Target } from './commands.js';
import type { Connection } from './connection.js';
import type { MessageCache } from './features/cache.js';
import type { Features } from './features/features.js';
import type { GroupStates } from './features/group-state.js';
import { FirstById } from './first-by-id.js';
import type { Lifecycle } from './lifecycle.js';
import type { Members } from './members.js';
import type { OccupiedGroup } from './occupancy.js';
import type { Performer } from './ports.js';
import type { Publisher } from './publisher.js';
import type { Slices, Steps } from './slices.js';

export interface PerformerParts {
  /** Canonical name. */
  readonly hub: string;
  readonly members: Members;
  readonly publisher: Publisher;
  readonly states: GroupStates;
  readonly features: Features;
  readonly cache: MessageCache;
  readonly lifecycle: Lifecycle;
  readonly slices: Slices;
}

type Answer<K extends QueryKind> = Answers[K] | Promise<Answers[K]>;

/**
 * Performs commands and answers queries with this node's connections of one hub, for callers here and on other nodes. What
 * is over many goes in slices [design 8]:
 *
 * - The affected connections are determined when the call arrives; a filter is evaluated on all of them before anything
 *   changes. A connection that opens later is not affected; one that has ended meanwhile is skipped.
 * - A send before the call is answered reaches the connections that are members by then.
 * - Two calls at the same time take turns. Where both change the same connection, either may come first: a caller that
 *   needs an order waits for the first answer.
 */
export class HubPerformer implements Performer {
  readonly #hub: string;
  readonly #members: Members;
  readonly #publisher: Publisher;
  readonly #states: GroupStates;
  readonly #features: Features;
  readonly #cache: MessageCache;
  readonly #lifecycle: Lifecycle;
  readonly #slices: Slices;

  constructor({ hub, members, publisher, states, features, cache, lifecycle, slices }: PerformerParts) {
    this.#hub = hub;
    this.#features = features;
    this.#cache = cache;
    this.#members = members;
    this.#publisher = publisher;
    this.#states = states;
    this.#lifecycle = lifecycle;
    this.#slices = slices;
  }

  perform(target: Target, command: Command): void {
    switch (command.kind) {
      case 'send':
        this.#publisher.sendHere(target, command);
        break;
      case 'groupState':
        if (target.scope === 'group') this.#states.receive(target.group, command.item);
        break;
      case 'memberChanged':
        if (target.scope === 'group') this.#features.memberChanged(target.group, command);
        break;
      case 'userChanged':
        this.#features.watchlists.receive(command.userId);
        break;
    }
  }

  answer<K extends QueryKind>(target: Target, query: Query<K>): Answer<K> {
    return HubPerformer.#answers[query.kind](this, target, query);
  }

  /** One table for all hubs: a hub without clients is made for each call. */
  static readonly #answers: {
    readonly [K in QueryKind]: (hub: HubPerformer, target: Target, query: Query<K>) => Answer<K>;
  } = {
    exists: (hub, target) => hub.#members.count(target) > 0,
    check: (hub, target, query) => hub.#slices.run(hub.#check(target, query)),
    count: (hub, target, query) => hub.#count(target, query),
    list: (hub, target, query) => hub.#slices.run(hub.#list(target, query)),
    states: (hub, target) => (target.scope === 'group' ? hub.#slices.run(hub.#states.first(target.group)) : []),
    members: (hub, target) => (target.scope === 'group' ? [hub.#features.membersHere(target.group)] : []),
    last: (hub, _target, { group }) => hub.#cache.last(hub.#hub, group),
    onlineUsers: (hub, _target, { userIds }) => userIds.filter(userId => hub.#members.countOfUser(userId) > 0),
    groups: (hub, target, query) => hub.#slices.run(hub.#groups(target.hub, query)),
    join: (hub, target, query) => hub.#slices.run(hub.#joinEach(target, query)),
    leave: (hub, target, query) => hub.#slices.run(hub.#leaveEach(target, query)),
    leaveAll: (hub, target) => hub.#slices.run(hub.#leaveAll(target)),
    close: (hub, target, query) => hub.#slices.run(hub.#close(target, query)),
    grant: (hub, target, query) => hub.#slices.run(hub.#override(target, query)),
    revoke: (hub, target, query) => hub.#slices.run(hub.#override(target, query)),
  };

  *#joinEach(target: Target, { groups, filter }: Query<'join'>): Steps<Answer<'join'>> {
    const connections = yield* this.#matching(target, filter);
    /** At most one for each group: all who join a group wait for the same promise. */
    const announced = new Set<Promise<void>>();
    for (const connection of connections) {
      for (const group of groups) {
        const ready = this.#members.join(connection, group);
        if (ready !== undefined) announced.add(ready);
        yield;
      }
    }
    const reached = connections.length;
    return announced.size === 0 ? reached : Promise.all(announced).then(() => reached);
  }

  *#leaveEach(target: Target, { groups, filter }: Query<'leave'>): Steps<number> {
    const connections = yield* this.#matching(target, filter);
    const names = new Set(groups);
    for (const connection of connections) {
      for (const group of inBoth(connection.groups, names)) {
        this.#members.leave(connection, group);
        yield;
      }
      yield;
    }
    return connections.length;
  }

  *#close(target: Target, { reason, excluded }: Query<'close'>): Steps<number> {
    const spared = new Set(excluded);
    let closed = 0;
    for (const connection of [...this.#members.select(target)]) {
      if (!connection.isAlive || spared.has(connection.id)) continue;
      this.#lifecycle.closeForAppServer(connection, reason);
      closed += 1;
      yield;
    }
    return closed;
  }

  *#override(target: Target, { kind, permission, group }: Query<'grant' | 'revoke'>): Steps<Overridden> {
    let result: Overridden = 'noConnection';
    for (const { isAlive, permissions } of [...this.#members.select(target)]) {
      if (!isAlive) continue;
      const isDone = permissions[kind](permission, group);
      if (result !== 'conflict') result = isDone ? 'done' : 'conflict';
      yield;
    }
    return result;
  }

  *#check(target: Target, { permission, group }: Query<'check'>): Steps<boolean> {
    for (const { isAlive, permissions } of this.#members.select(target)) {
      if (isAlive && permissions.allows(permission, group)) return true;
      yield;
    }
    return false;
  }

  *#leaveAll(target: Target): Steps<number> {
    const connections = [...this.#members.select(target)];
    for (const connection of connections) {
      for (const group of [...connection.groups]) {
        this.#members.leave(connection, group);
        yield;
      }
      yield;
    }
    return connections.length;
  }

  #count(target: Target, { filter }: Query<'count'>): Answer<'count'> {
    if (filter === undefined) return this.#members.count(target);
    return this.#slices.run(this.#countMatching(target, filter));
  }

  *#countMatching(target: Target, filter: string): Steps<number> {
    const accepts = compileFilter(filter);
    let matching = 0;
    for (const connection of this.#members.select(target)) {
      if (accepts(connection)) matching += 1;
      yield;
    }
    return matching;
  }

  *#list(target: Target, { after, limit }: Query<'list'>): Steps<readonly Member[]> {
    const first = new FirstById<Connection>(limit, ({ id }) => id);
    for (const connection of this.#members.select(target)) {
      if (connection.isAlive && (after === undefined || connection.id > after)) first.add(connection);
      yield;
    }
    return first.items.map(({ id, userId }) => ({ connectionId: id, userId }));
  }

  *#groups(hub: string, query: Query<'groups'>): Steps<readonly OccupiedGroup[]> {
    const occupied: OccupiedGroup[] = [];
    for (const group of 'names' in query ? query.names : this.#members.groups()) {
      if ('prefix' in query && !group.startsWith(query.prefix)) continue;
      const target: Target = { scope: 'group', hub, group };
      const connections = this.#members.count(target);
      const memberIds = query.withMembers ? this.#memberIds(group) : [];
      if (connections > 0) occupied.push({ group, connections, memberIds });
      yield;
    }
    return occupied;
  }

  #memberIds(group: string): readonly string[] {
    return Array.from(this.#features.presence.of(group), ({ member }) => member.id);
  }

  /** A copy, made before anything changes: a filter on groups sees what was so. [rest-api 2.8] */
  *#matching(target: Target, filter: string | undefined): Steps<readonly Connection[]> {
    const present = [...this.#members.select(target)];
    if (filter === undefined) return present;
    const accepts = compileFilter(filter);
    const matching: Connection[] = [];
    for (const connection of present) {
      if (connection.isAlive && accepts(connection)) matching.push(connection);
      yield;
    }
    return matching;
  }
}

/** A copy, as the connection is about to leave them. The loop is over the smaller one: a call may name very many groups. */
function inBoth(a: ReadonlySet<string>, b: ReadonlySet<string>): readonly string[] {
  const [small, large] = a.size < b.size ? [a, b] : [b, a];
  return [...small].filter(group => large.has(group));
}

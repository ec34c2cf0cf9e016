import { compileFilter } from '../filter/filter.js';
import type { Connection } from './connection.js';
import type { GroupStates } from './features/group-state.js';
import { FirstById } from './first-by-id.js';
import type { Lifecycle } from './lifecycle.js';
import type { Members } from './members.js';
import type { Answer, Operation, Performer, Target } from './ports.js';
import type { Publisher } from './publisher.js';
import type { Slices, Steps } from './slices.js';

export interface OperationParts {
  readonly members: Members;
  readonly publisher: Publisher;
  readonly states: GroupStates;
  readonly lifecycle: Lifecycle;
  readonly slices: Slices;
}

type Of<Kind extends Operation['kind']> = Extract<Operation, { kind: Kind }>;

/** Operations that are done connection by connection. */
type Change = Of<'close' | 'grant' | 'revoke' | 'check'>;

export const nothing: Answer = { matched: 0, members: [], conflicts: 0 };

/**
 * Does operations with this node's connections of one hub, for callers here and on other nodes. Those over many go in
 * slices [design 8]:
 *
 * - The affected connections are determined when the call arrives; a filter is evaluated on all of them before anything
 *   changes. A connection that opens later is not affected; one that has ended meanwhile is skipped.
 * - A send before the call is answered reaches the connections that are members by then.
 * - Two calls at the same time take turns. Where both change the same connection, either may come first: a caller that
 *   needs an order waits for the first answer.
 */
export class Operations implements Performer {
  readonly #members: Members;
  readonly #publisher: Publisher;
  readonly #states: GroupStates;
  readonly #lifecycle: Lifecycle;
  readonly #slices: Slices;

  constructor({ members, publisher, states, lifecycle, slices }: OperationParts) {
    this.#members = members;
    this.#publisher = publisher;
    this.#states = states;
    this.#lifecycle = lifecycle;
    this.#slices = slices;
  }

  perform(target: Target, operation: Operation): Answer | Promise<Answer> {
    switch (operation.kind) {
      case 'send':
        this.#publisher.sendHere(target, operation);
        return nothing;
      case 'join':
        return this.#slices.run(this.#joinEach(target, operation));
      case 'leave':
        return this.#slices.run(this.#leaveEach(target, operation));
      case 'leaveAll':
        return this.#slices.run(this.#leaveAll(target));
      case 'count':
        return this.#count(target, operation);
      case 'list':
        return this.#slices.run(this.#list(target, operation));
      case 'groupState':
        if (target.scope === 'group') this.#states.receive(target.group, operation.item);
        return nothing;
      case 'listStates':
        return this.#slices.run(this.#listStates(target));
      default:
        return this.#slices.run(this.#change(target, operation));
    }
  }

  *#joinEach(target: Target, { groups, filter }: Of<'join'>): Steps<Answer | Promise<Answer>> {
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
    const answer = { ...nothing, matched: connections.length };
    return announced.size === 0 ? answer : Promise.all(announced).then(() => answer);
  }

  *#leaveEach(target: Target, { groups, filter }: Of<'leave'>): Steps<Answer> {
    const connections = yield* this.#matching(target, filter);
    const names = new Set(groups);
    for (const connection of connections) {
      for (const group of inBoth(connection.groups, names)) {
        this.#members.leave(connection, group);
        yield;
      }
      yield;
    }
    return { ...nothing, matched: connections.length };
  }

  *#change(target: Target, operation: Change): Steps<Answer> {
    const excluded = new Set(operation.kind === 'close' ? operation.excluded : []);
    let matched = 0;
    let conflicts = 0;
    for (const connection of [...this.#members.select(target)]) {
      if (!connection.isAlive || excluded.has(connection.id)) continue;
      const result = this.#changeOne(connection, operation);
      if (result !== 'unmatched') matched += 1;
      if (result === 'conflict') conflicts += 1;
      yield;
    }
    return { matched, members: [], conflicts };
  }

  #changeOne(connection: Connection, operation: Change): 'done' | 'unmatched' | 'conflict' {
    const { permissions } = connection;
    switch (operation.kind) {
      case 'close':
        this.#lifecycle.closeForAppServer(connection, operation.reason);
        return 'done';
      case 'grant':
        return permissions.grant(operation.permission, operation.group) ? 'done' : 'conflict';
      case 'revoke':
        return permissions.revoke(operation.permission, operation.group) ? 'done' : 'conflict';
      case 'check':
        return permissions.allows(operation.permission, operation.group) ? 'done' : 'unmatched';
    }
  }

  *#leaveAll(target: Target): Steps<Answer> {
    const connections = [...this.#members.select(target)];
    for (const connection of connections) {
      for (const group of [...connection.groups]) {
        this.#members.leave(connection, group);
        yield;
      }
      yield;
    }
    return { ...nothing, matched: connections.length };
  }

  #count(target: Target, { filter }: Of<'count'>): Answer | Promise<Answer> {
    if (filter === undefined) return { ...nothing, matched: this.#members.count(target) };
    return this.#slices.run(this.#countMatching(target, filter));
  }

  *#countMatching(target: Target, filter: string): Steps<Answer> {
    const accepts = compileFilter(filter);
    let matched = 0;
    for (const connection of this.#members.select(target)) {
      if (accepts(connection)) matched += 1;
      yield;
    }
    return { ...nothing, matched };
  }

  *#list(target: Target, { after, limit }: Of<'list'>): Steps<Answer> {
    const first = new FirstById<Connection>(limit, ({ id }) => id);
    for (const connection of this.#members.select(target)) {
      if (connection.isAlive && (after === undefined || connection.id > after)) first.add(connection);
      yield;
    }
    const members = first.items.map(({ id, userId }) => ({ connectionId: id, userId }));
    return { ...nothing, matched: members.length, members };
  }

  *#listStates(target: Target): Steps<Answer> {
    const states = target.scope === 'group' ? yield* this.#states.first(target.group) : [];
    return { ...nothing, states };
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

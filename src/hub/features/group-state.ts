import type { Clock } from '../../clock.js';
import { PubSubError } from '../../errors.js';
import type { GroupStateItem, StateMessage } from '../../protocols/messages.js';
import { merge, notAccepted, type Target } from '../commands.js';
import type { Connection } from '../connection.js';
import type { PendingSends } from '../delivery/pending-sends.js';
import type { Backplane, Ledger, Observer, Publication } from '../ports.js';
import type { GroupStatesRecord } from '../session.js';
import type { Slices, Steps } from '../slices.js';
import { firstItems } from './state-items.js';
import { UntoldStates } from './untold-states.js';

/** Of one member in one group: the UTF-8 of its keys and values. [client-protocols 4.9] */
export const maxStateBytes = 512;

export type State = ReadonlyMap<string, string>;

/** What group states need of their hub. */
export interface GroupStateParts {
  /** Canonical name of the hub. */
  readonly hub: string;
  readonly sends: Pick<PendingSends, 'sendNow'>;
  readonly backplane: Pick<Backplane, 'publish' | 'gather'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly slices: Slices;
  readonly observer: Pick<Observer, 'fault'>;
  /** What is kept for other nodes; none when this node is alone. */
  readonly ledger?: Ledger | undefined;
}

interface Subscription {
  /** Updates that came while a snapshot is being made, by connection: the snapshot must not be older than they are. */
  held: Map<string, GroupStateItem> | undefined;
}

interface GroupEntry {
  /** Of members on this node, by connection id. */
  readonly states: Map<string, GroupStateItem>;
  /** Members on this node. */
  readonly subscriptions: Map<Connection, Subscription>;
}

/** @throws PubSubError `invalid` for a state that is too large */
export function checkSize(state: State | undefined): void {
  let bytes = 0;
  for (const [key, value] of state ?? []) bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  if (bytes > maxStateBytes) throw new PubSubError('invalid', `a group state has at most ${maxStateBytes} bytes`);
}

/**
 * States that members of groups publish, and subscriptions to them. A node keeps the states of its own connections;
 * updates go to every node, snapshots are gathered from all of them. Only groups that are used this way have an entry.
 */
export class GroupStates {
  readonly #parts: GroupStateParts;
  readonly #groups = new Map<string, GroupEntry>();
  /** When each connection last changed a state: clients compare the times to find the latest one. */
  readonly #lastUpdateMs = new WeakMap<Connection, number>();
  readonly #untold = new UntoldStates();

  constructor(parts: GroupStateParts) {
    this.#parts = parts;
  }

  /**
   * What the connection has in its groups. As with `restore`, nothing is sent: for the other members nothing changes when
   * its session goes on elsewhere.
   */
  record(connection: Connection): GroupStatesRecord {
    const record: GroupStatesRecord = {
      lastUpdateMs: this.#lastUpdateMs.get(connection),
      states: [],
      subscriptions: [],
    };
    for (const group of connection.groups) {
      const state = this.#groups.get(group)?.states.get(connection.id);
      if (state !== undefined) {
        record.states.push({ group, entries: [...(state.state ?? [])], updatedAtMs: state.updatedAtMs });
      }
      const subscription = this.#subscription(connection, group);
      if (subscription !== undefined) {
        record.subscriptions.push({ group, awaitsSnapshot: subscription.held !== undefined });
      }
    }
    return record;
  }

  /** A subscriber whose snapshot was being made gets one. */
  restore(connection: Connection, { lastUpdateMs, states, subscriptions }: GroupStatesRecord): void {
    if (lastUpdateMs !== undefined) this.#lastUpdateMs.set(connection, lastUpdateMs);
    for (const { group, entries, updatedAtMs } of states) {
      const item = { ...identityOf(connection), state: new Map(entries), updatedAtMs };
      this.#entry(group).states.set(connection.id, item);
    }
    for (const { group, awaitsSnapshot } of subscriptions) {
      this.#entry(group).subscriptions.set(connection, { held: awaitsSnapshot ? new Map() : undefined });
      if (awaitsSnapshot) void this.sendSnapshot(connection, group);
    }
  }

  /** Forgets what the connection has in its groups. */
  abandon(connection: Connection): void {
    this.#untold.forget(connection);
    for (const group of connection.groups) {
      this.unsubscribe(connection, group);
      this.#delete(group, entry => entry.states.delete(connection.id));
    }
  }

  /**
   * Undefined clears; clearing what is not set is no news. The connection is a member of the group.
   * @throws PubSubError `unknown` when other nodes cannot be told; nothing is changed then
   */
  set(connection: Connection, group: string, state: State | undefined): void {
    const isSet = this.#isSet(connection, group);
    const item = this.#change(connection, group, state);
    if (item === undefined) return;
    const { ledger } = this.#parts;
    if (ledger !== undefined && !isSet) this.#publishOnceKept(ledger, connection, group, item);
    else if (this.#tell(connection, group, item) === 'shed') throw notAccepted();
    this.#apply(group, item);
  }

  /** Other nodes are told of a first state once they could be told that it is gone, even if this node is. [CL-059] */
  #publishOnceKept(ledger: Ledger, connection: Connection, group: string, item: GroupStateItem): void {
    const isKept = ledger.line(this.#parts.hub, connection.id).changed({ kind: 'state', group });
    // When one is shed, others see it in their next snapshot.
    void this.#untold.hold(connection, group, item, isKept, next => this.#publish(group, next));
  }

  /** To other nodes, at once or behind what they are to be told before. */
  #tell(connection: Connection, group: string, item: GroupStateItem): Publication {
    return this.#untold.add(connection, group, item) ? 'accepted' : this.#publish(group, item);
  }

  /**
   * A member has left the group: removes its state and its subscription. Subscribers on nodes that cannot be told of it see
   * that in their next snapshot.
   */
  leave(connection: Connection, group: string): void {
    this.unsubscribe(connection, group);
    const item = this.#change(connection, group, undefined);
    if (item === undefined) return;
    this.#tell(connection, group, item);
    this.#apply(group, item);
  }

  /** A connection of a node that is gone had a state in the group: its subscribers are told that it has none any more. [CL-059] */
  endElsewhere(connectionId: string, userId: string | undefined, group: string): void {
    const item = { connectionId, userId, state: undefined, updatedAtMs: this.#parts.clock.now() };
    this.#publish(group, item);
    this.receive(group, item);
  }

  #change(connection: Connection, group: string, state: State | undefined): GroupStateItem | undefined {
    if (state === undefined && !this.#isSet(connection, group)) return undefined;
    return { ...identityOf(connection), state, updatedAtMs: this.#nextTime(connection) };
  }

  #isSet(connection: Connection, group: string): boolean {
    return this.#groups.get(group)?.states.has(connection.id) ?? false;
  }

  #publish(group: string, item: GroupStateItem): Publication {
    return this.#parts.backplane.publish(this.#target(group), { kind: 'groupState', item });
  }

  #apply(group: string, item: GroupStateItem): void {
    if (item.state === undefined) this.#remove(group, item.connectionId);
    else this.#entry(group).states.set(item.connectionId, item);
    this.receive(group, item);
  }

  #remove(group: string, connectionId: string): void {
    this.#delete(group, entry => entry.states.delete(connectionId));
    const { ledger, hub } = this.#parts;
    if (ledger !== undefined) void ledger.line(hub, connectionId).changed({ kind: 'noState', group });
  }

  /** Subscribes the connection, a member of the group, to changes; `sendSnapshot` sends it the present states. */
  subscribe(connection: Connection, group: string): void {
    const { subscriptions } = this.#entry(group);
    if (!subscriptions.has(connection)) subscriptions.set(connection, { held: new Map() });
  }

  unsubscribe(connection: Connection, group: string): void {
    this.#delete(group, entry => entry.subscriptions.delete(connection));
  }

  /** A member on this or another node has a new state: sends it to the subscribers on this node. */
  receive(group: string, item: GroupStateItem): void {
    const ready: Connection[] = [];
    for (const [connection, { held }] of this.#groups.get(group)?.subscriptions ?? []) {
      if (held === undefined) ready.push(connection);
      else held.set(item.connectionId, item);
    }
    if (ready.length > 0) this.#send(ready, { kind: 'groupStateUpdate', group, items: [item] });
  }

  /** Sends a subscriber the present states of the group, from all nodes; nothing when it has left meanwhile. Never rejects. */
  async sendSnapshot(connection: Connection, group: string): Promise<void> {
    const subscription = this.#subscription(connection, group);
    if (subscription === undefined) return;
    const held = new Map(subscription.held);
    subscription.held = held;
    const elsewhere = await this.#gather(group);
    const here = await this.#parts.slices.run(this.first(group));
    if (this.#subscription(connection, group) !== subscription || subscription.held !== held) return;
    subscription.held = undefined;
    const items = merge({ kind: 'states' }, [here, ...elsewhere, [...held.values()]]);
    this.#send([connection], { kind: 'groupStateSnapshot', group, items });
  }

  /** States of members on this node, in the order of connection ids; no more than a snapshot can hold. */
  *first(group: string): Steps<readonly GroupStateItem[]> {
    const first = firstItems();
    for (const item of this.#groups.get(group)?.states.values() ?? []) {
      first.add(item);
      yield;
    }
    return first.items;
  }

  /** The states of nodes that do not answer are left out; later updates of theirs still arrive. */
  async #gather(group: string): Promise<readonly (readonly GroupStateItem[])[]> {
    try {
      const { answers } = await this.#parts.backplane.gather(this.#target(group), { kind: 'states' }, () => false);
      return answers;
    } catch (error) {
      this.#parts.observer.fault('snapshot of group states', error);
      return [];
    }
  }

  /** To connections of this node. */
  #send(receivers: readonly Connection[], message: StateMessage): void {
    this.#parts.sends.sendNow(receivers, [{ message, expiresAtMs: Number.POSITIVE_INFINITY }]);
  }

  #target(group: string): Target {
    return { scope: 'group', hub: this.#parts.hub, group };
  }

  #nextTime(connection: Connection): number {
    const timeMs = Math.max(this.#parts.clock.now(), (this.#lastUpdateMs.get(connection) ?? 0) + 1);
    this.#lastUpdateMs.set(connection, timeMs);
    return timeMs;
  }

  #subscription(connection: Connection, group: string): Subscription | undefined {
    return this.#groups.get(group)?.subscriptions.get(connection);
  }

  #entry(group: string): GroupEntry {
    let entry = this.#groups.get(group);
    if (entry === undefined) {
      entry = { states: new Map(), subscriptions: new Map() };
      this.#groups.set(group, entry);
    }
    return entry;
  }

  #delete(group: string, take: (entry: GroupEntry) => void): void {
    const entry = this.#groups.get(group);
    if (entry === undefined) return;
    take(entry);
    if (entry.states.size === 0 && entry.subscriptions.size === 0) this.#groups.delete(group);
  }
}

function identityOf({ id, userId }: Connection): Pick<GroupStateItem, 'connectionId' | 'userId'> {
  return { connectionId: id, userId };
}

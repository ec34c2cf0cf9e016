import { PubSubError } from '../errors.js';
import type { GroupMember, GroupMessage, Payload } from '../protocols/messages.js';
import type { CloseOptions, ListOptions, OnPartial, SendOptions } from './call-options.js';
import { type Member, notAnswered, type Overridden, type Permission, type Query, type Target } from './commands.js';
import { PendingSends } from './delivery/pending-sends.js';
import { Features } from './features/features.js';
import { GroupStates } from './features/group-state.js';
import type { KeptMessage } from './features/kept-message.js';
import { latestMembers } from './features/present-members.js';
import type { GoneConnection } from './gone.js';
import { HandOver } from './hand-over.js';
import type { HubParts } from './hub-parts.js';
import { Lifecycle } from './lifecycle.js';
import { Members, type MembershipChanges } from './members.js';
import type { OccupiedGroup } from './occupancy.js';
import { HubPerformer } from './performer.js';
import type { GroupBridge, Performer, Publication } from './ports.js';
import { Publisher } from './publisher.js';
import { Queries } from './queries.js';
import { Requests } from './requests.js';
import type { Steps } from './slices.js';

/**
 * A named set of connections and what can be done with them. Sockets and REST both call these methods. Each works
 * wherever its target's connections are: here, and through the backplane on the other nodes.
 */
export class Hub {
  /** Canonical: lower case. */
  readonly name: string;
  /** The lives of its connections on this node, for the sockets. */
  readonly lifecycle: Lifecycle;
  /** Of its sessions, to other nodes and from them. Nothing calls it yet: nodes recover the sessions that they have. [cluster 7] */
  readonly handOver: HandOver;
  /** For the other nodes. */
  readonly performer: Performer;
  readonly #ports: HubParts;
  readonly #members: Members;
  readonly #publisher: Publisher;
  readonly #states: GroupStates;
  readonly #features: Features;
  readonly #queries: Queries;

  /** @param onEmpty called when the last connection has ended and no client is being admitted: the hub is empty then */
  constructor(name: string, ports: HubParts, onEmpty: () => void = () => {}) {
    this.name = name;
    this.#ports = ports;
    const { backplane, cache, clock, observer, slices, watches } = ports;
    const changes: MembershipChanges = {
      joined: (connection, group, isFirst, tag) => {
        observer.tell({ kind: 'joined', hub: name, connection, group, isFirst, tag });
        if (tag?.member === undefined) return;
        this.#features.presence.entered(connection, group, tag.member);
        void ports.ledger?.line(name, connection.id).changed({ kind: 'member', group, member: tag.member });
      },
      left: (connection, group, isLast, tag) => {
        this.#states.leave(connection, group); // a state in the group goes with the membership
        if (tag?.member !== undefined) {
          this.#features.presence.left(connection, group, tag.member);
          void ports.ledger?.line(name, connection.id).changed({ kind: 'noMember', group });
        }
        observer.tell({ kind: 'left', hub: name, connection, group, isLast, tag });
        this.#features.left(connection, group, isLast);
      },
    };
    const members = new Members(name, backplane, changes);
    const sends = new PendingSends(name, members, ports.turn, observer);
    const publisher = new Publisher(sends, clock, backplane, watches, (group, message, ttlMs) => {
      cache.keep(name, group, message, ttlMs);
      this.#features.kept(group);
    });
    publisher.bridge = ports.bridges?.of(name);
    const states = new GroupStates({ hub: name, sends, backplane, clock, slices, observer, ledger: ports.ledger });
    this.#members = members;
    this.#publisher = publisher;
    this.#states = states;
    const features = new Features({
      ...ports,
      hub: name,
      members,
      publisher,
      sends,
      onIdle: () => this.lifecycle.tellIfEmpty(),
    });
    this.#features = features;
    const requests = new Requests(name, { ...ports, members, publisher, sends, states, features });
    const lifecycle = new Lifecycle(name, { ...ports, members, states, features, requests, onEmpty });
    this.lifecycle = lifecycle;
    this.performer = new HubPerformer({ hub: name, members, publisher, states, features, cache, lifecycle, slices });
    this.#queries = new Queries(this.performer, backplane);
    this.handOver = new HandOver(name, { ...ports, members, states, requests, lifecycle: this.lifecycle });
  }

  /** Connections on this node. */
  get size(): number {
    return this.#members.size;
  }

  /** Bytes that wait in the queues of sockets on this node. */
  *queuedBytes(): Steps<number> {
    let bytes = 0;
    for (const connection of this.#members.select(this.#everybody())) {
      bytes += connection.queuedBytes;
      yield;
    }
    return bytes;
  }

  // ----------------------------------------------------------------------------------------------------------- send

  sendToAll(payload: Payload, options?: SendOptions): void {
    this.#publisher.send(this.#everybody(), { kind: 'serverMessage', payload }, options);
  }

  /** @param options with an event's name for protocols whose messages have names */
  sendToGroup(group: string, payload: Payload, options?: SendOptions & { readonly event?: string }): void {
    this.#publisher.send(this.#group(group), groupMessage(group, payload, options?.event), options);
  }

  /** A message that comes from a group of another hub, and goes no further than to this one's. */
  passOn(message: GroupMessage, options: SendOptions): Publication {
    return this.#publisher.offer(this.#group(message.group), message, { ...options, isPassedOn: true });
  }

  /** To a user's connections, whatever groups they are in, as a message of a group. */
  sendToUserAs(
    userId: string,
    group: string,
    payload: Payload,
    options?: SendOptions & { readonly event?: string },
  ): void {
    this.#publisher.send(this.#user(userId), groupMessage(group, payload, options?.event), options);
  }

  sendToUser(userId: string, payload: Payload, options?: SendOptions): void {
    this.#publisher.send(this.#user(userId), { kind: 'serverMessage', payload }, options);
  }

  sendToConnection(connectionId: string, payload: Payload, options?: SendOptions): void {
    this.#publisher.send(this.#connection(connectionId), { kind: 'serverMessage', payload }, options);
  }

  // --------------------------------------------------------------------------------------------------------- groups

  /** False when there is no such connection. */
  async addConnectionToGroup(connectionId: string, group: string): Promise<boolean> {
    return (await this.#queries.run(this.#connection(connectionId), join([group]))) > 0;
  }

  /** The user's present connections; later ones do not inherit it. False when there are none. [rest-api 2.4] */
  async addUserToGroup(userId: string, group: string, onPartial?: OnPartial): Promise<boolean> {
    let missing: readonly string[] = [];
    const note: OnPartial = nodes => {
      missing = nodes;
    };
    const reached = await this.#queries.run(this.#user(userId), join([group]), note);
    if (missing.length > 0 && (reached === 0 || onPartial === undefined)) throw notAnswered(missing); // there may be one
    if (missing.length > 0) onPartial?.(missing);
    return reached > 0;
  }

  async removeConnectionFromGroup(connectionId: string, group: string): Promise<void> {
    await this.#queries.run(this.#connection(connectionId), leave([group]));
  }

  async removeUserFromGroup(userId: string, group: string, onPartial?: OnPartial): Promise<void> {
    await this.#queries.run(this.#user(userId), leave([group]), onPartial);
  }

  /**
   * All connections that the filter accepts, or all of the hub. The filter sees them as they were before any change.
   * @throws PubSubError `invalid` for a filter that does not compile, and for more memberships than one call may make: nothing is changed then
   */
  async addConnectionsToGroups(groups: readonly string[], filter?: string, onPartial?: OnPartial): Promise<void> {
    await this.#checkMemberships(groups.length, filter, onPartial);
    await this.#queries.run(this.#everybody(), join(groups, filter), onPartial);
  }

  /** As for `addConnectionsToGroups`, without a limit: it takes no longer than there are memberships. */
  async removeConnectionsFromGroups(groups: readonly string[], filter?: string, onPartial?: OnPartial): Promise<void> {
    await this.#queries.run(this.#everybody(), leave(groups, filter), onPartial);
  }

  async removeConnectionFromAllGroups(connectionId: string): Promise<void> {
    await this.#queries.run(this.#connection(connectionId), { kind: 'leaveAll' });
  }

  async removeUserFromAllGroups(userId: string, onPartial?: OnPartial): Promise<void> {
    await this.#queries.run(this.#user(userId), { kind: 'leaveAll' }, onPartial);
  }

  /** Connections of a group, in the order of their ids. */
  listGroup(group: string, options: ListOptions = {}): Promise<readonly Member[]> {
    const { after, limit = Number.MAX_SAFE_INTEGER, onPartial } = options;
    return this.#queries.run(this.#group(group), { kind: 'list', after, limit }, onPartial);
  }

  /** Whom the group's connections present, each member once. */
  async listMembers(group: string): Promise<readonly GroupMember[]> {
    const nodes = await this.#queries.run(this.#group(group), { kind: 'members' });
    return latestMembers(nodes.map(({ members }) => members)).map(({ member }) => member);
  }

  /** Connections in the group. */
  countGroup(group: string): Promise<number> {
    return this.#queries.run(this.#group(group), { kind: 'count', filter: undefined });
  }

  /** The message that is kept for later members. */
  async lastMessage(group: string): Promise<KeptMessage | undefined> {
    const [kept] = await this.#queries.run(this.#everybody(), { kind: 'last', group });
    return kept;
  }

  /** Those of the named groups that have connections. @param withMembers the ids of the members that they present too */
  occupiedAmong(names: readonly string[], withMembers: boolean): Promise<readonly OccupiedGroup[]> {
    const [first] = names;
    const target = names.length === 1 && first !== undefined ? this.#group(first) : this.#everybody();
    return this.#queries.run(target, { kind: 'groups', names, withMembers });
  }

  /** The groups that have connections and whose names begin with the prefix. */
  occupiedGroups(prefix: string, withMembers: boolean): Promise<readonly OccupiedGroup[]> {
    return this.#queries.run(this.#everybody(), { kind: 'groups', prefix, withMembers });
  }

  // --------------------------------------------------------------------------------------------- existence and close

  connectionExists(connectionId: string): Promise<boolean> {
    return this.#queries.run(this.#connection(connectionId), { kind: 'exists' });
  }

  groupExists(group: string): Promise<boolean> {
    return this.#queries.run(this.#group(group), { kind: 'exists' });
  }

  userExists(userId: string): Promise<boolean> {
    return this.#queries.run(this.#user(userId), { kind: 'exists' });
  }

  /** `reason` reaches the client in its `disconnected` message, so it may be long. */
  async closeConnection(connectionId: string, reason?: string): Promise<void> {
    await this.#closeEach(this.#connection(connectionId), { reason });
  }

  async closeAll(options: CloseOptions = {}): Promise<void> {
    await this.#closeEach(this.#everybody(), options);
  }

  async closeGroup(group: string, options: CloseOptions = {}): Promise<void> {
    await this.#closeEach(this.#group(group), options);
  }

  async closeUser(userId: string, options: CloseOptions = {}): Promise<void> {
    await this.#closeEach(this.#user(userId), options);
  }

  // ---------------------------------------------------------------------------------------------------- permissions

  /** False when there is no such connection. @throws PubSubError `conflict` at the limit of literal overrides */
  async grantPermission(connectionId: string, permission: Permission, group: string): Promise<boolean> {
    return (await this.#override(connectionId, { kind: 'grant', permission, group })) === 'done';
  }

  /** @throws PubSubError `conflict` at the limit of literal overrides */
  async revokePermission(connectionId: string, permission: Permission, group: string): Promise<void> {
    await this.#override(connectionId, { kind: 'revoke', permission, group });
  }

  /** False also when there is no such connection. */
  checkPermission(connectionId: string, permission: Permission, group: string): Promise<boolean> {
    return this.#queries.run(this.#connection(connectionId), { kind: 'check', permission, group });
  }

  // ------------------------------------------------------------------------------------------------------ this node

  /** Where messages to its groups go besides. */
  set bridge(bridge: GroupBridge | undefined) {
    this.#publisher.bridge = bridge;
  }

  /** Connections of this node in the group. */
  countHere(group: string): number {
    return this.#members.count(this.#group(group));
  }

  /** Groups that have connections of this node. */
  groupsHere(): Iterable<string> {
    return this.#members.groups();
  }

  /** Whom connections of this node present to the group. */
  *membersHere(group: string): Iterable<GroupMember> {
    for (const { member } of this.#features.presence.of(group)) yield member;
  }

  /** Users who have connections of this node. */
  usersHere(): Iterable<string> {
    return this.#members.users();
  }

  /** A connection of a node that is gone: who was told of it is told that it is gone. [CL-059] */
  endElsewhere(gone: GoneConnection): void {
    for (const group of gone.states) this.#states.endElsewhere(gone.id, gone.userId, group);
    this.#features.endElsewhere(gone);
  }

  /** Somebody begins or ends to watch frames of its connections, or of one of them. */
  remark(connectionId: string | undefined): void {
    const target: Target =
      connectionId === undefined ? { scope: 'hub', hub: this.name } : this.#connection(connectionId);
    for (const connection of this.#members.select(target)) {
      connection.frameWatch = this.#ports.watches.framesOf(this.name, connection.id);
    }
  }

  // ------------------------------------------------------------------------------------------------ here and elsewhere

  /** Most calls are far below the limit whatever their filter accepts, so that it is evaluated for the others only. */
  async #checkMemberships(groups: number, filter: string | undefined, onPartial?: OnPartial): Promise<void> {
    const limit = this.#ports.membershipsPerCall();
    let connections = await this.#count(undefined, onPartial);
    if (connections * groups > limit && filter !== undefined) connections = await this.#count(filter, onPartial);
    if (connections * groups <= limit) return;
    throw new PubSubError(
      'invalid',
      `${connections} connections × ${groups} groups are ${connections * groups} memberships; one call may create at most ${limit} ` +
        '(limits.membershipsPerCall). Use fewer groups, or a filter that matches fewer connections. Nothing was changed.',
    );
  }

  #count(filter: string | undefined, onPartial?: OnPartial): Promise<number> {
    return this.#queries.run(this.#everybody(), { kind: 'count', filter }, onPartial);
  }

  async #closeEach(target: Target, { reason, excluded = [], onPartial }: CloseOptions): Promise<void> {
    await this.#queries.run(target, { kind: 'close', reason, excluded }, onPartial);
  }

  async #override(connectionId: string, query: Query<'grant'> | Query<'revoke'>): Promise<Overridden> {
    const result = await this.#queries.run(this.#connection(connectionId), query);
    if (result !== 'conflict') return result;
    throw new PubSubError('conflict', `connection ${connectionId} has too many permissions for single groups`);
  }

  #everybody(): Target {
    return { scope: 'hub', hub: this.name };
  }

  #group(group: string): Target {
    return { scope: 'group', hub: this.name, group };
  }

  #user(userId: string): Target {
    return { scope: 'user', hub: this.name, userId };
  }

  #connection(connectionId: string): Target {
    return { scope: 'connection', hub: this.name, connectionId };
  }
}

function groupMessage(group: string, payload: Payload, event: string | undefined): GroupMessage {
  return { kind: 'groupMessage', group, fromUserId: undefined, payload, stream: undefined, event };
}

function join(groups: readonly string[], filter?: string): Query<'join'> {
  return { kind: 'join', groups, filter };
}

function leave(groups: readonly string[], filter?: string): Query<'leave'> {
  return { kind: 'leave', groups, filter };
}

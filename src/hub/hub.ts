import type { Clock } from '../clock.js';
import { type ErrorKind, outcomes, PubSubError } from '../errors.js';
import type { ClientRequest, NumberedMessage, Payload, ServerMessage } from '../protocols/messages.js';
import { type Admission, admit, type Candidate } from './admission.js';
import { Connection, type ConnectionOwner, type Ended, type Ending } from './connection.js';
import { PendingSends } from './delivery/pending-sends.js';
import { GroupStates } from './features/group-state.js';
import { type StreamOutput, Streams } from './features/streams.js';
import { Members } from './members.js';
import { type OperationHost, Operations } from './operations.js';
import { Permissions } from './permissions.js';
import type {
  Answer,
  Backplane,
  Member,
  Observer,
  Operation,
  Outlet,
  Performer,
  Permission,
  ReconnectionTokens,
  Target,
  Turn,
  Upstream,
} from './ports.js';
import { execute, type RequestHost } from './requests.js';
import type { Slices, Steps } from './slices.js';

/** What every hub of the service shares. */
export interface HubPorts {
  readonly upstream: Upstream;
  readonly backplane: Backplane;
  readonly observer: Observer;
  readonly clock: Clock;
  readonly turn: Turn;
  /** One for all hubs: together they take one share of a turn. */
  readonly slices: Slices;
  readonly reconnectionTokens: ReconnectionTokens;
  /** How long a disconnected reliable session is kept; read when one is suspended. */
  readonly recoveryWindowMs: () => number;
  /** Read at each failure: a reload applies to open connections. */
  readonly dropsOnEventFailure: () => boolean;
  /** Most memberships, connections × groups, that one call may make; read at each call. */
  readonly membershipsPerCall: () => number;
}

export interface SendOptions {
  /** Connection ids that do not get the message. */
  readonly excluded?: readonly string[];
  /** Only connections that it accepts get the message. [rest-api 4] */
  readonly filter?: string | undefined;
  /** Seconds for which the message may wait for a client that is away; 0, the default: for ever. */
  readonly ttlSeconds?: number;
  /** Called with the number of connections of this node that the message was written to: by the end of the turn. */
  readonly onDelivered?: ((receivers: number) => void) | undefined;
}

export interface CloseOptions {
  /** Connection ids that stay. */
  readonly excluded?: readonly string[];
  /** For the clients and the `disconnected` event. */
  readonly reason?: string | undefined;
}

export interface ListOptions {
  /** Only connections whose ids come after this one. */
  readonly after?: string | undefined;
  /** Default: all. */
  readonly limit?: number;
}

/** A connection in more groups leaves them in slices when it ends: each takes some microseconds. */
const groupsLeftAtOnce = 1_000;

/** WebSocket close code of a connection that the app server closes. [client-protocols 8.3] */
const closedByAppServer = 1000;

/**
 * A named set of connections and what can be done with them. Sockets and REST both call these methods. Each works
 * wherever its target's connections are: here, and through the backplane on the other nodes.
 */
export class Hub implements Performer {
  /** Canonical: lower case. */
  readonly name: string;
  readonly #ports: HubPorts;
  readonly #members: Members;
  readonly #sends: PendingSends;
  readonly #owner: ConnectionOwner;
  readonly #states: GroupStates;
  readonly #operations: Operations;
  readonly #onEmpty: () => void;
  /** Clients whose `connect` event is in progress, and admitted clients that are not opened yet. */
  #asking = 0;
  readonly #admitted = new Set<Admission>();
  /** Connections that have ended and are still members of groups. */
  #departing = 0;
  /** Disconnected sessions, the oldest disconnection first, with its time. */
  readonly #away = new Map<Connection, number>();

  /** @param onEmpty called when the last connection has ended and no client is being admitted: the hub is empty then */
  constructor(name: string, ports: HubPorts, onEmpty: () => void = () => {}) {
    this.name = name;
    this.#ports = ports;
    this.#onEmpty = onEmpty;
    this.#members = new Members(name, ports.backplane);
    this.#sends = new PendingSends(name, this.#members, ports.turn, ports.observer);
    this.#states = this.#makeStates();
    this.#operations = this.#makeOperations();
    this.#owner = this.#makeOwner();
  }

  /** Connections on this node. */
  get size(): number {
    return this.#members.size;
  }

  // ---------------------------------------------------------------------------------------------------- connections

  /**
   * Decides whether the client may connect, with which user and subprotocol. Each admitted client is then opened or abandoned.
   * @throws as a rejection: ConnectRefused, PubSubError `eventFailed`
   */
  admit(candidate: Candidate): Admission | Promise<Admission> {
    const admission = admit(this.name, candidate, this.#ports.upstream);
    return admission instanceof Promise ? this.#awaitAdmission(admission) : admission;
  }

  async #awaitAdmission(asking: Promise<Admission>): Promise<Admission> {
    this.#asking += 1;
    try {
      const admission = await asking;
      this.#admitted.add(admission);
      return admission;
    } finally {
      this.#asking -= 1;
      this.#tellIfEmpty();
    }
  }

  /**
   * Opens the connection of an admitted client: from here on it exists, is in its groups, and receives messages. Its first
   * frame is `connected`, where its protocol has one.
   */
  open(admission: Admission, outlet: Outlet): Connection {
    const { connectionId: id, userId, protocol, upstream } = admission;
    const permissions = new Permissions(admission.roles);
    const connection = new Connection(
      { id, hub: this.name, userId, protocol, permissions, upstream, outlet },
      this.#owner,
    );
    this.#sends.flush();
    this.#members.add(connection);
    this.#admitted.delete(admission);
    for (const group of admission.groups) this.#members.join(connection, group);
    upstream.identify(userId, admission.subprotocol);
    this.#greet(connection);
    upstream.connected();
    for (const group of connection.groups) upstream.joined(group);
    this.#ports.observer.connectionOpened({ hub: this.name, connectionId: id, protocol: connection.protocol.name });
    for (const { role, reason } of permissions.takeIgnored()) {
      this.#ports.observer.roleIgnored({ hub: this.name, connectionId: id, role, reason });
    }
    return connection;
  }

  /** The client left during its `connect` event: the accepted connection ends at once. [upstream-events D39] */
  abandon(admission: Admission): void {
    admission.upstream.identify(admission.userId, admission.subprotocol);
    admission.upstream.disconnected('The client left before the connection was established.');
    this.#admitted.delete(admission);
    this.#tellIfEmpty();
  }

  /**
   * The socket is lost, or its peer closed it. A reliable connection then waits for recovery, unless the close code was
   * final. [client-protocols 5.2]
   */
  lose(connection: Connection, outlet: Outlet, ending: Ending, isFinal: boolean): void {
    this.#sends.flushFor(connection);
    if (!connection.isOn(outlet)) return; // ended before, or carried on by a newer socket
    if (isFinal || !connection.isReliable) {
      this.#end(connection, ending);
      return;
    }
    const expired = 'The connection recovery timeout expired.';
    const expire = () => this.#end(connection, { category: ending.category, reason: expired });
    connection.suspend(this.#ports.clock.after(this.#ports.recoveryWindowMs(), expire));
    this.#away.set(connection, this.#ports.clock.monotonicMs());
  }

  /** Monotonic time at which the longest disconnected session lost its client; undefined when there is none. */
  get longestAwaySinceMs(): number | undefined {
    const [oldest] = this.#away.values();
    return oldest;
  }

  /** Ends the session that has been disconnected longest, to admit a new client. False when none is disconnected. */
  endLongestAway(): boolean {
    const [connection] = this.#away.keys();
    if (connection === undefined) return false;
    this.#end(connection, {
      category: outcomes.tooMany.category,
      reason:
        'The session of the disconnected client was ended to admit a new connection: a connection limit is reached.',
    });
    return true;
  }

  /** The connection that a client may recover; undefined if it must not, for whatever reason. [client-protocols 5.3] */
  recover(connectionId: string, token: string): Connection | undefined {
    const [connection] = this.#members.select(this.#connection(connectionId));
    if (connection === undefined || !connection.isReliable) return undefined;
    return this.#ports.reconnectionTokens.accepts(token, this.name, connectionId) ? connection : undefined;
  }

  /** Attaches the new socket of a recovering client: sends `connected`, then the missed messages. [client-protocols 5.3] */
  resume(connection: Connection, outlet: Outlet): void {
    this.#sends.flushFor(connection); // to the replay buffer, not to the new socket
    if (!connection.isAlive) {
      outlet.close(outcomes.slowClient.close, ''); // that was more than the buffer holds
      return;
    }
    this.#away.delete(connection);
    connection.resume(outlet)?.drop();
    this.#greet(connection);
    connection.replay(() => this.#ports.clock.monotonicMs());
    for (const group of connection.takeForgottenGroups()) void this.#states.sendSnapshot(connection, group);
  }

  /** Ends a connection for an error of its own or of ours. */
  fail(connection: Connection, error: PubSubError): void {
    const { close, category } = error.outcome;
    const notice = category === 'SendEventFailed' ? 'The event handler failed.' : error.message;
    this.#close(connection, close, { category, reason: notice });
  }

  /** Starts no more requests of its clients; those under way finish. */
  quiesce(): void {
    for (const connection of this.#members.select({ scope: 'hub', hub: this.name })) connection.quiesce();
  }

  /**
   * Ends up to `count` connections for the service's shutdown. Returns how many are left, including those that still have
   * groups to leave; a promise while it goes in slices.
   */
  evict(count: number): number | Promise<number> {
    return this.#ports.slices.run(this.#evictEach(count));
  }

  *#evictEach(count: number): Steps<number> {
    const kind: ErrorKind = 'shuttingDown';
    const { close, category } = outcomes[kind];
    let left = count;
    for (const connection of this.#members.select({ scope: 'hub', hub: this.name })) {
      if (left-- <= 0) break;
      this.#close(connection, close, { category, reason: 'The service is shutting down.' });
      yield;
    }
    return this.#members.size + this.#departing;
  }

  // ----------------------------------------------------------------------------------------------------------- send

  sendToAll(payload: Payload, options?: SendOptions): void {
    this.#send({ scope: 'hub', hub: this.name }, { kind: 'serverMessage', payload }, options);
  }

  sendToGroup(group: string, payload: Payload, options?: SendOptions): void {
    const message = { kind: 'groupMessage', group, fromUserId: undefined, payload, stream: undefined } as const;
    this.#send(this.#group(group), message, options);
  }

  sendToUser(userId: string, payload: Payload, options?: SendOptions): void {
    this.#send(this.#user(userId), { kind: 'serverMessage', payload }, options);
  }

  sendToConnection(connectionId: string, payload: Payload, options?: SendOptions): void {
    this.#send(this.#connection(connectionId), { kind: 'serverMessage', payload }, options);
  }

  // --------------------------------------------------------------------------------------------------------- groups

  /** False when there is no such connection. */
  addConnectionToGroup(connectionId: string, group: string): Promise<boolean> {
    return this.#reaches(this.#connection(connectionId), join([group]));
  }

  /** The user's present connections; later ones do not inherit it. False when there are none. [rest-api 2.4] */
  addUserToGroup(userId: string, group: string): Promise<boolean> {
    return this.#reaches(this.#user(userId), join([group]));
  }

  async removeConnectionFromGroup(connectionId: string, group: string): Promise<void> {
    await this.#ask(this.#connection(connectionId), leave([group]));
  }

  async removeUserFromGroup(userId: string, group: string): Promise<void> {
    await this.#ask(this.#user(userId), leave([group]));
  }

  /**
   * All connections that the filter accepts, or all of the hub. The filter sees them as they were before any change.
   * @throws PubSubError `invalid` for a filter that does not compile, and for more memberships than one call may make: nothing is changed then
   */
  async addConnectionsToGroups(groups: readonly string[], filter?: string): Promise<void> {
    await this.#checkMemberships(groups.length, filter);
    await this.#ask({ scope: 'hub', hub: this.name }, join(groups, filter));
  }

  /** As for `addConnectionsToGroups`, without a limit: it takes no longer than there are memberships. */
  async removeConnectionsFromGroups(groups: readonly string[], filter?: string): Promise<void> {
    await this.#ask({ scope: 'hub', hub: this.name }, leave(groups, filter));
  }

  async removeConnectionFromAllGroups(connectionId: string): Promise<void> {
    await this.#ask(this.#connection(connectionId), { kind: 'leaveAll' });
  }

  async removeUserFromAllGroups(userId: string): Promise<void> {
    await this.#ask(this.#user(userId), { kind: 'leaveAll' });
  }

  /** Connections of a group, in the order of their ids. */
  async listGroup(group: string, options: ListOptions = {}): Promise<readonly Member[]> {
    const { after, limit = Number.MAX_SAFE_INTEGER } = options;
    const { members } = await this.#ask(this.#group(group), { kind: 'list', after, limit });
    return [...members].sort((a, b) => (a.connectionId < b.connectionId ? -1 : 1)).slice(0, limit);
  }

  // --------------------------------------------------------------------------------------------- existence and close

  connectionExists(connectionId: string): Promise<boolean> {
    return this.#reaches(this.#connection(connectionId), count());
  }

  groupExists(group: string): Promise<boolean> {
    return this.#reaches(this.#group(group), count());
  }

  userExists(userId: string): Promise<boolean> {
    return this.#reaches(this.#user(userId), count());
  }

  /** `reason` reaches the client in its `disconnected` message, so it may be long. */
  async closeConnection(connectionId: string, reason?: string): Promise<void> {
    await this.#ask(this.#connection(connectionId), { kind: 'close', reason, excluded: [] });
  }

  async closeAll(options: CloseOptions = {}): Promise<void> {
    await this.#closeEach({ scope: 'hub', hub: this.name }, options);
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
    return this.#override(connectionId, { kind: 'grant', permission, group });
  }

  /** @throws PubSubError `conflict` at the limit of literal overrides */
  async revokePermission(connectionId: string, permission: Permission, group: string): Promise<void> {
    await this.#override(connectionId, { kind: 'revoke', permission, group });
  }

  /** False also when there is no such connection. */
  checkPermission(connectionId: string, permission: Permission, group: string): Promise<boolean> {
    return this.#reaches(this.#connection(connectionId), { kind: 'check', permission, group });
  }

  // ------------------------------------------------------------------------------------------------------ this node

  /** Does the operation with this node's connections, for a caller here or on another node. */
  perform(target: Target, operation: Operation): Answer | Promise<Answer> {
    return this.#operations.perform(target, operation);
  }

  #makeOperations(): Operations {
    const host: OperationHost = {
      states: this.#states,
      join: (connection, group) => this.#join(connection, group),
      leave: (connection, group) => this.#leave(connection, group),
      close: (connection, reason) => this.#closeForAppServer(connection, reason),
    };
    const { clock, slices } = this.#ports;
    return new Operations(this.#members, this.#sends, host, clock, slices);
  }

  /** Idempotent, like `#leave`. What is delivered first may end the connection, as a slow client. */
  #join(connection: Connection, group: string): Promise<void> | undefined {
    this.#sends.flush();
    if (!connection.isAlive) return undefined;
    const isNew = !connection.groups.has(group);
    const ready = this.#members.join(connection, group);
    if (isNew) connection.upstream.joined(group);
    return ready;
  }

  #leave(connection: Connection, group: string): void {
    this.#sends.flush();
    if (connection.groups.has(group)) this.#quit(connection, group);
  }

  /** Notifies subscribers to its state, and the upstream. */
  #quit(connection: Connection, group: string): void {
    this.#members.leave(connection, group);
    this.#states.leave(connection, group);
    connection.upstream.left(group);
  }

  // ------------------------------------------------------------------------------------------------ here and elsewhere

  #send(target: Target, message: NumberedMessage, options: SendOptions = {}): void {
    const { excluded = [], filter, ttlSeconds = 0, onDelivered } = options;
    const operation = { kind: 'send', message, excluded, filter, ttlSeconds } as const;
    this.#operations.send(target, operation, onDelivered);
    this.#ports.backplane.publish(target, operation);
  }

  async #ask(target: Target, operation: Operation): Promise<Answer> {
    const [here, elsewhere] = await Promise.all([
      this.perform(target, operation),
      this.#ports.backplane.gather(target, operation),
    ]);
    return [here, ...elsewhere].reduce(sum);
  }

  /** Most calls are far below the limit whatever their filter accepts, so that it is evaluated for the others only. */
  async #checkMemberships(groups: number, filter: string | undefined): Promise<void> {
    const target: Target = { scope: 'hub', hub: this.name };
    const limit = this.#ports.membershipsPerCall();
    let { matched } = await this.#ask(target, count());
    if (matched * groups > limit && filter !== undefined) ({ matched } = await this.#ask(target, count(filter)));
    if (matched * groups <= limit) return;
    throw new PubSubError(
      'invalid',
      `${matched} connections × ${groups} groups are ${matched * groups} memberships; one call may create at most ${limit} ` +
        '(limits.membershipsPerCall). Use fewer groups, or a filter that matches fewer connections. Nothing was changed.',
    );
  }

  async #reaches(target: Target, operation: Operation): Promise<boolean> {
    const { matched } = await this.#ask(target, operation);
    return matched > 0;
  }

  async #closeEach(target: Target, { reason, excluded = [] }: CloseOptions): Promise<void> {
    await this.#ask(target, { kind: 'close', reason, excluded });
  }

  async #override(connectionId: string, operation: Operation & { kind: 'grant' | 'revoke' }): Promise<boolean> {
    const { matched, conflicts } = await this.#ask(this.#connection(connectionId), operation);
    if (conflicts > 0) {
      throw new PubSubError('conflict', `connection ${connectionId} has too many permissions for single groups`);
    }
    return matched > 0;
  }

  // ------------------------------------------------------------------------------------------------------ endings

  #closeForAppServer(connection: Connection, reason: string | undefined): void {
    const suffix = reason === undefined || reason === '' ? '' : ` Reason: ${reason}`;
    const text = `Application server closed the connection.${suffix}`;
    this.#close(connection, closedByAppServer, { category: 'ClosedByAppServer', reason: text });
  }

  /** The client gets the reason if its protocol has a message for it; the Close frame contains no text. [client-protocols 8.3] */
  #close(connection: Connection, code: number, ending: Ending): void {
    if (connection.isOpen) connection.tell({ kind: 'disconnected', reason: ending.reason });
    this.#end(connection, ending)?.outlet?.close(code, '');
  }

  #end(connection: Connection, ending: Ending): Ended | undefined {
    this.#sends.flushFor(connection);
    const ended = connection.end(ending);
    if (ended === undefined) return undefined;
    this.#away.delete(connection);
    this.#members.remove(connection);
    connection.streams?.cancel();
    if (connection.groups.size > groupsLeftAtOnce) this.#departInSlices(connection, ending);
    else {
      for (const group of connection.groups) this.#quit(connection, group);
      this.#conclude(connection, ending);
    }
    return ended;
  }

  /** Until it has left the last group, it is a member of the others to which nothing can be sent. */
  #departInSlices(connection: Connection, ending: Ending): void {
    this.#departing += 1;
    const steps = function* (hub: Hub): Steps<void> {
      for (const group of connection.groups) {
        hub.#quit(connection, group);
        yield;
      }
      hub.#departing -= 1;
      hub.#conclude(connection, ending);
    };
    const pending = this.#ports.slices.run(steps(this));
    pending?.catch(error => this.#ports.observer.fault(`end of connection ${connection.id}`, error));
  }

  /** It has left its groups. */
  #conclude(connection: Connection, ending: Ending): void {
    connection.upstream.disconnected(ending.reason);
    const { id: connectionId, protocol } = connection;
    this.#ports.observer.connectionClosed({ hub: this.name, connectionId, protocol: protocol.name, ...ending });
    this.#tellIfEmpty();
  }

  #tellIfEmpty(): void {
    const isEmpty = this.#members.size === 0 && this.#departing === 0;
    if (isEmpty && this.#asking === 0 && this.#admitted.size === 0) this.#onEmpty();
  }

  #greet(connection: Connection): void {
    const { id: connectionId, declaredUserId: userId } = connection;
    const reconnectionToken = connection.isReliable
      ? this.#ports.reconnectionTokens.issue(this.name, connectionId)
      : undefined;
    connection.tell({ kind: 'connected', connectionId, userId, reconnectionToken });
  }

  // ----------------------------------------------------------------------------------------------------- requests

  #makeOwner(): ConnectionOwner {
    const { observer, dropsOnEventFailure } = this.#ports;
    const host: RequestHost = {
      join: (connection, group) => this.#join(connection, group),
      leave: (connection, group) => this.#leave(connection, group),
      publish: (sender, request) => this.#publish(sender, request),
      reply: (connection, message) => this.#reply(connection, message),
      streamsOf: connection => this.#streamsOf(connection),
      states: this.#states,
      fail: (connection, error) => this.fail(connection, error),
      refused: ({ id: connectionId }, error) =>
        observer.requestRefused({ hub: this.name, connectionId, reason: error.message }),
      fault: (connection, error) => observer.fault(`request of connection ${connection.id}`, error.cause ?? error),
      get dropsOnEventFailure() {
        return dropsOnEventFailure();
      },
    };
    return {
      execute: (connection: Connection, request: ClientRequest) => execute(host, connection, request),
      fail: host.fail,
      flush: connection => this.#sends.flushFor(connection),
      received: (connection, bytes) => observer.messageReceived(this.name, connection.protocol.name, bytes),
    };
  }

  #publish(sender: Connection, { group, payload, noEcho, ttlSeconds }: ClientRequest & { kind: 'sendToGroup' }): void {
    const message = { kind: 'groupMessage', group, fromUserId: sender.userId, payload, stream: undefined } as const;
    this.#send(this.#group(group), message, { excluded: noEcho ? [sender.id] : [], ttlSeconds });
  }

  #streamsOf(connection: Connection): Streams {
    connection.streams ??= new Streams(this.#ports.clock, output => this.#passOn(connection, output));
    return connection.streams;
  }

  #passOn(publisher: Connection, output: StreamOutput): void {
    if (output.to === 'publisher') {
      publisher.tell(output.message);
      return;
    }
    const { group, noEcho, payload, position: stream } = output;
    const message = { kind: 'groupMessage', group, fromUserId: publisher.userId, payload, stream } as const;
    this.#send(this.#group(group), message, { excluded: noEcho ? [publisher.id] : [] });
  }

  #makeStates(): GroupStates {
    const { backplane, clock, observer, slices } = this.#ports;
    const expiresAtMs = Number.POSITIVE_INFINITY;
    return new GroupStates({
      slices,
      now: () => clock.now(),
      send: (receivers, message) => this.#sends.sendNow(receivers, { message, expiresAtMs }),
      publish: (group, item) => backplane.publish(this.#group(group), { kind: 'groupState', item }),
      gather: async group => {
        const answers = await backplane.gather(this.#group(group), { kind: 'listStates' });
        return answers.flatMap(({ states = [] }) => states);
      },
      fault: error => observer.fault('snapshot of group states', error),
    });
  }

  #reply(connection: Connection, message: ServerMessage): void {
    if (!connection.isAlive) return;
    const bytes = connection.tell(message);
    if (bytes !== undefined) this.#ports.observer.messageSent(this.name, connection.protocol.name, 1, bytes);
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

function join(groups: readonly string[], filter?: string): Operation {
  return { kind: 'join', groups, filter };
}

function leave(groups: readonly string[], filter?: string): Operation {
  return { kind: 'leave', groups, filter };
}

function count(filter?: string): Operation {
  return { kind: 'count', filter };
}

function sum(a: Answer, b: Answer): Answer {
  return {
    matched: a.matched + b.matched,
    members: [...a.members, ...b.members],
    conflicts: a.conflicts + b.conflicts,
  };
}

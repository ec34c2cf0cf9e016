import { type ErrorKind, outcomes, PubSubError } from '../errors.js';
import type { ClientRequest, DataMessage, Payload } from '../protocols/messages.js';
import { type Admission, admit, type Candidate } from './admission.js';
import { Connection, type ConnectionOwner, type Ending } from './connection.js';
import { fanOut } from './fanout.js';
import { Members } from './members.js';
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
  Target,
  Upstream,
} from './ports.js';
import { execute, type RequestHost } from './requests.js';

/** What every hub of the service shares. */
export interface HubPorts {
  readonly upstream: Upstream;
  readonly backplane: Backplane;
  readonly observer: Observer;
  /** Read at each failure: a reload applies to open connections. */
  readonly dropsOnEventFailure: () => boolean;
}

export interface SendOptions {
  /** Connection ids that do not get the message. */
  readonly excluded?: readonly string[];
}

export interface CloseOptions extends SendOptions {
  /** For the clients and the `disconnected` event. */
  readonly reason?: string | undefined;
}

/** WebSocket close code of a connection that the app server closes. [client-protocols 8.3] */
const closedByAppServer = 1000;

const nothing: Answer = { matched: 0, members: [], conflicts: 0 };

/**
 * A named set of connections and what can be done with them. Sockets and REST both call these methods. Each works
 * wherever its target's connections are: here, and through the backplane on the other nodes.
 */
export class Hub implements Performer {
  /** Canonical: lower case. */
  readonly name: string;
  readonly #ports: HubPorts;
  readonly #members: Members;
  readonly #owner: ConnectionOwner;

  constructor(name: string, ports: HubPorts) {
    this.name = name;
    this.#ports = ports;
    this.#members = new Members(name, ports.backplane);
    this.#owner = this.#makeOwner();
  }

  /** Connections on this node. */
  get size(): number {
    return this.#members.size;
  }

  // ---------------------------------------------------------------------------------------------------- connections

  /** May the client connect, as whom, and speaking what? @throws ConnectRefused, PubSubError `eventFailed` */
  admit(candidate: Candidate): Promise<Admission> {
    return admit(this.name, candidate, this.#ports.upstream);
  }

  /**
   * Brings an admitted client in: from here on it exists, is in its groups, and hears what is sent to it. Its first
   * frame is `connected`, where its protocol has one.
   */
  open(admission: Admission, outlet: Outlet): Connection {
    const { connectionId: id, userId, codec, upstream } = admission;
    const permissions = new Permissions(admission.roles);
    const connection = new Connection(
      { id, hub: this.name, userId, codec, permissions, upstream, outlet },
      this.#owner,
    );
    this.#members.add(connection);
    for (const group of admission.groups) this.#members.join(connection, group);
    upstream.accept(userId, admission.subprotocol);
    connection.tell({ kind: 'connected', connectionId: id, userId, reconnectionToken: undefined });
    upstream.connected();
    this.#ports.observer.connectionOpened({ hub: this.name, connectionId: id, protocol: connection.protocol });
    for (const { role, reason } of permissions.ignored) {
      this.#ports.observer.roleIgnored({ hub: this.name, connectionId: id, role, reason });
    }
    return connection;
  }

  /** The client left while the upstream was being asked: what was accepted is ended at once. [upstream-events D39] */
  abandon(admission: Admission): void {
    admission.upstream.accept(admission.userId, admission.subprotocol);
    admission.upstream.disconnected('The client left before the connection was established.');
  }

  /** The socket is gone, or its peer closed it. */
  lose(connection: Connection, ending: Ending): void {
    this.#end(connection, ending);
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

  /** Ends up to `count` connections for the service's shutdown. Answers how many are left. */
  evict(count: number): number {
    const kind: ErrorKind = 'shuttingDown';
    let left = count;
    for (const connection of this.#members.select({ scope: 'hub', hub: this.name })) {
      if (left-- <= 0) break;
      this.#close(connection, outcomes[kind].close, {
        category: outcomes[kind].category,
        reason: 'The service is shutting down.',
      });
    }
    return this.#members.size;
  }

  // ----------------------------------------------------------------------------------------------------------- send

  sendToAll(payload: Payload, options?: SendOptions): void {
    this.#send({ scope: 'hub', hub: this.name }, { kind: 'serverMessage', payload }, options);
  }

  sendToGroup(group: string, payload: Payload, options?: SendOptions): void {
    this.#send(this.#group(group), { kind: 'groupMessage', group, fromUserId: undefined, payload }, options);
  }

  sendToUser(userId: string, payload: Payload): void {
    this.#send(this.#user(userId), { kind: 'serverMessage', payload });
  }

  sendToConnection(connectionId: string, payload: Payload): void {
    this.#send(this.#connection(connectionId), { kind: 'serverMessage', payload });
  }

  // --------------------------------------------------------------------------------------------------------- groups

  /** False when there is no such connection. */
  addConnectionToGroup(connectionId: string, group: string): Promise<boolean> {
    return this.#reaches(this.#connection(connectionId), { kind: 'join', group });
  }

  /** The user's present connections; later ones do not inherit it. False when there are none. [rest-api 2.4] */
  addUserToGroup(userId: string, group: string): Promise<boolean> {
    return this.#reaches(this.#user(userId), { kind: 'join', group });
  }

  async removeConnectionFromGroup(connectionId: string, group: string): Promise<void> {
    await this.#ask(this.#connection(connectionId), { kind: 'leave', group });
  }

  async removeUserFromGroup(userId: string, group: string): Promise<void> {
    await this.#ask(this.#user(userId), { kind: 'leave', group });
  }

  async removeConnectionFromAllGroups(connectionId: string): Promise<void> {
    await this.#ask(this.#connection(connectionId), { kind: 'leaveAll' });
  }

  async removeUserFromAllGroups(userId: string): Promise<void> {
    await this.#ask(this.#user(userId), { kind: 'leaveAll' });
  }

  /** Connections of a group, in the order of their ids. */
  async listGroup(group: string): Promise<readonly Member[]> {
    const { members } = await this.#ask(this.#group(group), { kind: 'list' });
    return [...members].sort((a, b) => (a.connectionId < b.connectionId ? -1 : 1));
  }

  // --------------------------------------------------------------------------------------------- existence and close

  connectionExists(connectionId: string): Promise<boolean> {
    return this.#reaches(this.#connection(connectionId), { kind: 'count' });
  }

  groupExists(group: string): Promise<boolean> {
    return this.#reaches(this.#group(group), { kind: 'count' });
  }

  userExists(userId: string): Promise<boolean> {
    return this.#reaches(this.#user(userId), { kind: 'count' });
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
    const connections = this.#members.select(target);
    switch (operation.kind) {
      case 'send':
        fanOut(connections, operation.message, operation.excluded, this.name, this.#ports.observer);
        return nothing;
      case 'join':
        return this.#joinEach([...connections], operation.group);
      case 'count':
        return { ...nothing, matched: count(connections) };
      case 'list':
        return listOf(connections);
      default:
        return this.#change([...connections], operation);
    }
  }

  async #joinEach(connections: readonly Connection[], group: string): Promise<Answer> {
    await Promise.all(connections.map(connection => this.#members.join(connection, group)));
    return { ...nothing, matched: connections.length };
  }

  #change(
    connections: readonly Connection[],
    operation: Exclude<Operation, { kind: 'send' | 'join' | 'count' | 'list' }>,
  ): Answer {
    let matched = 0;
    let conflicts = 0;
    for (const connection of connections) {
      const result = this.#changeOne(connection, operation);
      if (result !== 'unmatched') matched += 1;
      if (result === 'conflict') conflicts += 1;
    }
    return { matched, members: [], conflicts };
  }

  #changeOne(
    connection: Connection,
    operation: Exclude<Operation, { kind: 'send' | 'join' | 'count' | 'list' }>,
  ): 'done' | 'unmatched' | 'conflict' {
    const { permissions } = connection;
    switch (operation.kind) {
      case 'leave':
        this.#members.leave(connection, operation.group);
        return 'done';
      case 'leaveAll':
        for (const group of [...connection.groups]) this.#members.leave(connection, group);
        return 'done';
      case 'close':
        if (operation.excluded.includes(connection.id)) return 'unmatched';
        this.#closeForAppServer(connection, operation.reason);
        return 'done';
      case 'grant':
        return permissions.grant(operation.permission, operation.group) ? 'done' : 'conflict';
      case 'revoke':
        return permissions.revoke(operation.permission, operation.group) ? 'done' : 'conflict';
      case 'check':
        return permissions.allows(operation.permission, operation.group) ? 'done' : 'unmatched';
    }
  }

  // ------------------------------------------------------------------------------------------------ here and elsewhere

  #send(target: Target, message: DataMessage, options: SendOptions = {}): void {
    const operation: Operation = { kind: 'send', message, excluded: options.excluded ?? [] };
    this.perform(target, operation);
    this.#ports.backplane.publish(target, operation);
  }

  async #ask(target: Target, operation: Operation): Promise<Answer> {
    const [here, elsewhere] = await Promise.all([
      this.perform(target, operation),
      this.#ports.backplane.gather(target, operation),
    ]);
    return [here, ...elsewhere].reduce(sum);
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
      throw new PubSubError('conflict', `connection ${connectionId} has too many permissions of single groups`);
    }
    return matched > 0;
  }

  // ------------------------------------------------------------------------------------------------------ endings

  #closeForAppServer(connection: Connection, reason: string | undefined): void {
    const suffix = reason === undefined || reason === '' ? '' : ` Reason: ${reason}`;
    const text = `Application server closed the connection.${suffix}`;
    this.#close(connection, closedByAppServer, { category: 'ClosedByAppServer', reason: text });
  }

  /** The client hears why, where its protocol can say so; the Close frame itself carries no text. [client-protocols 8.3] */
  #close(connection: Connection, code: number, ending: Ending): void {
    if (connection.isOpen) connection.tell({ kind: 'disconnected', reason: ending.reason });
    this.#end(connection, ending)?.close(code, '');
  }

  #end(connection: Connection, ending: Ending): Outlet | undefined {
    const outlet = connection.end(ending);
    if (outlet === undefined) return undefined;
    this.#members.remove(connection);
    connection.upstream.disconnected(ending.reason);
    const { id: connectionId, protocol } = connection;
    this.#ports.observer.connectionClosed({ hub: this.name, connectionId, protocol, ...ending });
    return outlet;
  }

  // ----------------------------------------------------------------------------------------------------- requests

  #makeOwner(): ConnectionOwner {
    const { observer, dropsOnEventFailure } = this.#ports;
    const host: RequestHost = {
      join: (connection, group) => (connection.isOpen ? this.#members.join(connection, group) : undefined),
      leave: (connection, group) => this.#members.leave(connection, group),
      publish: (sender, group, payload, noEcho) => this.#publish(sender, group, payload, noEcho),
      reply: (connection, payload) => this.#reply(connection, payload),
      fail: (connection, error) => this.fail(connection, error),
      fault: (connection, error) => observer.fault(`request of connection ${connection.id}`, error.cause ?? error),
      get dropsOnEventFailure() {
        return dropsOnEventFailure();
      },
    };
    return {
      execute: (connection: Connection, request: ClientRequest) => execute(host, connection, request),
      fail: host.fail,
      received: (connection, bytes) => observer.messageReceived(this.name, connection.protocol, bytes),
    };
  }

  #publish(sender: Connection, group: string, payload: Payload, noEcho: boolean): void {
    const message: DataMessage = { kind: 'groupMessage', group, fromUserId: sender.userId, payload };
    this.#send(this.#group(group), message, noEcho ? { excluded: [sender.id] } : undefined);
  }

  #reply(connection: Connection, payload: Payload): void {
    if (!connection.isOpen) return;
    const bytes = connection.tell({ kind: 'serverMessage', payload });
    if (bytes !== undefined) this.#ports.observer.messageSent(this.name, connection.protocol, 1, bytes);
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

function sum(a: Answer, b: Answer): Answer {
  return {
    matched: a.matched + b.matched,
    members: [...a.members, ...b.members],
    conflicts: a.conflicts + b.conflicts,
  };
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

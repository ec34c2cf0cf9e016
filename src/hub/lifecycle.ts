import type { Clock } from '../clock.js';
import { type CloseCategory, PubSubError } from '../errors.js';
import { type Admission, admit, type Candidate } from './admission.js';
import { notReached } from './commands.js';
import { Connection, type ConnectionEnder, type ConnectionOwner } from './connection.js';
import type { Ended } from './connection-parts.js';
import { type Closing, closeFrameOf, type Ending, endings } from './endings.js';
import type { Features } from './features/features.js';
import type { GroupStates } from './features/group-state.js';
import { notKept } from './gone.js';
import type { Members } from './members.js';
import { Newcomers } from './newcomers.js';
import { Permissions } from './permissions.js';
import type { Backplane, Ledger, Observer, Outlet, ReconnectionTokens, Upstream } from './ports.js';
import { listenTo, targetsOf } from './reach.js';
import type { AbsenceRecord } from './session.js';
import type { Slices, Steps } from './slices.js';
import type { Watches } from './watches.js';

/** What the lives of a hub's connections need. */
export interface LifecycleParts {
  readonly members: Members;
  readonly states: GroupStates;
  readonly features: Pick<Features, 'came' | 'ended' | 'isIdle'>;
  readonly requests: ConnectionOwner;
  readonly upstream: Upstream;
  readonly newConnectionId?: (() => string) | undefined;
  readonly backplane: Pick<Backplane, 'listensAtOnce' | 'listen' | 'unlisten'>;
  readonly reconnectionTokens: ReconnectionTokens;
  readonly observer: Observer;
  readonly watches: Watches;
  readonly clock: Clock;
  readonly slices: Slices;
  /** How long a disconnected reliable session is kept; read when one is suspended. */
  readonly recoveryWindowMs: () => number;
  /** What is kept for other nodes; none when this node is alone. */
  readonly ledger?: Ledger | undefined;
  /** Called when the last connection has ended and no client is being admitted. */
  readonly onEmpty: () => void;
}

/** Of a session without a client. */
interface Absence {
  /** Monotonic milliseconds. */
  readonly sinceMs: number;
  readonly untilMs: number;
  /** Of its ending when the client stays away. */
  readonly category: CloseCategory;
}

/** A connection in more groups leaves them in slices when it ends: each takes some microseconds. */
const groupsLeftAtOnce = 1_000;

/** The lives of one hub's connections on this node: admitted, opened, lost, recovered, ended. */
export class Lifecycle implements ConnectionEnder {
  readonly #hub: string;
  readonly #parts: LifecycleParts;
  readonly #newcomers = new Newcomers();
  #isQuiet = false;
  #fences = 0;
  /** Connections that have ended and are still members of groups. */
  #departing = 0;
  /** Disconnected sessions, the oldest disconnection first. */
  readonly #away = new Map<Connection, Absence>();

  /** @param hub canonical name */
  constructor(hub: string, parts: LifecycleParts) {
    this.#hub = hub;
    this.#parts = parts;
  }

  /** Clients that are being admitted. */
  get admitting(): number {
    return this.#newcomers.admitting;
  }

  /**
   * Decides whether the client may connect, with which user and subprotocol. Each admitted client is then opened or
   * abandoned, within the same call when the admission is no promise; what other nodes send to its groups and user arrives
   * from the admission on. Synchronous when nobody has to be waited for.
   * @throws PubSubError `conflict` when the id that the client brings is taken; as a rejection: ConnectRefused,
   * `eventFailed`, `unknown` when other nodes cannot reach the client
   */
  admit(candidate: Candidate): Admission | Promise<Admission> {
    const { connectionId } = candidate;
    if (this.#parts.ledger?.isFull === true) throw notKept();
    if (connectionId !== undefined) this.#checkFree(connectionId);
    const { upstream, newConnectionId } = this.#parts;
    const admission = admit(this.#hub, candidate, upstream, newConnectionId);
    if (!(admission instanceof Promise) && this.#parts.backplane.listensAtOnce) return admission;
    return this.#awaitAdmission(admission, connectionId);
  }

  #checkFree(connectionId: string): void {
    const isOpen = this.#parts.members.count({ scope: 'connection', hub: this.#hub, connectionId }) > 0;
    if (!isOpen && !this.#newcomers.brings(connectionId)) return;
    throw new PubSubError('conflict', `hub ${this.#hub} has a connection with the id ${connectionId}`);
  }

  async #awaitAdmission(pending: Admission | Promise<Admission>, givenId: string | undefined): Promise<Admission> {
    this.#newcomers.begin(givenId);
    const fences = this.#fences;
    try {
      const admission = await pending;
      const endListening = this.#parts.backplane.listensAtOnce ? nothing : await this.#reach(admission);
      if (fences !== this.#fences) {
        endListening();
        throw notReached('its node has begun again, and others speak for what it was'); // its id has the old tag: nothing would be told of it
      }
      this.#newcomers.admit(admission, endListening);
      return admission;
    } catch (error) {
      this.#newcomers.refuse(givenId);
      this.tellIfEmpty();
      throw error;
    }
  }

  async #reach(admission: Admission): Promise<() => void> {
    try {
      return await listenTo(this.#parts.backplane, targetsOf(this.#hub, admission));
    } catch (error) {
      this.#retract(admission, endings.notReached);
      throw error;
    }
  }

  /**
   * Opens the connection of an admitted client: from here on it exists, is in its groups, and receives messages. Its first
   * frame is `connected`, where its protocol has one.
   */
  open(admission: Admission, outlet: Outlet): Connection {
    const { connectionId: id, userId, protocol, dialogue, upstream } = admission;
    const permissions = new Permissions(admission.roles);
    const { members, requests, watches } = this.#parts;
    const connection = new Connection(
      { id, userId, protocol, dialogue, permissions, upstream, outlet },
      requests,
      this,
    );
    if (watches.isActive) connection.frameWatch = watches.framesOf(this.#hub, id);
    if (this.#isQuiet) connection.quiesce();
    this.#await(connection, members.add(connection));
    const endListening = this.#newcomers.settle(admission);
    this.#tellOpened(connection, admission);
    for (const group of admission.groups) this.#await(connection, members.join(connection, group));
    endListening?.();
    this.#greet(connection);
    return connection;
  }

  /** Of an admitted client nothing is left to wait for, unless the backplane has lost the other nodes since. */
  #await(connection: Connection, reached: Promise<unknown> | undefined): void {
    reached?.catch(error => this.fail(connection, PubSubError.from(error)));
  }

  #tellOpened(connection: Connection, admission: Admission): void {
    const hub = this.#hub;
    const { members, observer } = this.#parts;
    const { userId, subprotocol } = admission;
    const isFirst = members.size === 1;
    const isFirstOfUser = connection.userId !== undefined && members.countOfUser(connection.userId) === 1;
    observer.tell({ kind: 'identified', hub, connection, userId, subprotocol, isFirst: isFirstOfUser });
    observer.tell({ kind: 'opened', hub, connection, isFirst });
    if (isFirstOfUser) this.#parts.features.came(connection.userId!);
    for (const { role, reason } of connection.permissions.takeIgnored()) {
      observer.tell({ kind: 'roleIgnored', hub, connection, role, reason });
    }
  }

  /** The client left during its `connect` event: the accepted connection ends at once. [upstream-events D39] */
  abandon(admission: Admission): void {
    this.#retract(admission, endings.notEstablished);
    this.#newcomers.settle(admission)?.();
    this.tellIfEmpty();
  }

  /** A client whose connection is not opened: its app server is told if it has accepted the client. [upstream-events D39] */
  #retract({ connectionId: id, userId, subprotocol, protocol, upstream, isAccepted }: Admission, ending: Ending): void {
    if (!isAccepted) return;
    const connection = { id, userId: userId || undefined, protocol, upstream };
    this.#parts.observer.tell({ kind: 'abandoned', hub: this.#hub, connection, userId, subprotocol, ending });
  }

  /**
   * The socket is lost, or its peer closed it. A reliable connection then waits for recovery, unless the close code was
   * final. [client-protocols 5.2]
   */
  lose(connection: Connection, outlet: Outlet, ending: Ending, isFinal: boolean): void {
    if (!connection.loses(outlet)) return;
    if (isFinal || !connection.isReliable) {
      this.#end(connection, ending);
      return;
    }
    this.awaitClient(connection, { remainingMs: this.#parts.recoveryWindowMs(), category: ending.category });
  }

  /** Its client is away. It ends unless the client comes back in time. */
  awaitClient(connection: Connection, { remainingMs, category }: AbsenceRecord): void {
    const { clock } = this.#parts;
    const expire = () => this.#end(connection, endings.recoveryExpired(category));
    connection.suspend(clock.after(remainingMs, expire));
    const sinceMs = clock.monotonicMs();
    this.#away.set(connection, { sinceMs, untilMs: sinceMs + remainingMs, category });
  }

  /** For a session that is handed over: how it waits for its client, or would, if that left now. It is not ended to make room any more. */
  takeAbsence(connection: Connection): AbsenceRecord {
    const { clock, recoveryWindowMs } = this.#parts;
    const away = this.#away.get(connection);
    if (away === undefined) return { remainingMs: recoveryWindowMs(), category: endings.lost.category };
    this.#away.delete(connection);
    return { remainingMs: away.untilMs - clock.monotonicMs(), category: away.category };
  }

  /** Monotonic time at which the longest disconnected session lost its client; undefined when there is none. */
  get longestAwaySinceMs(): number | undefined {
    const [oldest] = this.#away.values();
    return oldest?.sinceMs;
  }

  /** Ends the session that has been disconnected longest, to admit a new client. False when none is disconnected. */
  endLongestAway(): boolean {
    const [connection] = this.#away.keys();
    if (connection === undefined) return false;
    this.#end(connection, endings.displaced);
    return true;
  }

  /**
   * The connection that a client may recover; undefined if it must not, for whatever reason. Those of this node are found within
   * the call; a promise is for sessions that another node hands over, which none does yet. [client-protocols 5.3, cluster 7]
   */
  recover(connectionId: string, token: string): Connection | undefined | Promise<Connection | undefined> {
    const [connection] = this.#parts.members.select({ scope: 'connection', hub: this.#hub, connectionId });
    if (connection === undefined || !connection.isReliable) return undefined;
    return this.#parts.reconnectionTokens.accepts(token, this.#hub, connectionId) ? connection : undefined;
  }

  /** Attaches the new socket of a recovering client: sends `connected`, then the missed messages. [client-protocols 5.3] */
  resume(connection: Connection, outlet: Outlet): void {
    if (!connection.resume(outlet)) {
      outlet.close(connection.protocol.closeCodes.slowClient, ''); // what it was sent last was more than its buffer takes
      return;
    }
    this.#away.delete(connection);
    this.#greet(connection);
    connection.replay(() => this.#parts.clock.monotonicMs());
    for (const group of connection.takeForgottenGroups()) void this.#parts.states.sendSnapshot(connection, group);
  }

  /** Ends a connection for an error of its own or of ours. */
  fail(connection: Connection, error: PubSubError): void {
    this.#close(connection, endings.failed(error));
  }

  /** Starts no more requests of its clients, until `unquiesce`; those under way finish. */
  quiesce(): void {
    this.#isQuiet = true;
    for (const connection of this.#parts.members.select({ scope: 'hub', hub: this.#hub })) connection.quiesce();
  }

  unquiesce(): void {
    this.#isQuiet = false;
    for (const connection of this.#parts.members.select({ scope: 'hub', hub: this.#hub })) connection.unquiesce();
  }

  /** Other nodes have ended all connections already: their sockets are dropped. Within the call. [cluster 6.2] */
  fence(): void {
    this.#fences += 1;
    const connections = [...this.#parts.members.select({ scope: 'hub', hub: this.#hub })];
    for (const connection of connections) this.#end(connection, endings.fenced)?.outlet?.drop();
  }

  /**
   * Ends up to `count` connections for the service's shutdown, except those that are kept. Returns how many are left, including
   * those that still have groups to leave; a promise while it goes in slices.
   */
  evict(count: number, isKept: (connection: Connection) => boolean = never): number | Promise<number> {
    return this.#parts.slices.run(this.#evictEach(count, isKept));
  }

  *#evictEach(count: number, isKept: (connection: Connection) => boolean): Steps<number> {
    let left = count;
    for (const connection of this.#parts.members.select({ scope: 'hub', hub: this.#hub })) {
      if (left-- <= 0) break;
      if (!isKept(connection)) this.#close(connection, endings.shuttingDown);
      yield;
    }
    return this.#parts.members.size + this.#departing;
  }

  closeForAppServer(connection: Connection, reason: string | undefined): void {
    this.#close(connection, endings.closedByAppServer(reason));
  }

  /** The client does not answer the pings of its protocol. */
  closeSilent(connection: Connection): void {
    this.#close(connection, endings.pingTimeout);
  }

  /** The client gets the reason if its protocol has a message for it. [client-protocols 8.3] */
  #close(connection: Connection, closing: Closing): void {
    const { reason, category } = closing;
    const { code, text } = closeFrameOf(closing, connection.protocol);
    if (connection.isOpen) connection.tell({ kind: 'disconnected', reason, code });
    this.#end(connection, { category, reason, code })?.outlet?.close(code, text);
  }

  #end(connection: Connection, ending: Ending): Ended | undefined {
    const ended = connection.end(ending);
    if (ended === undefined) return undefined;
    this.#away.delete(connection);
    this.#parts.members.remove(connection);
    this.#tellEnded(connection);
    connection.streams?.cancel();
    if (connection.groups.size > groupsLeftAtOnce) this.#departInSlices(connection, ending);
    else {
      for (const group of connection.groups) this.#parts.members.leave(connection, group);
      this.#conclude(connection, ending);
    }
    return ended;
  }

  #tellEnded(connection: Connection): void {
    const { members, observer } = this.#parts;
    const { userId } = connection;
    const isLast = members.size === 0;
    const isLastOfUser = userId !== undefined && members.countOfUser(userId) === 0;
    observer.tell({ kind: 'ended', hub: this.#hub, connection, isLast, isLastOfUser });
    this.#parts.features.ended(connection, isLastOfUser);
  }

  /** Until it has left the last group, it is a member of the others to which nothing can be sent. */
  #departInSlices(connection: Connection, ending: Ending): void {
    this.#departing += 1;
    const pending = this.#parts.slices.run(this.#departFromEach(connection, ending));
    pending?.catch(error => this.#parts.observer.fault(`end of connection ${connection.id}`, error));
  }

  *#departFromEach(connection: Connection, ending: Ending): Steps<void> {
    for (const group of connection.groups) {
      this.#parts.members.leave(connection, group);
      yield;
    }
    this.#departing -= 1;
    this.#conclude(connection, ending);
  }

  /** It has left its groups. */
  #conclude(connection: Connection, ending: Ending): void {
    this.#parts.observer.tell({ kind: 'closed', hub: this.#hub, connection, ending });
    this.tellIfEmpty();
  }

  /** Called when somebody is not here any more. */
  tellIfEmpty(): void {
    const { members, features } = this.#parts;
    const isEmpty = members.size === 0 && this.#departing === 0 && features.isIdle;
    if (isEmpty && this.#newcomers.size === 0) this.#parts.onEmpty();
  }

  #greet(connection: Connection): void {
    const { id: connectionId, declaredUserId: userId } = connection;
    const reconnectionToken = connection.isReliable
      ? this.#parts.reconnectionTokens.issue(this.#hub, connectionId)
      : undefined;
    connection.tell({ kind: 'connected', connectionId, userId, reconnectionToken });
  }
}

const nothing = () => {};
const never = () => false;

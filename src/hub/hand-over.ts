import type { Clock } from '../clock.js';
import { PubSubError } from '../errors.js';
import { findProtocol } from '../protocols/index.js';
import { Connection } from './connection.js';
import { ReplayBuffer } from './delivery/replay-buffer.js';
import { endings } from './endings.js';
import type { GroupStates } from './features/group-state.js';
import type { Lifecycle } from './lifecycle.js';
import type { Members } from './members.js';
import { Permissions } from './permissions.js';
import type { Backplane, Observer, Upstream } from './ports.js';
import { listenTo, targetsOf } from './reach.js';
import type { Requests } from './requests.js';
import { type AbsenceRecord, invalidRecord, type SessionRecord } from './session.js';
import type { Watches } from './watches.js';

export interface HandOverParts {
  readonly members: Members;
  readonly states: GroupStates;
  readonly requests: Requests;
  readonly lifecycle: Lifecycle;
  readonly upstream: Upstream;
  readonly backplane: Pick<Backplane, 'listensAtOnce' | 'listen' | 'unlisten'>;
  readonly observer: Pick<Observer, 'tell'>;
  readonly watches: Watches;
  readonly clock: Clock;
}

/**
 * Takes sessions of one hub out of this node, and takes in those of other nodes. Neither its client, its upstream nor the
 * members of its groups can tell that a session was handed over: it never ended, so nothing of that is told.
 */
export class HandOver {
  readonly #hub: string;
  readonly #parts: HandOverParts;

  /** @param hub canonical name */
  constructor(hub: string, parts: HandOverParts) {
    this.#hub = hub;
    this.#parts = parts;
  }

  /**
   * Takes a session out, so that it can go on elsewhere, or here. Its socket is dropped; what it has under way ends first:
   * acts, invocations and notifications. Until the record is given it is a member here, and its window does not run.
   * @returns undefined when there is nothing to hand over: a plain connection, whose client cannot come back; one that has
   * ended meanwhile or whose client came back here meanwhile; one that is being handed over already
   */
  async freeze(connection: Connection): Promise<SessionRecord | undefined> {
    let wake = () => {};
    if (!connection.isReliable || !connection.freeze(() => wake())) return undefined;
    const absence = this.#parts.lifecycle.takeAbsence(connection);
    while (connection.isFrozen) {
      const woken = new Promise<void>(resolve => {
        wake = resolve;
      });
      const pending = underWay(connection, woken);
      if (pending === undefined) return this.#takeOut(connection, absence);
      await pending;
      this.#parts.requests.flush(connection);
    }
    return undefined;
  }

  /**
   * Goes on with a session: it waits for its client for the rest of its window. A promise when other nodes cannot reach it
   * at once.
   * @throws PubSubError `internal` for a record that cannot be gone on with, `conflict` when its connection is here already;
   * as a rejection: `unknown` when other nodes cannot reach it. It is not here then
   */
  thaw(record: SessionRecord): Connection | Promise<Connection> {
    const { backplane, clock } = this.#parts;
    if (record.hub !== this.#hub) throw invalidRecord(`it is of hub ${record.hub}, not of ${this.#hub}`);
    const sinceMs = clock.monotonicMs();
    const connection = this.#connectionFrom(record, sinceMs);
    if (backplane.listensAtOnce) return this.#takeIn(connection, record, sinceMs);
    return this.#takeInReachable(connection, record, sinceMs);
  }

  async #takeInReachable(connection: Connection, record: SessionRecord, sinceMs: number): Promise<Connection> {
    const groups = record.memberships.map(({ group }) => group);
    const { connectionId, userId } = record;
    const endListening = await listenTo(this.#parts.backplane, targetsOf(this.#hub, { connectionId, userId, groups }));
    try {
      return this.#takeIn(connection, record, sinceMs);
    } finally {
      endListening();
    }
  }

  /** @param sinceMs monotonic: when the record's durations began to count here */
  #takeIn(connection: Connection, record: SessionRecord, sinceMs: number): Connection {
    const { members, states, requests, lifecycle, watches, observer, clock } = this.#parts;
    const { hub, connectionId, absence, memberships, groupStates, streams } = record;
    if (members.count({ scope: 'connection', hub, connectionId }) > 0) {
      throw new PubSubError('conflict', `connection ${connectionId} is on this node already`);
    }
    if (watches.isActive) connection.frameWatch = watches.framesOf(hub, connectionId);
    lifecycle.awaitClient(connection, { ...absence, remainingMs: absence.remainingMs - clock.monotonicMs() + sinceMs });
    const reached = members.reinstate(connection, memberships);
    reached?.catch(error => lifecycle.fail(connection, PubSubError.from(error))); // the backplane has lost the other nodes since
    observer.tell({ kind: 'takenOver', hub, connection });
    states.restore(connection, groupStates);
    if (streams.length > 0) requests.streamsOf(connection).restore(streams, sinceMs);
    return connection;
  }

  #takeOut(connection: Connection, absence: AbsenceRecord): SessionRecord {
    const { states, clock } = this.#parts;
    const record = {
      version: 1 as const,
      hub: this.#hub,
      connectionId: connection.id,
      userId: connection.declaredUserId,
      protocol: connection.protocol.name,
      permissions: connection.permissions.record(),
      memberships: [...connection.groups].map(group => ({ group, tag: connection.tagOf(group) })),
      groupStates: states.record(connection),
      replay: connection.replayBuffer?.record(clock.monotonicMs()),
      dialogue: connection.dialogue.record(),
      streams: connection.streams?.record() ?? [],
      events: connection.upstream.record(),
      absence,
    };
    this.#remove(connection);
    return record;
  }

  #remove(connection: Connection): void {
    const { states, members, lifecycle, observer } = this.#parts;
    states.abandon(connection);
    members.withdraw(connection);
    connection.streams?.abandon();
    connection.end(endings.handedOver);
    observer.tell({ kind: 'handedOver', hub: this.#hub, connection });
    lifecycle.tellIfEmpty();
  }

  /** @throws PubSubError `internal` */
  #connectionFrom(record: SessionRecord, nowMs: number): Connection {
    try {
      return this.#made(record, nowMs);
    } catch (error) {
      throw invalidRecord(error instanceof Error ? error.message : 'unknown problem', error);
    }
  }

  #made({ hub, connectionId: id, userId, replay, ...record }: SessionRecord, nowMs: number): Connection {
    const { upstream, requests, lifecycle } = this.#parts;
    const protocol = findProtocol(record.protocol);
    if (protocol?.reliability === undefined || replay === undefined) {
      throw new TypeError(`protocol ${record.protocol} has no sessions here`);
    }
    const parts = {
      id,
      userId,
      protocol,
      dialogue: record.dialogue && protocol.begin(record.dialogue),
      permissions: Permissions.from(record.permissions),
      upstream: upstream.open(hub, id, record.events),
      outlet: undefined,
      replay: ReplayBuffer.from(replay, protocol.reliability, nowMs),
    };
    return new Connection(parts, requests, lifecycle);
  }
}

/** Resolves when some of it has ended, at the latest when the connection wakes; undefined when nothing is under way. */
function underWay(connection: Connection, woken: Promise<void>): Promise<void> | undefined {
  if (connection.isBusy) return woken;
  const pending = connection.invocations?.whenIdle() ?? connection.upstream.whenNotified();
  return pending && Promise.race([pending, woken]);
}

import type { Clock } from '../clock.js';
import { PubSubError, unreachable } from '../errors.js';
import type { Act, ActOf } from '../protocols/acts.js';
import type { Payload, StreamPosition } from '../protocols/messages.js';
import type { ActAnswer } from '../protocols/protocol.js';
import { notAccepted } from './commands.js';
import type { Connection, ConnectionOwner } from './connection.js';
import type { PendingSends } from './delivery/pending-sends.js';
import type { Features } from './features/features.js';
import { checkSize, type GroupStates } from './features/group-state.js';
import { Invocations, type InvokeAct } from './features/invocations.js';
import { type StreamOutput, Streams } from './features/streams.js';
import type { Members } from './members.js';
import { NotAllowed } from './permissions.js';
import type { Ledger, Observer, Publication } from './ports.js';
import type { Publisher } from './publisher.js';
import { RateWindow } from './rate-window.js';
import type { GroupRight } from './roles.js';

/** What the requests of a hub's clients need. */
export interface RequestParts {
  readonly members: Pick<Members, 'join' | 'leave' | 'signIn' | 'countOfUser'>;
  readonly publisher: Pick<Publisher, 'offer'>;
  readonly sends: Pick<PendingSends, 'flushFor'>;
  readonly states: Pick<GroupStates, 'set' | 'subscribe' | 'unsubscribe' | 'sendSnapshot'>;
  readonly features: Pick<Features, 'joins' | 'counts' | 'watchlists'>;
  readonly clock: Clock;
  readonly observer: Pick<Observer, 'tell' | 'received' | 'sent' | 'fault'>;
  readonly ledger?: Pick<Ledger, 'check' | 'line'> | undefined;
  /** Ends PubSub clients too when a user event fails, as the vendor's documentation has it; read at each failure. [upstream-events 3.4] */
  readonly dropsOnEventFailure: () => boolean;
}

/** What a publisher chooses besides the message. */
interface PublishOptions {
  readonly noEcho: boolean;
  readonly ttlSeconds: number;
  readonly event?: string | undefined;
}

type StreamAct = ActOf<'streamStart' | 'streamData' | 'streamEnd'>;

/**
 * Carries out what the clients of one hub want done, and has it answered by their dialogues. What is sent because of an act,
 * a reply of the upstream or the client's own copy, is sent before its answer. [client-protocols 4.4]
 */
export class Requests implements ConnectionOwner {
  readonly #hub: string;
  readonly #parts: RequestParts;

  /** @param hub canonical name */
  constructor(hub: string, parts: RequestParts) {
    this.#hub = hub;
    this.#parts = parts;
  }

  received(connection: Connection, bytes: number): void {
    this.#parts.ledger?.check();
    this.#parts.observer.received(this.#hub, connection.protocol.name, bytes);
  }

  flush(connection: Connection): void {
    this.#parts.sends.flushFor(connection);
  }

  streamsOf(connection: Connection): Streams {
    connection.streams ??= new Streams(this.#parts.clock, output => this.#passOn(connection, output));
    return connection.streams;
  }

  /** A promise while an upstream or another node is being waited for. Never throws or rejects. */
  execute(connection: Connection, act: Act): Promise<void> | undefined {
    if (act.kind === 'invoke') return this.#invoke(connection, act);
    const repeated = connection.dialogue.repeated(act);
    if (repeated !== undefined) {
      connection.say(repeated);
      return undefined;
    }
    if (act.kind === 'join' && act.view !== undefined) return this.#joinWithView(connection, act);
    try {
      const pending = this.#carryOut(connection, act);
      if (!(pending instanceof Promise)) return this.#succeeded(connection, act);
      // A promise of nothing resolves to undefined.
      return (pending as Promise<Payload | undefined>).then(
        reply => this.#replied(connection, act, reply),
        (error: unknown) => this.#failed(connection, act, error),
      );
    } catch (error) {
      return this.#failed(connection, act, error);
    }
  }

  #carryOut(
    connection: Connection,
    act: Exclude<Act, InvokeAct>,
  ): Promise<Payload | undefined> | Promise<void> | undefined | void {
    const { members, states } = this.#parts;
    switch (act.kind) {
      case 'join':
        need(connection, 'joinLeaveGroup', act.group);
        if (act.isStrict) needNoMembership(connection, act.group);
        needRoom(connection, act);
        return members.join(connection, act.group, act.tag);
      case 'leave':
        need(connection, 'joinLeaveGroup', act.group);
        if (act.isStrict && !connection.groups.has(act.group)) throw notInGroup('conflict', act.group);
        return members.leave(connection, act.group);
      case 'publish':
        need(connection, 'sendToGroup', act.group);
        if (act.isForMembersOnly) needMembership(connection, act.group);
        if (act.mostPerSecond !== undefined) this.#checkRate(connection, act.mostPerSecond);
        return this.#publish(connection, act);
      case 'signIn':
        return this.#signIn(connection, act);
      case 'raise':
        return connection.upstream.event(act.event, act.payload);
      case 'streamStart':
      case 'streamData':
      case 'streamEnd':
        return this.#stream(connection, act);
      case 'setGroupState':
        need(connection, 'setGroupState', act.group);
        needMembership(connection, act.group);
        checkSize(act.state);
        return states.set(connection, act.group, act.state);
      case 'subscribeGroupState':
        need(connection, 'getGroupState', act.group);
        needMembership(connection, act.group);
        return states.subscribe(connection, act.group);
      case 'unsubscribeGroupState':
        return states.unsubscribe(connection, act.group);
      default:
        return unreachable(act);
    }
  }

  /** The upstream's reply to an event is sent before the answer. */
  #replied(connection: Connection, act: Act, payload: Payload | undefined): void {
    try {
      if (payload !== undefined && connection.isAlive) {
        this.#sent(connection, connection.tell({ kind: 'serverMessage', payload }));
      }
    } catch (error) {
      this.#failed(connection, act, error);
      return;
    }
    void this.#succeeded(connection, act);
  }

  /** A new subscriber gets the snapshot after the answer; later requests wait for both. [client-protocols 4.9] */
  #succeeded(connection: Connection, act: Act): Promise<void> | undefined {
    this.#answer(connection, connection.dialogue.answer(act, undefined));
    if (act.kind === 'subscribeGroupState') return this.#parts.states.sendSnapshot(connection, act.group);
    if (act.kind === 'join' && act.isCounted) this.#parts.features.counts.joined(connection, act.group);
    if (act.kind === 'signIn') return this.#watch(connection, act);
    return undefined;
  }

  /** Later requests wait. Never rejects. */
  #joinWithView(connection: Connection, act: ActOf<'join'>): Promise<void> | undefined {
    try {
      need(connection, 'joinLeaveGroup', act.group);
      needRoom(connection, act);
    } catch (error) {
      return this.#failed(connection, act, error);
    }
    return this.#parts.features.joins.join(connection, act, result => {
      if (result instanceof PubSubError) this.#failed(connection, act, result);
      else this.#answer(connection, connection.dialogue.answer(act, result));
      if (act.isCounted && !(result instanceof PubSubError)) this.#parts.features.counts.joined(connection, act.group);
    });
  }

  #signIn(connection: Connection, { userId }: ActOf<'signIn'>): Promise<void> | undefined {
    const { members, features, observer, ledger } = this.#parts;
    if (connection.userId === userId) return undefined; // its app server has said so before
    if (connection.userId !== undefined) throw new PubSubError('conflict', 'the connection has a user already');
    const reached = members.signIn(connection, userId);
    if (!connection.isAlive) return undefined;
    void ledger?.line(this.#hub, connection.id).changed({ kind: 'signedIn', userId });
    const isFirst = members.countOfUser(userId) === 1;
    observer.tell({ kind: 'signedIn', hub: this.#hub, connection, userId, isFirst });
    const tellWatchers = () => features.watchlists.changed(userId);
    if (isFirst && reached === undefined) tellWatchers();
    else if (isFirst) void reached?.then(tellWatchers, tellWatchers);
    return reached;
  }

  /** Who is online is told after the answer; later requests wait for both. */
  #watch(connection: Connection, { watched = [] }: ActOf<'signIn'>): Promise<void> | undefined {
    if (watched.length === 0 || !connection.isAlive) return undefined;
    return this.#parts.features.watchlists.watch(connection, watched);
  }

  #checkRate(connection: Connection, perSecond: number): void {
    if (perSecond === Number.POSITIVE_INFINITY) return;
    connection.publishRate ??= new RateWindow();
    if (connection.publishRate.take(this.#parts.clock.monotonicMs(), perSecond)) return;
    throw new PubSubError('tooMany', `more than ${perSecond} messages within one second`);
  }

  #failed(connection: Connection, act: Act, cause: unknown): undefined {
    const error = PubSubError.from(cause);
    if (error.kind === 'internal') this.#fault(connection, error);
    if (error.kind === 'forbidden') this.#refused(connection, error);
    const isDropped = error.kind === 'eventFailed' && this.#parts.dropsOnEventFailure();
    this.#answer(connection, isDropped ? error : connection.dialogue.answer(act, error));
  }

  /** @returns the bytes sent */
  #answer(connection: Connection, answer: ActAnswer): number | undefined {
    if (answer === undefined) return undefined;
    if (answer instanceof PubSubError) {
      connection.fail(answer);
      return undefined;
    }
    connection.say(answer);
    return answer.payloadBytes;
  }

  #publish(sender: Connection, act: ActOf<'publish'>): void {
    const { group, payload, event } = act;
    if (this.#offer(sender, group, payload, undefined, act) === 'shed') throw notAccepted();
    if (event === undefined) return;
    const memberId = sender.tagOf(group)?.member?.id;
    this.#parts.observer.tell({
      kind: 'clientEvent',
      hub: this.#hub,
      connection: sender,
      group,
      event,
      payload,
      memberId,
    });
  }

  #offer(
    sender: Connection,
    group: string,
    payload: Payload,
    stream: StreamPosition | undefined,
    { noEcho, ttlSeconds, event }: PublishOptions,
  ): Publication {
    const fromUserId = sender.tagOf(group)?.member?.id ?? sender.userId;
    const message = { kind: 'groupMessage', group, fromUserId, payload, stream, event } as const;
    const excluded = noEcho ? [sender.id] : [];
    const target = { scope: 'group', hub: this.#hub, group } as const;
    return this.#parts.publisher.offer(target, message, { excluded, ttlSeconds }, sender);
  }

  /** Does not hold back later requests, unless the connection has as many under way as it may. [client-protocols D19] */
  #invoke(connection: Connection, act: InvokeAct): Promise<void> | undefined {
    connection.invocations ??= new Invocations({
      invoke: (event, payload, signal) => connection.upstream.event(event, payload, signal),
      respond: (invoked, result) => {
        if (!connection.isAlive) return;
        this.#sent(connection, this.#answer(connection, connection.dialogue.answer(invoked, result)));
      },
      fault: error => this.#fault(connection, error),
    });
    return connection.invocations.start(act);
  }

  /** Streams have notices of their own for progress and errors. [client-protocols 4.8] */
  #stream(connection: Connection, act: StreamAct): void {
    const streams = this.streamsOf(connection);
    if (act.kind === 'streamData') streams.data(act);
    else if (act.kind === 'streamEnd') streams.end(act);
    else {
      const isAllowed = connection.permissions.allows('sendToGroup', act.group);
      if (!isAllowed) this.#refused(connection, new NotAllowed('sendToGroup', act.group));
      streams.start(act, isAllowed);
    }
  }

  #passOn(publisher: Connection, output: StreamOutput): Publication {
    if (output.to === 'group') {
      const { group, noEcho, payload, position } = output;
      return this.#offer(publisher, group, payload, position, { noEcho, ttlSeconds: 0 });
    }
    this.#answer(publisher, publisher.dialogue.notice(output.notice));
    return 'accepted';
  }

  /** A reply of the upstream. */
  #sent({ protocol }: Connection, bytes: number | undefined): void {
    if (bytes !== undefined) this.#parts.observer.sent(this.#hub, protocol.name, 1, bytes);
  }

  /** For want of a role or a membership. */
  #refused(connection: Connection, error: PubSubError): void {
    const neededRole = error instanceof NotAllowed ? error.neededRole : undefined;
    this.#parts.observer.tell({ kind: 'refused', hub: this.#hub, connection, reason: error.message, neededRole });
  }

  #fault({ id }: Connection, error: PubSubError): void {
    this.#parts.observer.fault(`request of connection ${id}`, error.cause ?? error);
  }
}

function need(connection: Connection, right: GroupRight, group: string): void {
  if (!connection.permissions.allows(right, group)) throw new NotAllowed(right, group);
}

function needMembership(connection: Connection, group: string): void {
  if (!connection.groups.has(group)) throw notInGroup('forbidden', group);
}

function notInGroup(kind: 'forbidden' | 'conflict', group: string): PubSubError {
  return new PubSubError(kind, `not a member of group ${group}`);
}

function needNoMembership(connection: Connection, group: string): void {
  if (connection.groups.has(group)) throw new PubSubError('conflict', `already a member of group ${group}`);
}

function needRoom({ groups }: Connection, { group, mostGroups = Number.POSITIVE_INFINITY }: ActOf<'join'>): void {
  if (groups.size < mostGroups || groups.has(group)) return;
  throw new PubSubError('tooMany', `The connection is in ${mostGroups} channels, and may be in no more.`);
}

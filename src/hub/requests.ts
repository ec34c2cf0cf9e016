import type { Clock } from '../clock.js';
import { PubSubError, unreachable } from '../errors.js';
import type { Act, ActOf } from '../protocols/acts.js';
import type { Payload, StreamPosition } from '../protocols/messages.js';
import type { ActAnswer } from '../protocols/protocol.js';
import { notAccepted } from './commands.js';
import type { Connection, ConnectionOwner } from './connection.js';
import type { PendingSends } from './delivery/pending-sends.js';
import { checkSize, type GroupStates } from './features/group-state.js';
import { Invocations, type InvokeAct } from './features/invocations.js';
import { type StreamOutput, Streams } from './features/streams.js';
import type { Members } from './members.js';
import type { Observer, Publication } from './ports.js';
import type { Publisher } from './publisher.js';
import type { GroupRight } from './roles.js';

/** What the requests of a hub's clients need. */
export interface RequestParts {
  readonly members: Pick<Members, 'join' | 'leave'>;
  readonly publisher: Pick<Publisher, 'offer'>;
  readonly sends: Pick<PendingSends, 'flushFor'>;
  readonly states: Pick<GroupStates, 'set' | 'subscribe' | 'unsubscribe' | 'sendSnapshot'>;
  readonly clock: Clock;
  readonly observer: Pick<Observer, 'tell' | 'received' | 'sent' | 'fault'>;
  /** Ends PubSub clients too when a user event fails, as the vendor's documentation has it; read at each failure. [upstream-events 3.4] */
  readonly dropsOnEventFailure: () => boolean;
}

/** What a publisher chooses besides the message. */
interface PublishOptions {
  readonly noEcho: boolean;
  readonly ttlSeconds: number;
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
        return members.join(connection, act.group, act.tag);
      case 'leave':
        need(connection, 'joinLeaveGroup', act.group);
        return members.leave(connection, act.group);
      case 'publish':
        need(connection, 'sendToGroup', act.group);
        return this.#publish(connection, act);
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
    return act.kind === 'subscribeGroupState' ? this.#parts.states.sendSnapshot(connection, act.group) : undefined;
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
    if (this.#offer(sender, act.group, act.payload, undefined, act) === 'shed') throw notAccepted();
  }

  #offer(
    sender: Connection,
    group: string,
    payload: Payload,
    stream: StreamPosition | undefined,
    { noEcho, ttlSeconds }: PublishOptions,
  ): Publication {
    const message = { kind: 'groupMessage', group, fromUserId: sender.userId, payload, stream } as const;
    const excluded = noEcho ? [sender.id] : [];
    const target = { scope: 'group', hub: this.#hub, group } as const;
    return this.#parts.publisher.offer(target, message, { excluded, ttlSeconds }, sender);
  }

  /** Does not hold back later requests, unless the connection has as many under way as it may. [client-protocols D19] */
  #invoke(connection: Connection, act: InvokeAct): Promise<void> | undefined {
    connection.invocations ??= new Invocations({
      ask: (event, payload, signal) => connection.upstream.event(event, payload, signal),
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
      if (!isAllowed) this.#refused(connection, notAllowed('sendToGroup', act.group));
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
  #refused(connection: Connection, { message: reason }: PubSubError): void {
    this.#parts.observer.tell({ kind: 'refused', hub: this.#hub, connection, reason });
  }

  #fault({ id }: Connection, error: PubSubError): void {
    this.#parts.observer.fault(`request of connection ${id}`, error.cause ?? error);
  }
}

function need(connection: Connection, right: GroupRight, group: string): void {
  if (!connection.permissions.allows(right, group)) throw notAllowed(right, group);
}

function notAllowed(right: GroupRight, group: string): PubSubError {
  return new PubSubError('forbidden', `no ${right} permission for group ${group}`);
}

function needMembership(connection: Connection, group: string): void {
  if (!connection.groups.has(group)) throw new PubSubError('forbidden', `not a member of group ${group}`);
}

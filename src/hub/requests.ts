import { PubSubError, unreachable } from '../errors.js';
import type { ClientRequest, MessageError, Payload, ServerMessage } from '../protocols/messages.js';
import type { Connection } from './connection.js';
import { checkSize, type GroupStates } from './features/group-state.js';
import { Invocations } from './features/invocations.js';
import type { Streams } from './features/streams.js';
import type { GroupRight } from './roles.js';

/** What a client's requests need of the hub. */
export interface RequestHost {
  join(connection: Connection, group: string): Promise<void> | undefined;
  leave(connection: Connection, group: string): void;
  publish(sender: Connection, request: ClientRequest & { kind: 'sendToGroup' }): void;
  /** Sends one client a message from the upstream. */
  reply(connection: Connection, message: ServerMessage): void;
  streamsOf(connection: Connection): Streams;
  readonly states: GroupStates;
  /** The request failed and its connection cannot go on. */
  fail(connection: Connection, error: PubSubError): void;
  /** For want of a role or a membership. */
  refused(connection: Connection, error: PubSubError): void;
  fault(connection: Connection, error: PubSubError): void;
  /** Ends PubSub clients too when a user event fails, as the vendor's documentation has it. [upstream-events 3.4] */
  readonly dropsOnEventFailure: boolean;
}

/** Carries out one request and answers it; a promise while an upstream or another node is being waited for. Never throws or rejects. */
export function execute(host: RequestHost, connection: Connection, request: ClientRequest): Promise<void> | undefined {
  switch (request.kind) {
    case 'joinGroup':
      return answered(host, connection, request.ackId, () => {
        need(connection, 'joinLeaveGroup', request.group);
        return host.join(connection, request.group);
      });
    case 'leaveGroup':
      return answered(host, connection, request.ackId, () => {
        need(connection, 'joinLeaveGroup', request.group);
        host.leave(connection, request.group);
      });
    case 'sendToGroup':
      return answered(host, connection, request.ackId, () => {
        need(connection, 'sendToGroup', request.group);
        host.publish(connection, request);
      });
    case 'event':
      return answered(host, connection, request.ackId, () => connection.upstream.event(request.event, request.payload));
    case 'invoke':
      return invoke(host, connection, request);
    case 'streamStart':
    case 'streamData':
    case 'streamEnd':
      stream(host, connection, request);
      return undefined;
    case 'setGroupState':
      return answered(host, connection, request.ackId, () => setState(host, connection, request));
    case 'subscribeGroupState':
      return subscribe(host, connection, request);
    case 'unsubscribeGroupState':
      return answered(host, connection, request.ackId, () => host.states.unsubscribe(connection, request.group));
    case 'ping':
    case 'sequenceAck':
    case 'cancelInvocation':
      return undefined; // answered out of turn, before they get here
    default:
      return unreachable(request);
  }
}

/** Runs the work unless its ackId has succeeded before; then records the id and acks. The order is that of client-protocols 4.4. */
function answered(
  host: RequestHost,
  connection: Connection,
  ackId: bigint | undefined,
  work: () => Promise<Payload | undefined> | Promise<void> | undefined | void,
): Promise<void> | undefined {
  if (ackId !== undefined && connection.acks.has(ackId)) {
    const message = `Message with ack-id: ${ackId} has been processed`;
    connection.tell({ kind: 'ack', ackId, error: { name: 'Duplicate', message } });
    return undefined;
  }
  try {
    const pending = work();
    if (!(pending instanceof Promise)) return succeed(connection, ackId);
    // A promise of nothing resolves to undefined.
    return (pending as Promise<Payload | undefined>).then(
      reply => replied(host, connection, ackId, reply),
      (error: unknown) => failed(host, connection, ackId, error),
    );
  } catch (error) {
    return failed(host, connection, ackId, error);
  }
}

/** Sends the upstream's reply to an event before the ack. */
function replied(
  host: RequestHost,
  connection: Connection,
  ackId: bigint | undefined,
  reply: Payload | undefined,
): undefined {
  try {
    if (reply !== undefined) host.reply(connection, { kind: 'serverMessage', payload: reply });
  } catch (error) {
    return failed(host, connection, ackId, error);
  }
  return succeed(connection, ackId);
}

function succeed(connection: Connection, ackId: bigint | undefined): undefined {
  if (ackId === undefined) return;
  connection.acks.remember(ackId);
  connection.tell({ kind: 'ack', ackId, error: undefined });
}

function failed(host: RequestHost, connection: Connection, ackId: bigint | undefined, cause: unknown): undefined {
  const error = PubSubError.from(cause);
  if (error.kind === 'internal') host.fault(connection, error);
  if (error.kind === 'forbidden') host.refused(connection, error);
  const isDropped = host.dropsOnEventFailure && error.kind === 'eventFailed';
  if (connection.protocol.onFailure === 'close' || isDropped) host.fail(connection, error);
  else if (ackId !== undefined) connection.tell({ kind: 'ack', ackId, error: publicError(error) });
}

function publicError(error: PubSubError): MessageError {
  return { name: error.outcome.ack, message: error.publicText };
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

/** Does not hold back later requests, unless the connection has as many under way as it may. [client-protocols D19] */
function invoke(
  host: RequestHost,
  connection: Connection,
  request: ClientRequest & { kind: 'invoke' },
): Promise<void> | undefined {
  connection.invocations ??= new Invocations();
  return connection.invocations.start(request, {
    ask: (event, payload, signal) => connection.upstream.event(event, payload, signal),
    respond: response => host.reply(connection, response),
    fault: error => host.fault(connection, error),
  });
}

/** Streams have messages of their own for progress and errors: there are no acks. [client-protocols 4.8] */
function stream(
  host: RequestHost,
  connection: Connection,
  request: ClientRequest & { kind: 'streamStart' | 'streamData' | 'streamEnd' },
): void {
  const streams = host.streamsOf(connection);
  if (request.kind === 'streamData') streams.data(request);
  else if (request.kind === 'streamEnd') streams.end(request);
  else {
    const isAllowed = connection.permissions.allows('sendToGroup', request.group);
    if (!isAllowed) host.refused(connection, notAllowed('sendToGroup', request.group));
    streams.start(request, isAllowed);
  }
}

function setState(
  host: RequestHost,
  connection: Connection,
  { group, state }: ClientRequest & { kind: 'setGroupState' },
): void {
  need(connection, 'setGroupState', group);
  needMembership(connection, group);
  checkSize(state);
  host.states.set(connection, group, state);
}

/** The ack comes first, then the snapshot; later requests wait for both. [client-protocols 4.9] */
function subscribe(
  host: RequestHost,
  connection: Connection,
  { group, ackId }: ClientRequest & { kind: 'subscribeGroupState' | 'unsubscribeGroupState' },
): Promise<void> | undefined {
  let snapshot: (() => Promise<void>) | undefined;
  answered(host, connection, ackId, () => {
    need(connection, 'getGroupState', group);
    needMembership(connection, group);
    host.states.subscribe(connection, group);
    snapshot = () => host.states.sendSnapshot(connection, group);
  });
  return snapshot?.();
}

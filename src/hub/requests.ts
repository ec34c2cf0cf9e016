import { type ErrorKind, PubSubError, unreachable } from '../errors.js';
import type { ClientRequest, MessageError, Payload } from '../protocols/messages.js';
import type { Connection } from './connection.js';
import type { Permission } from './ports.js';

/** What a client's requests need of the hub. */
export interface RequestHost {
  join(connection: Connection, group: string): Promise<void> | undefined;
  leave(connection: Connection, group: string): void;
  publish(sender: Connection, group: string, payload: Payload, noEcho: boolean): void;
  /** A message from the upstream to one client. */
  reply(connection: Connection, payload: Payload): void;
  /** The request failed and its connection cannot go on. */
  fail(connection: Connection, error: PubSubError): void;
  fault(connection: Connection, error: PubSubError): void;
  /** Ends PubSub clients too when a user event fails, as the vendor's documentation has it. [upstream-events 3.4] */
  readonly dropsOnEventFailure: boolean;
}

/** What goes to clients in place of an upstream's or our own troubles. [client-protocols 4.3] */
const generic = 'Internal server error';

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
        host.publish(connection, request.group, request.payload, request.noEcho);
      });
    case 'event':
      return answered(host, connection, request.ackId, () => raise(host, connection, request.event, request.payload));
    case 'ping':
    case 'sequenceAck':
    case 'cancelInvocation':
      return undefined; // answered out of turn, before they get here
    default:
      return decline(host, connection, request);
  }
}

/** Runs the work unless its ackId has succeeded before; then records the id and acks. The order is that of client-protocols 4.4. */
function answered(
  host: RequestHost,
  connection: Connection,
  ackId: bigint | undefined,
  work: () => Promise<void> | undefined | void,
): Promise<void> | undefined {
  if (ackId !== undefined && connection.acks.has(ackId)) {
    const message = `Message with ack-id: ${ackId} has been processed`;
    connection.tell({ kind: 'ack', ackId, error: { name: 'Duplicate', message } });
    return undefined;
  }
  try {
    const pending = work();
    if (!(pending instanceof Promise)) return succeed(connection, ackId);
    return pending.then(
      () => succeed(connection, ackId),
      (error: unknown) => failed(host, connection, ackId, error),
    );
  } catch (error) {
    return failed(host, connection, ackId, error);
  }
}

function succeed(connection: Connection, ackId: bigint | undefined): undefined {
  if (ackId === undefined) return;
  connection.acks.remember(ackId);
  connection.tell({ kind: 'ack', ackId, error: undefined });
}

function failed(host: RequestHost, connection: Connection, ackId: bigint | undefined, cause: unknown): undefined {
  const error = PubSubError.from(cause);
  if (error.kind === 'internal') host.fault(connection, error);
  const isDropped = host.dropsOnEventFailure && error.kind === 'eventFailed';
  if (connection.codec.onFailure === 'close' || isDropped) host.fail(connection, error);
  else if (ackId !== undefined) connection.tell({ kind: 'ack', ackId, error: publicError(error) });
}

function publicError(error: PubSubError): MessageError {
  const name = error.outcome.ack;
  return { name, message: name === 'InternalServerError' ? generic : error.message };
}

function need(connection: Connection, permission: Permission, group: string): void {
  if (connection.permissions.allows(permission, group)) return;
  throw new PubSubError('forbidden', `no ${permission} permission for group ${group}`);
}

async function raise(host: RequestHost, connection: Connection, event: string, payload: Payload): Promise<void> {
  const reply = await connection.upstream.event(event, payload);
  if (reply !== undefined) host.reply(connection, reply);
}

type Declined = Exclude<
  ClientRequest,
  { kind: 'joinGroup' | 'leaveGroup' | 'sendToGroup' | 'event' | 'ping' | 'sequenceAck' | 'cancelInvocation' }
>;

/** Parts of the protocol that are not offered yet: answered with the error the protocol has for them. [client-protocols 4.8, 4.9] */
function decline(host: RequestHost, connection: Connection, request: Declined): Promise<void> | undefined {
  switch (request.kind) {
    case 'invoke':
      connection.tell({ kind: 'invokeResponse', invocationId: request.invocationId, error: notOffered('invoke') });
      return undefined;
    case 'streamStart':
      connection.tell({ kind: 'streamClosed', streamId: request.streamId, error: notOffered('streaming') });
      return undefined;
    case 'streamData':
    case 'streamEnd': {
      const error = { name: 'StreamNotFound', message: `no stream ${request.streamId} is open` };
      connection.tell({ kind: 'streamClosed', streamId: request.streamId, error });
      return undefined;
    }
    case 'setGroupState':
    case 'subscribeGroupState':
      return answered(host, connection, request.ackId, () => {
        throw new PubSubError('forbidden', 'group state is not offered by this server');
      });
    case 'unsubscribeGroupState':
      return answered(host, connection, request.ackId, () => undefined); // nothing is subscribed, so nothing is left to do
    default:
      return unreachable(request);
  }
}

function notOffered(feature: string): MessageError {
  const kind: ErrorKind = 'invalid';
  const error = new PubSubError(kind, `${feature} is not offered by this server`);
  return { name: error.outcome.ack, message: error.message };
}

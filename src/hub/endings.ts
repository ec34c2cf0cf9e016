import { type CloseCategory, type ErrorKind, outcomes, PubSubError } from '../errors.js';
import type { Protocol, ServiceEnd } from '../protocols/protocol.js';

/** How a connection ended. */
export interface Ending {
  readonly category: CloseCategory;
  /** For the `disconnected` event and logs. [upstream-events 1.4] */
  readonly reason: string;
  /** The reason is the client's own text: for the event, not for logs. */
  readonly isClientText?: boolean | undefined;
  /** WebSocket close code, sent or received; undefined: there was none. */
  readonly code?: number | undefined;
}

/** An ending that the service begins: its client is told the reason, if its protocol has a message for it, and the code. */
export interface Closing extends Ending {
  readonly kind: ErrorKind | ServiceEnd;
}

/** What the Close frame says, in the client's protocol. */
export function closeFrameOf({ kind, reason }: Closing, { closeCodes, tellsCloseReason = false }: Protocol) {
  return { code: closeCodes[kind], text: tellsCloseReason ? closeText(reason) : '' };
}

/** Bytes of a Close frame's reason. [RFC 6455 5.5] */
const mostReasonBytes = 123;

/** As much of it as a Close frame takes, in whole characters. */
export function closeText(reason: string): string {
  const bytes = Buffer.from(reason, 'utf8');
  let end = Math.min(bytes.length, mostReasonBytes);
  while (end < bytes.length && (bytes[end]! & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}

/** WebSocket close code for a session that cannot be recovered: none was ended by it. [client-protocols 5.3] */
export const cannotRecoverCode = 1008;

/** Every reason for which a connection ends. */
export const endings = {
  /** The client left while its `connect` event was in progress. [upstream-events D39] */
  notEstablished: { category: 'Normal', reason: 'The client left before the connection was established.' },
  /** The service's nodes could not be told of the client that the upstream accepted. */
  notReached: {
    category: outcomes.unknown.category,
    reason: 'The connection could not be established: not all nodes of the service could be reached.',
  },
  /** No Close frame came. */
  lost: { category: 'Normal', reason: 'The connection was lost.' },
  closedByClient: (code: number, reason: string): Ending => ({ category: 'Normal', reason, isClientText: true, code }),
  pingTimeout: { kind: 'pingTimeout', category: 'PingTimeout', reason: 'The client did not answer pings.' },
  /** What the client sent is not WebSocket: its Close frame has been sent. */
  notWebSocket: (reason: string): Ending => ({ category: 'BadRequest', reason }),
  /** @param category of the loss of its socket */
  recoveryExpired: (category: CloseCategory): Ending => ({
    category,
    reason: 'The connection recovery timeout expired.',
  }),
  /** On this node only. */
  handedOver: { category: 'Normal', reason: 'The session goes on on another node.' },
  displaced: {
    category: outcomes.tooMany.category,
    reason:
      'The session of the disconnected client was ended to admit a new connection: a connection limit is reached.',
  },
  /** Its client is not told: it finds its socket gone, and comes back. */
  fenced: {
    category: outcomes.unknown.category,
    reason: 'The node was away, and other nodes have ended its connections.',
  },
  shuttingDown: {
    kind: 'shuttingDown',
    category: outcomes.shuttingDown.category,
    reason: 'The service is shutting down.',
  },
  closedByAppServer: (reason: string | undefined): Closing => ({
    kind: 'closedByAppServer',
    category: 'ClosedByAppServer',
    reason: `Application server closed the connection.${reason === undefined || reason === '' ? '' : ` Reason: ${reason}`}`,
  }),
  /** An error of the client or of the service. */
  failed: ({ kind, message, outcome: { category } }: PubSubError): Closing => ({
    kind,
    category,
    reason: category === 'SendEventFailed' ? 'The event handler failed.' : message,
  }),
} as const satisfies Record<string, Ending | Closing | ((...about: never[]) => Ending)>;

/** A client that is sent more than it reads. [client-protocols 8.4] */
export const slowClient = {
  tooManyUnacknowledged: () => new PubSubError('slowClient', 'Too many messages are unacknowledged.'),
  tooMuchQueued: () => new PubSubError('slowClient', 'The client is too slow.'),
};

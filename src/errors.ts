/** Why a connection ended, as metrics and logs name it. [client-protocols 8.4] */
export type CloseCategory =
  | 'Normal'
  | 'ClosedByAppServer'
  | 'Throttled'
  | 'SendEventFailed'
  | 'EventHandlerNotFound'
  | 'SlowClient'
  | 'ServiceTransientError'
  | 'BadRequest'
  | 'ServiceReload'
  | 'Unauthorized'
  | 'PingTimeout';

/** `error.name` of a failed ack. [client-protocols 4.3] */
export type AckErrorName = 'Forbidden' | 'Duplicate' | 'InternalServerError' | 'BadRequest';

/** What one kind of error looks like on each wire. */
export interface Outcome {
  /** HTTP status, on REST and before the upgrade. */
  readonly http: number;
  /** WebSocket close code, when the error ends a connection. [client-protocols 8.3] */
  readonly close: number;
  /** `error.name`, when the error answers one request of a client. */
  readonly ack: AckErrorName;
  readonly category: CloseCategory;
  /** HTTP's `Retry-After`. */
  readonly retryAfterSeconds?: number;
  /** It is drawn anew from 1 to `retryAfterSeconds` each time: many clients come back, and not at once. */
  readonly isRetrySpread?: boolean;
}

/** The one table that turns a kind of error into wire numbers and names. */
export const outcomes = {
  /** Bytes or text that do not parse in the protocol. */
  malformed: { http: 400, close: 1007, ack: 'BadRequest', category: 'BadRequest' },
  /** A text frame where only binary is allowed, or the reverse. */
  wrongFrameType: { http: 400, close: 1003, ack: 'BadRequest', category: 'BadRequest' },
  /** Parsed, but a name or number is out of range, or the feature is not offered. */
  invalid: { http: 400, close: 1007, ack: 'BadRequest', category: 'BadRequest' },
  unauthorized: { http: 401, close: 1008, ack: 'Forbidden', category: 'Unauthorized' },
  forbidden: { http: 403, close: 1008, ack: 'Forbidden', category: 'Unauthorized' },
  notFound: { http: 404, close: 1008, ack: 'BadRequest', category: 'BadRequest' },
  conflict: { http: 409, close: 1008, ack: 'BadRequest', category: 'BadRequest' },
  /** The vendor answers 400, not 413, to an oversized REST body. [rest-api 2.8] */
  tooLarge: { http: 400, close: 1009, ack: 'BadRequest', category: 'BadRequest' },
  unsupportedMediaType: { http: 415, close: 1003, ack: 'BadRequest', category: 'BadRequest' },
  /** For another host than those that are served. [RFC 9110 15.5.20] */
  misdirected: { http: 421, close: 1008, ack: 'BadRequest', category: 'BadRequest' },
  /** A limit on connections is reached. */
  tooMany: { http: 429, close: 1008, ack: 'BadRequest', category: 'Throttled' },
  /** The event was sent, and the upstream gave no valid response. */
  eventFailed: { http: 500, close: 1011, ack: 'InternalServerError', category: 'SendEventFailed' },
  /** The event was not sent, since too many events wait for the upstream. A queue that moves at all has room after the wait. */
  overloaded: {
    http: 503,
    close: 1011,
    ack: 'InternalServerError',
    category: 'Throttled',
    retryAfterSeconds: 5,
  },
  /** The event was not sent, since it waited too long for its turn. [cluster 9] */
  waitedTooLong: {
    http: 503,
    close: 1011,
    ack: 'InternalServerError',
    category: 'Throttled',
    retryAfterSeconds: 5,
    isRetrySpread: true,
  },
  /** The response to the event is no longer needed. */
  cancelled: { http: 500, close: 1011, ack: 'InternalServerError', category: 'SendEventFailed' },
  /** No event handler is configured for the event. */
  eventUnhandled: { http: 500, close: 1011, ack: 'InternalServerError', category: 'EventHandlerNotFound' },
  slowClient: { http: 500, close: 1008, ack: 'InternalServerError', category: 'SlowClient' },
  shuttingDown: {
    http: 503,
    close: 1001,
    ack: 'InternalServerError',
    category: 'ServiceReload',
    retryAfterSeconds: 5,
    isRetrySpread: true,
  },
  /** Not all nodes of the service could be reached: neither yes nor no. */
  unknown: {
    http: 503,
    close: 1013,
    ack: 'InternalServerError',
    category: 'ServiceTransientError',
    retryAfterSeconds: 1,
  },
  internal: { http: 500, close: 1011, ack: 'InternalServerError', category: 'ServiceTransientError' },
} as const satisfies Record<string, Outcome>;

export type ErrorKind = keyof typeof outcomes;

/** What goes to clients in place of an upstream's or our own troubles. [client-protocols 4.3, upstream-events D28] */
export const internalErrorText = 'Internal server error';

/** Every failure that the program expects. `message` says what was wrong, where, and what to do, and contains no secret. */
export class PubSubError extends Error {
  override readonly name = 'PubSubError';

  constructor(
    readonly kind: ErrorKind,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }

  get outcome(): Outcome {
    return outcomes[this.kind];
  }

  /** For `Retry-After`; undefined: none. */
  get retryAfterSeconds(): number | undefined {
    const { retryAfterSeconds: most, isRetrySpread = false } = this.outcome;
    return most === undefined || !isRetrySpread ? most : 1 + Math.floor(Math.random() * most);
  }

  /** What a client may read of it. [client-protocols 4.3] */
  get publicText(): string {
    if (this.kind === 'overloaded' || this.kind === 'waitedTooLong')
      return 'The app server has too many events waiting. Try again later.';
    if (this.kind === 'shuttingDown') return this.message;
    if (this.kind === 'unknown') return 'Not all nodes of the service could be reached. Try again later.';
    return this.outcome.ack === 'InternalServerError' ? internalErrorText : this.message;
  }

  /** An unknown error is ours: it becomes `internal`, with the original as its cause. */
  static from(error: unknown): PubSubError {
    if (error instanceof PubSubError) return error;
    return new PubSubError('internal', 'internal error', { cause: error });
  }
}

/** The upstream's `connect` answer was a refusal; the upgrade is answered with its status and text. [upstream-events D17] */
export class ConnectRefused extends PubSubError {
  constructor(
    readonly status: number,
    /** At most 4 KiB of text, as the upstream sent it. */
    readonly body: Buffer | undefined,
    readonly contentType: string | undefined,
  ) {
    super('eventFailed', `the connect event handler answered ${status}`);
  }
}

/** For the `default` of a switch over a union: a new member does not compile until it is handled. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}

/** Why one of the service's listeners does not listen. */
export interface ListenFailure {
  readonly listener: 'public' | 'admin';
  readonly host: string;
  readonly port: number;
  /** Of the operating system, such as `EADDRINUSE`. */
  readonly code: string;
}

/** The service cannot listen on a configured address. Contains every listener that failed, so that all can be changed at once. */
export class ListenError extends Error {
  constructor(readonly failures: readonly ListenFailure[]) {
    super(failures.map(({ listener, host, port, code }) => `${listener} listener ${host}:${port}: ${code}`).join('; '));
  }
}

/**
 * `disk_full`: less space is free than the store needs to go on; `full`: a bounded store has no room; `unreachable`: the
 * queue's server did not confirm; `closed`: the outbox is closing; `failed`: anything else, see `cause`.
 */
export type NotKeptReason = 'disk_full' | 'full' | 'unreachable' | 'closed' | 'failed';

/** The envelopes were not kept. Nothing of them will be delivered, unless the reason is `unreachable`: then nobody knows. */
export class NotKept extends Error {
  override readonly name = 'NotKept';

  constructor(
    readonly reason: NotKeptReason,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }

  static from(error: unknown): NotKept {
    if (error instanceof NotKept) return error;
    const text = error instanceof Error ? error.message : String(error);
    return new NotKept('failed', `the envelopes could not be kept: ${text}`, { cause: error });
  }
}

/** The connection to the server of an open store is lost, or could not be made again; it is tried again. */
export class StoreAway extends Error {
  override readonly name = 'StoreAway';

  static from(cause: unknown): StoreAway {
    const { message = '', code = 'no connection' } = cause as Partial<NodeJS.ErrnoException>;
    return new StoreAway(message || code, { cause });
  }
}

/** Is it that the server of the store cannot be reached, and no mistake of this program? */
export function isAway(error: unknown): error is StoreAway | NotKept {
  return error instanceof StoreAway || (error instanceof NotKept && error.reason === 'unreachable');
}

/** Is it that the store has no room, and no mistake of this program? */
export function hasNoRoom(error: unknown): error is NotKept {
  return error instanceof NotKept && (error.reason === 'disk_full' || error.reason === 'full');
}

export type StoreFault =
  | 'locked'
  | 'no_space'
  | 'corrupt'
  | 'newer_version'
  | 'unreachable'
  | 'library_missing'
  | 'unusable';

/** The store cannot be opened. The message says what to do. */
export class StoreOpenError extends Error {
  override readonly name = 'StoreOpenError';

  constructor(
    readonly fault: StoreFault,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

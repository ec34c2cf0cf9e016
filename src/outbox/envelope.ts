/** What is kept until it is delivered. */
export interface Envelope {
  /** Unique per endpoint; the same in each attempt, after a restart and in a replay, so that receivers can drop repetitions. */
  readonly id: string;
  /** The queue that it belongs to. */
  readonly endpoint: string;
  /** Envelopes of one endpoint with equal keys are delivered in order, if the endpoint's ordering is `key`. */
  readonly key?: string | undefined;
  /** Wall clock. Not read by the outbox, which counts retries from the acceptance. */
  readonly createdAtMs: number;
  /** Never read by the outbox. It is written to disk or sent to the queue as it is, so it must not contain secrets. */
  readonly content: Buffer;
  /**
   * Nodes may accept the same, by endpoint and id, of which one is to be kept. A queue that is not made for the nodes of a
   * cluster need not see to that.
   */
  readonly isOnce?: boolean | undefined;
}

/** How one attempt went. */
export interface AttemptRecord {
  readonly id: string;
  /** From 1. */
  readonly attempt: number;
  /** Wall clock, at its start. */
  readonly atMs: number;
  readonly durationMs: number;
  readonly outcome: 'delivered' | 'failed' | 'refused';
  readonly status?: number | undefined;
  /** At most 1 KiB. */
  readonly answer?: string | undefined;
  /** Why it failed or was refused. */
  readonly reason?: string | undefined;
}

/** An envelope that is not attempted any more. */
export interface DeadLetter extends Envelope {
  /** Wall clock. */
  readonly diedAtMs: number;
  readonly reason: string;
  /** How many there were. */
  readonly attempts: number;
  /** The last of them, oldest first. */
  readonly history: readonly AttemptRecord[];
}

/** Dead letters that fulfil every condition given. */
export interface Selection {
  readonly ids?: readonly string[] | undefined;
  readonly endpoint?: string | undefined;
  /** Wall clock: that died at this time or later. */
  readonly sinceMs?: number | undefined;
  /** Wall clock: that died before this time. */
  readonly untilMs?: number | undefined;
  /** 1,000 by default, 10,000 at most. */
  readonly limit?: number | undefined;
}

const defaultSelected = 1_000;
const mostSelected = 10_000;

/** How many dead letters a selection may contain. */
export function limitOf({ limit = defaultSelected }: Selection): number {
  return Math.max(0, Math.min(limit, mostSelected));
}

/** A test of dead letters by all conditions but the limit. */
export function selects(selection: Selection): (letter: Pick<DeadLetter, 'id' | 'endpoint' | 'diedAtMs'>) => boolean {
  const { endpoint, sinceMs = -Infinity, untilMs = Infinity } = selection;
  const ids = selection.ids && new Set(selection.ids);
  return letter =>
    (ids === undefined || ids.has(letter.id)) &&
    (endpoint === undefined || letter.endpoint === endpoint) &&
    letter.diedAtMs >= sinceMs &&
    letter.diedAtMs < untilMs;
}

/** Attempts that a stored envelope remembers. */
const mostRemembered = 8;

/** An envelope's memory of its attempts, with one more. */
export function remember(history: readonly AttemptRecord[], attempt: AttemptRecord): readonly AttemptRecord[] {
  return [...history, attempt].slice(-mostRemembered);
}

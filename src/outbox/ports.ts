import type { CancelSignal } from '../cancellation.js';
import type { AttemptRecord, Envelope } from './envelope.js';
import type { NotKeptReason } from './outbox-error.js';
import type { RetrySchedule } from './retry.js';
import type { Depth } from './store.js';

/** What the owner of the outbox does with an envelope. */
export interface Deliverer {
  /**
   * Makes one attempt. What it throws counts as a failure with that message.
   * @param attempt from 1
   * @param signal aborted when the outbox closes and its grace is over
   */
  deliver(envelope: Envelope, attempt: number, signal: CancelSignal): Promise<DeliveryResult>;
}

interface Answer {
  readonly status?: number | undefined;
  /** The first KiB is kept. */
  readonly answer?: string | undefined;
}

export type DeliveryResult =
  | ({ readonly outcome: 'delivered' } & Answer)
  /** Another attempt follows, if the endpoint's profile provides for one. `retryAfterMs`: the receiver's wish. */
  | ({ readonly outcome: 'failed'; readonly reason: string; readonly retryAfterMs?: number | undefined } & Answer)
  /** A dead letter at once. `disablesEndpoint`: and so is all that the endpoint is due, until it is enabled again. */
  | ({ readonly outcome: 'refused'; readonly reason: string; readonly disablesEndpoint?: boolean } & Answer);

/** What a deadline that is due turns into; kept in the same write that deletes the deadline. */
export interface DeadlineTurn {
  readonly envelopes: readonly Envelope[];
  /** As those of `Outbox.draft`: another envelope takes their place. */
  readonly drafts: readonly Envelope[];
  /** Milliseconds after which the drafts will have been replaced. */
  readonly draftMs: number;
  /**
   * Called once, in the order of the deadlines. false: somebody else has cancelled or completed the deadline or delivers the
   * drafts, or the store has failed and may have the deadline still.
   */
  settled(isKept: boolean): void;
}

/** How an endpoint is served. Read at each use, so that a changed configuration applies at once. */
export interface EndpointOptions {
  /** true by default. The envelopes of an endpoint that is not enabled wait. */
  readonly enabled?: boolean | undefined;
  /** `pusher` by default. */
  readonly profile?: 'pusher' | 'sockudo' | 'durable' | RetrySchedule | undefined;
  /** `none` by default; `key`: an envelope waits until earlier ones with its key are delivered or dead. */
  readonly ordering?: 'none' | 'key' | undefined;
  /** 8 by default. */
  readonly maxConcurrency?: number | undefined;
  /** Attempts; unlimited by default. */
  readonly rateLimitPerSecond?: number | undefined;
  /** true by default: while most attempts fail, one is made every 30 s. */
  readonly circuitBreaker?: boolean | undefined;
  /** 120 by default: an endpoint that has only failed for so long is disabled. Infinity: never. */
  readonly disableAfterHours?: number | undefined;
}

/** The endpoints that are configured now. */
export interface Endpoints {
  /** Ids of all. */
  ids(): Iterable<string>;
  /**
   * Undefined for an endpoint that is not configured: its envelopes wait for a minute or two, then they are dead letters; in
   * a queue that several processes share, only if it was configured in this process before.
   */
  options(id: string): EndpointOptions | undefined;
}

export type AttemptFate = 'delivered' | 'retried' | 'dead';

/** Is told what happened, for metrics and logs. A method that throws would break the outbox. */
export interface OutboxObserver {
  accepted?(count: number): void;
  /** Envelopes that were not kept, since `accept` was rejected. */
  notKept?(count: number, reason: NotKeptReason): void;
  attempted?(endpoint: string, attempt: AttemptRecord, fate: AttemptFate): void;
  dead?(endpoint: string, reason: string, count: number): void;
  /** Envelopes of a shared queue wait for an endpoint that this process has never had: told once. */
  leftWaiting?(endpoint: string, count: number): void;
  /** Dead letters that a bounded store dropped to make room. */
  deadLettersDropped?(count: number): void;
  circuitChanged?(endpoint: string, state: CircuitState): void;
  endpointDisabled?(endpoint: string, reason: string): void;
  endpointEnabled?(endpoint: string): void;
  /** The store failed; the outbox goes on and tries again. */
  storeFailed?(error: unknown): void;
  /** It has answered: told at each claim. */
  storeAnswered?(): void;
}

export type CircuitState = 'closed' | 'open' | 'half-open';

/** An endpoint as operators see it. */
export interface EndpointStatus {
  readonly endpoint: string;
  /** `unknown`: has envelopes, but is not configured. */
  readonly state: 'enabled' | 'paused' | 'disabled' | 'unknown';
  readonly circuit: CircuitState;
  readonly depth: Depth;
  /** Wall clock, as all times here. */
  readonly lastSuccessAtMs: number | undefined;
  readonly lastFailureAtMs: number | undefined;
  readonly failingSinceMs: number | undefined;
  readonly disabled: { readonly reason: string; readonly atMs: number } | undefined;
}

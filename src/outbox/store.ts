import type { AttemptRecord, DeadLetter, Envelope, Selection } from './envelope.js';

/** An envelope that this process may deliver now. Nobody else is given it until it is settled or the process is gone. */
export interface Claimed {
  readonly envelope: Envelope;
  /** When retries began to count. */
  readonly acceptedAtMs: number;
  /** Made so far. */
  readonly attempts: number;
  /** The last of them, oldest first. */
  readonly history: readonly AttemptRecord[];
  /** It was dead: the owner has to re-stamp it. */
  readonly isReplay: boolean;
  /** Where the store keeps it. */
  readonly place: unknown;
}

/** How many envelopes may be claimed. */
export interface Room {
  /** Of all endpoints together. */
  readonly total: number;
  /** Endpoints with room, the one whose turn it is first. */
  readonly endpoints: readonly EndpointRoom[];
}

export interface EndpointRoom {
  readonly endpoint: string;
  readonly count: number;
  readonly isOrdered: boolean;
}

export interface Claim {
  readonly claimed: readonly Claimed[];
  /** When the next envelope of an endpoint with room is due; undefined: nobody knows of one. */
  readonly nextDueAtMs: number | undefined;
}

export interface Deadline {
  readonly key: string;
  readonly dueAtMs: number;
  readonly content: Buffer;
}

/** A deadline whose time only begins when the process that keeps it is gone. */
export interface EndDeadline {
  readonly key: string;
  /** Milliseconds after the first look at deadlines of the next process. */
  readonly afterMs: number;
  readonly content: Buffer;
}

/** What takes the place of a deadline that is due. */
export interface Successors {
  readonly envelopes: readonly Envelope[];
  /** Kept as `addDrafts` keeps them. */
  readonly drafts: readonly Envelope[];
  /** When the drafts will have been replaced. */
  readonly untilMs: number;
}

/** Envelopes of one endpoint by what they wait for. */
export interface Depth {
  /** A first attempt, those held back by an earlier one of their key, and drafts, included. */
  readonly ready: number;
  /** A further attempt. */
  readonly delayed: number;
  readonly inFlight: number;
  readonly dead: number;
}

/** Where a queue only counts all endpoints together, this stands for them in `depths`. */
export const wholeQueue = '*';

/** What is known of an endpoint over restarts. */
export interface EndpointFacts {
  readonly failingSinceMs?: number | undefined;
  readonly disabled?: { readonly reason: string; readonly atMs: number } | undefined;
}

/**
 * Keeps envelopes. What a method has resolved survives the end of the process (the memory store excepted). `nowMs` is the
 * caller's clock: stores have none. Envelopes that were claimed when a process ended are claimed again, in their old order.
 */
export interface OutboxStore {
  /** Undefined: nothing becomes claimable but by this process. Otherwise others may add; look again after this time. */
  readonly pollMs: number | undefined;
  /** The same for deadlines. */
  readonly deadlinePollMs: number | undefined;
  /** Upper bound of envelopes in delivery at a time, where the queue's options have one. */
  readonly maxConcurrency: number | undefined;
  /** false: what is kept is gone with the process. */
  readonly isDurable: boolean;

  /** All or none. @throws NotKept */
  add(envelopes: readonly Envelope[], nowMs: number): Promise<void>;
  /**
   * Keeps envelopes whose place another one will take. They are claimable only if this process ends before that, or does not
   * do it in time. A store that is not durable need not keep them.
   * @param untilMs when they will have been replaced
   * @throws NotKept
   */
  addDrafts(drafts: readonly Envelope[], untilMs: number, nowMs: number): Promise<void>;
  /**
   * Adds the envelope and deletes the drafts, both or neither.
   * @param drafts ids; those that are not there are passed over
   * @throws NotKept; the drafts are kept then
   */
  replaceDrafts(drafts: readonly string[], envelope: Envelope, nowMs: number): Promise<void>;

  /**
   * At most `room`; in order of acceptance per endpoint. A store that waits for envelopes may read the room later. Without a
   * promise where nothing has to be waited for: a claim is made for each few deliveries.
   */
  claim(room: () => Room, nowMs: () => number): Claim | Promise<Claim>;
  /** Done: it is gone. */
  delivered(claimed: Claimed): Promise<void>;
  /** Claimable again from `dueAtMs` on, with one attempt more. */
  retry(claimed: Claimed, dueAtMs: number, attempt: AttemptRecord): Promise<void>;
  /** A dead letter from now on. */
  bury(claimed: Claimed, reason: string, diedAtMs: number, attempt?: AttemptRecord): Promise<void>;
  /** Claimable again at once, as if it had not been claimed. */
  release(claimed: Claimed): Promise<void>;
  /** All that waits for the endpoint becomes dead letters, at once or when the queue shows it. @returns how many so far */
  buryAll(endpoint: string, reason: string, diedAtMs: number): Promise<number>;

  /** Newest first. */
  deadLetters(selection: Selection): Promise<readonly DeadLetter[]>;
  /** Claimable again, behind all others, without attempts. @param endpoint to which they go; by default each to its own @returns the ids */
  replay(selection: Selection, nowMs: number, endpoint?: string): Promise<readonly string[]>;
  /** Deletes dead letters. @returns the ids */
  drop(selection: Selection): Promise<readonly string[]>;

  /** Keeps a deadline; one with the same key is replaced, of either kind. */
  schedule(deadline: Deadline): Promise<void>;
  /**
   * Keeps a deadline for the case that this process ends before it schedules or cancels one with this key: the next process
   * has it as any other. A store that is not durable, or that several processes share, need not keep it.
   */
  scheduleAtEnd(deadline: EndDeadline): Promise<void>;
  /** Deletes what `scheduleAtEnd` has kept. */
  cancelAtEnd(key: string): Promise<void>;
  /** @returns whether it was there: then `complete` will not succeed */
  cancel(key: string): Promise<boolean>;
  /** Due at `nowMs`, in order, and when the next one is. */
  dueDeadlines(
    nowMs: number,
    limit: number,
  ): Promise<{ readonly due: readonly Deadline[]; readonly nextDueAtMs: number | undefined }>;
  /**
   * Deletes the deadline and adds the envelopes and drafts, all or nothing.
   * @returns false if it is not there as it was given any more, or if what it turned into is others' by now
   * @throws NotKept
   */
  complete(deadline: Deadline, successors: Successors, nowMs: number): Promise<boolean>;

  facts(endpoint: string): Promise<EndpointFacts | undefined>;
  saveFacts(endpoint: string, facts: EndpointFacts | undefined): Promise<void>;

  /** Endpoints for which something is kept. */
  depths(): Promise<ReadonlyMap<string, Depth>>;
  /**
   * When the envelope was accepted that has waited longest for a first attempt; those that an earlier one of their key holds
   * back do not count. Undefined: there is none, or the queue does not show it.
   */
  oldestReadyAtMs(): Promise<number | undefined>;
  /** Ends a claim that waits for envelopes; it may be rejected. */
  interrupt?(): void;
  close(): Promise<void>;
}

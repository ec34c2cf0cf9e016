import type { SilentKind } from './silent-socket.js';

/** How a request of a client ended, as far as the client can know. `lost`: its connection was gone first. */
export type Outcome = 'success' | 'duplicate' | 'failed' | 'lost';

/** Of a reliable session, over all its sockets. */
export interface SessionRecord {
  readonly recoveries: number;
  readonly heard: number;
  readonly events: number;
  /** What was lost, came twice or came out of order. */
  readonly wrong: readonly string[];
}

/** How clients that have stopped reading end. */
export const stalledEndings = ['slow', 'recover', 'closedByRest', 'readOn'] as const;
export type StalledEnding = (typeof stalledEndings)[number];

export interface StalledRecord<Ending = StalledEnding> {
  readonly ending: Ending;
  readonly isReliable: boolean;
  readonly heard: number;
  /** What was lost, came twice or came out of order. */
  readonly wrong: readonly string[];
}

export interface StalledRound {
  readonly ending: StalledEnding;
  /** Resident bytes of the service; undefined where they cannot be counted. */
  readonly before: number | undefined;
  readonly peak: number | undefined;
  /** Of a client's messages to itself; what keeps the load's own process busy counts. */
  readonly slowestMs: number;
  /** Of the service's event loop. */
  readonly slowestTurnMs: number;
}

export interface SilentRecord extends SilentKind {
  readonly lastedMs: number;
  /** By the service. */
  readonly isEnded: boolean;
}

/** Clients that connect while there are more silent connections than descriptors. */
export interface FloodRecord {
  /** Silent connections. */
  opened: number;
  slowestMs: number;
  /** Why each that was not let in was not. */
  readonly refused: string[];
}

/** What became of steps of the service's wall clock. */
export interface ClockRecord {
  readonly steps: { readonly stepSeconds: number; readonly isTaken: boolean }[];
  idleClients: number;
  /** Idle clients whose connection was closed during the load. */
  readonly idleClosed: string[];
  readonly refusedTokens: string[];
}

/** Enough to find out what went wrong. */
const maxKept = 20;

/** What the load did and saw, from its own side. */
export class Ledger {
  /** Upgrades that were asked for. */
  dials = 0;
  /** Upgrades that were granted. */
  upgrades = 0;
  /** Status of an upgrade that was refused → how often. */
  readonly refusals = new Map<number, number>();
  messagesSent = 0;
  messagesHeard = 0;
  /** Messages that may become user events: events, invocations, text of simple clients. */
  eventsSent = 0;
  readonly answers: Record<Outcome, number> = { success: 0, duplicate: 0, failed: 0, lost: 0 };
  /** User events by their mark. Those that nobody answers are not here. */
  readonly events = new Map<string, Outcome>();
  readonly restCalls = new Map<string, number>();
  readonly edits = { taken: 0, refused: 0, astray: [] as string[] };
  readonly sessions: SessionRecord[] = [];
  readonly stalled = { rounds: [] as StalledRound[], clients: [] as StalledRecord[], recoveries: 0 };
  readonly silent = {
    connections: [] as SilentRecord[],
    flood: { opened: 0, slowestMs: 0, refused: [] } as FloodRecord,
  };
  readonly clock: ClockRecord = { steps: [], idleClients: 0, idleClosed: [], refusedTokens: [] };
  /** Clients that were let in and answer no pings. */
  unresponsive = 0;
  /** What should not have happened to the load: answers that did not come or made no sense; the first ones. */
  readonly complaints: string[] = [];
  complaintCount = 0;
  #lastMark = 0;

  /** For an event, so that it is known again at the app server. */
  newMark(): string {
    this.#lastMark += 1;
    return `mark-${this.#lastMark}`;
  }

  refused(status: number): void {
    this.refusals.set(status, (this.refusals.get(status) ?? 0) + 1);
  }

  called(operation: string): void {
    this.restCalls.set(operation, (this.restCalls.get(operation) ?? 0) + 1);
  }

  readonly complain = (error: unknown): void => {
    this.complaintCount += 1;
    if (this.complaints.length < maxKept) this.complaints.push(error instanceof Error ? error.message : String(error));
  };
}

import type { CancelSignal } from '../cancellation.js';
import type { Frames } from '../frames/frames.js';
import type { GroupMember, GroupMessage, Payload } from '../protocols/messages.js';
import type { SendOptions } from './call-options.js';
import type { Answers, Command, Query, QueryKind, Target } from './commands.js';
import type { FactConnection, PlainFact } from './facts.js';
import type { EventsRecord } from './session.js';

/** What the core needs from the outside. Each port is defined here, on the side that calls it, with no more than it calls. */

// ---------------------------------------------------------------------------------------------------------- time

/** The present turn of the event loop. */
export interface Turn {
  /** Runs `task` after all input of this turn has been handled, and before queued frames are written; so too one that a task adds. */
  atEnd(task: () => void): void;
}

// -------------------------------------------------------------------------------------------------------- sockets

/** The outbound side of one client's socket. No method waits. */
export interface Outlet {
  /** Bytes that wait to be sent. Left out: none ever do. */
  readonly queuedBytes?: number;
  /** Enqueues only; frames are sent in order. A receiver that falls too far behind is reported as slow by its socket. */
  send(frames: Frames): void;
  /** Sends what is queued as the socket takes it, then a Close frame; ends a socket that takes too long over this or over the answer. */
  close(code: number, reason: string): void;
  /** Ends the socket at once, without a Close frame: a newer one has replaced it. */
  drop(): void;
  /** Stops reading from the client until `resume`: too many of its requests are in progress. */
  pause(): void;
  resume(): void;
}

/** Makes and checks the tokens with which a client recovers its session. [client-protocols 5.1] */
export interface ReconnectionTokens {
  issue(hub: string, connectionId: string): string;
  accepts(token: string, hub: string, connectionId: string): boolean;
}

// ------------------------------------------------------------------------------------------------------- upstream

/** A client that requests a connection, as described in the `connect` event. [upstream-events 2.5] */
export interface ConnectRequest {
  /** The token's `sub`. */
  readonly userId: string | undefined;
  readonly claims: Readonly<Record<string, readonly string[]>>;
  readonly query: Readonly<Record<string, readonly string[]>>;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** As offered, in the client's order and spelling. */
  readonly subprotocols: readonly string[];
  readonly clientCertificates: readonly { readonly thumbprint: string; readonly content: string }[];
  /** The client has left: the event is not sent any more; one that is under way goes on. [upstream-events D39] */
  readonly departed?: CancelSignal | undefined;
}

/** Fields of a successful `connect` response, unchanged; undefined keeps the value of the token. [upstream-events 3.2] */
export interface ConnectReply {
  readonly userId: string | undefined;
  readonly roles: readonly string[] | undefined;
  readonly groups: readonly string[] | undefined;
  readonly subprotocol: string | undefined;
}

/** What the app server answers. What it is only notified of are facts, which its room reads. */
export interface Upstream {
  /**
   * Starts the event history of one connection: its `ce-id` counter, state and cookies. No event is sent.
   * @param record of a history that goes on. @throws TypeError for an invalid one
   */
  open(hub: string, connectionId: string, record?: EventsRecord): ConnectionEvents;
}

/** One connection's events that are answered, numbered in the order of these calls and of its facts. [upstream-events 1.3, 2.3] */
export interface ConnectionEvents {
  /**
   * Sends the `connect` event; undefined when no handler is configured for `connect`.
   * @throws as a rejection: ConnectRefused when the upstream refused; PubSubError `overloaded` or `waitedTooLong` when too many wait for it,
   * `cancelled` when the client left before it was sent, `eventFailed` when it sent no valid response
   */
  connect(request: ConnectRequest): Promise<ConnectReply> | undefined;
  /**
   * Delivers a user event; resolves with what to send back, if anything. `signal` gives it up, sent or not: only for one
   * that is of no use without its answer.
   * @throws PubSubError `eventUnhandled` when no handler matches, `overloaded` when too many wait for its upstream,
   * `cancelled` by the signal, `eventFailed` when delivery failed otherwise
   */
  event(name: string, payload: Payload, signal?: CancelSignal): Promise<Payload | undefined>;
  /** Resolves when all notifications of it so far are sent; undefined when they are. */
  whenNotified(): Promise<void> | undefined;
  /** The history so far, for `Upstream.open`. */
  record(): EventsRecord;
}

// ------------------------------------------------------------------------------------------------------ backplane

/** One hub on one node: does with its own connections what this or another node requests. */
export interface Performer {
  perform(target: Target, command: Command): void;
  /** A promise while it goes in slices, and while other nodes learn of what it changed. */
  answer<K extends QueryKind>(target: Target, query: Query<K>): Answers[K] | Promise<Answers[K]>;
}

/** This node, as the backplane calls it for other nodes. */
export interface BackplaneNode {
  /** Undefined when this node has no connections of the hub. @param hub canonical name */
  performerOf(hub: string): Performer | undefined;
  /** What another node requested has failed here; that node counts this one among those that did not answer. */
  failed(target: Target, error: unknown): void;
}

/** `shed`: too much waits to be sent. No other node gets the command. */
export type Publication = 'accepted' | 'shed';

/** What the other nodes answered. */
export interface Gathered<Answer> {
  readonly answers: readonly Answer[];
  /** Names, for people, of nodes that did not answer and may have connections of the target. */
  readonly missing: readonly string[];
}

/**
 * Reaches the same hub on other nodes. A node receives at least what is for the targets that it listens to, so that
 * implementations can route by these targets. Never echoed to the node that calls.
 */
export interface Backplane {
  /** Of this node, as the others know it; unlike that of any other, and another one when this node has lost all its connections. */
  readonly tag: string;
  /** `listen` never gives a promise: it takes effect within the call. */
  readonly listensAtOnce: boolean;
  /** Called once, before anything else. */
  attach(node: BackplaneNode): void;
  /**
   * At most once, in order per publishing node and target. One that is accepted may be lost all the same, with a node or on
   * the way; a caller that needs to know sends a query.
   */
  publish(target: Target, command: Command): Publication;
  /**
   * The answers of the other nodes that may have connections of the target; none where there are none. Settles when all have
   * answered or are given up, or at the first answer that is final; then nobody is missing.
   */
  gather<K extends QueryKind>(
    target: Target,
    query: Query<K>,
    isFinal: (answer: Answers[K]) => boolean,
  ): Promise<Gathered<Answers[K]>>;
  /**
   * This node receives what is for the target, until `unlisten` was called as often. A promise, when given, settles once
   * other nodes' calls reach it; undefined when they do already. A rejected one counts too: it is ended by an `unlisten`.
   */
  listen(target: Target): Promise<void> | undefined;
  unlisten(target: Target): void;
  close(): Promise<void>;
}

// --------------------------------------------------------------------------------------------------------- ledger

/** A connection, as others need to know it. */
export interface LedgerConnection {
  /** As spelled by the token or the upstream: `""` is anonymous, as undefined is. */
  readonly userId: string | undefined;
  readonly subprotocol: string | undefined;
}

/** What has changed of a connection. */
export type LedgerChange =
  /** Its `ce-connectionState`. */
  | { readonly kind: 'fact'; readonly state: string }
  | { readonly kind: 'cookies'; readonly cookies: EventsRecord['cookies'] }
  | { readonly kind: 'joined' | 'left'; readonly group: string }
  /** It has a state in the group, or none any more. */
  | { readonly kind: 'state' | 'noState'; readonly group: string }
  /** It presents the member to the group, or nobody any more. */
  | { readonly kind: 'member'; readonly group: string; readonly member: GroupMember }
  | { readonly kind: 'noMember'; readonly group: string }
  /** Its client has said which user it is. */
  | { readonly kind: 'signedIn'; readonly userId: string }
  /** The group's members are told how many connections it has, of which it is one; or it is none any more. */
  | { readonly kind: 'counted' | 'notCounted'; readonly group: string };

/**
 * Keeps what other nodes need in order to speak for this one when it is gone; none where a node is alone. Promises are true
 * once it is kept, and false when it never will be: others speak for this node already, and it posts nothing. They never
 * reject. [cluster 6.1]
 */
export interface Ledger {
  /** More waits to be kept than may: no client is let in. */
  readonly isFull: boolean;
  /** To be called at the first input of a turn, before it is acted on: this process may have been stopped for any time. Cheap. */
  check(): void;
  /** @param hub its canonical name */
  line(hub: string, connectionId: string): LedgerLine;
}

/** What is kept of one connection. */
export interface LedgerLine {
  /** The first call, before `connected` is posted. @param isTold an app server is told of the connection, or of its end: otherwise nobody waits */
  opened(connection: LedgerConnection, isTold: boolean): Promise<boolean> | undefined;
  changed(change: LedgerChange): Promise<boolean>;
  /** `disconnected` will be posted, with this `ce-id`. */
  ending(eventId: number): Promise<boolean>;
  /** The last call: nothing is left to be told. @param wasTold `disconnected` was posted, and would be again until this is kept */
  ended(wasTold: boolean): void;
  /** May an event of it be posted now? A promise while this node is not sure to be the one that speaks for it. */
  allows(): boolean | Promise<boolean>;
}

// -------------------------------------------------------------------------------------------------------- bridges

/** Passes on what is published to groups of one hub, to groups of other hubs. */
export interface GroupBridge {
  /** Called for each message of a group that was accepted on this node, unless it was passed on itself. Never throws. */
  published(message: GroupMessage, options: SendOptions, by: FactConnection | undefined): void;
}

/** Which hubs have one. It changes `Hub.bridge` when that changes. */
export interface GroupBridges {
  of(hub: string): GroupBridge | undefined;
}

// ------------------------------------------------------------------------------------------------------- observer

/**
 * Receives what happened: facts about hubs, and reports of the parts around them. Every part tells one observer, which
 * tells all readers: see `observers`. Called on hot paths, must not wait. Each thing has one place here:
 *
 * - What happened to a hub or a connection is a fact.
 * - What happened before there is a connection, or without one, is a report: upgrades, REST calls, event handlers.
 * - What needs an operator is a warning, or a fault when it is an error of this program.
 */
export interface Observer {
  tell(fact: PlainFact): void;
  /** A message from a client. Told by the connection's hub, for each; nothing is made. */
  received(hub: string, protocol: string, bytes: number): void;
  /** One message written to `receivers` connections of one wire form; `bytes` is that of one copy. Told by delivery, for each message and form. */
  sent(hub: string, protocol: string, receivers: number, bytes: number): void;
  /** Messages that were published to one target within one turn, and the connections of this node that each was written to. Told by delivery, after `sent`. */
  delivered(hub: string, sends: number, receivers: number): void;
  /**
   * A client that was refused: its upgrade is answered with an HTTP error, or its WebSocket is closed before it is admitted.
   * `path` is the URL's, without its query, which may contain a token.
   */
  connectionRefused(at: {
    hub: string;
    /** HTTP status, or WebSocket close code: at least 1000. */
    status: number;
    reason: string;
    method: string;
    path: string;
    durationMs: number;
  }): void;
  /** An upgrade answered with 101. Called only if enabled: `GatewayOptions.tracesUpgrades`. */
  upgraded(at: {
    hub: string;
    /** Of the connection that uses the socket; undefined when the session could not be recovered. */
    connectionId: string | undefined;
    path: string;
    status: number;
    durationMs: number;
  }): void;
  /** Every REST call, once it is answered. `operation` is the vendor's operationId, or `other` where there is none. */
  restCallFinished(operation: string, status: number, durationMs: number): void;
  /** The details of a call, without the query. Called for refusals, and for all calls if enabled: `CallReports.isTraced`. */
  restCallTold(at: {
    method: string;
    path: string;
    status: number;
    durationMs: number;
    /** Of a send: connections of this node that received it. */
    receivers: number | undefined;
    /** Why it was refused. Quotes nothing of the query and the body. */
    reason: string | undefined;
    /** The status is the result of a check, such as 404 for a user without connections, and not an error. */
    isAnswer: boolean;
  }): void;
  /** An event handler's validation changed its state, or a reload took the handler away. `url` shows no code. */
  handlerChanged(at: {
    hub: string;
    url: string;
    state: 'pending' | 'active' | 'failed' | 'removed';
    reason: string | undefined;
  }): void;
  /** An upstream was validated, whoever of its handlers this is for: each time, and whether the result is a new one or not. */
  handlerValidated(result: 'success' | 'failed'): void;
  /** A problem that an operator should fix, although nothing failed. Reported each time; the log writes each text once. */
  warned(at: { hub: string; warning: string }): void;
  /** An internal error, to be logged completely. */
  fault(where: string, error: unknown): void;
}

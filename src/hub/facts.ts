import type { Frames } from '../frames/frames.js';
import type { MembershipTag } from '../protocols/acts.js';
import type { GroupMember, Payload, PublishedMessage } from '../protocols/messages.js';
import type { InboundFrame } from '../protocols/protocol.js';
import type { Ending } from './endings.js';

/**
 * What happened to the hubs of this node. Each fact is told once, by the part that made it happen, after it happened and
 * within the same call, so that facts come in the order of what they describe. A fact that a reader causes is told at once:
 * to every reader, before the readers behind that one are told the first fact.
 *
 * Of one connection: identified, opened, roleIgnored for each, joined for each group of its admission; then whatever
 * happens; then ended, left for each group that it is still in, closed. A client that leaves during its `connect` event has
 * abandoned as its only fact besides those about that event.
 *
 * Facts are of this node: `isFirst` and `isLast` count its own connections. With several nodes, a group or user that is new
 * here may be known elsewhere, and `published` is told on the node where the message was published, `sent` wherever it had
 * receivers.
 *
 * Hot path: what happens with every message is told to readers as plain numbers, by `received`, `sent` and `delivered` of
 * an `Observer`, and no object is made for it. The facts `received`, `sent`, `published` and `attempted` below are for
 * watchers only (`Watches`), with frames, bodies and headers; they are not made for what is not watched.
 */
export type Fact =
  | Identified
  | Opened
  | RoleIgnored
  | Joined
  | Left
  | Refused
  | Evented
  | SignedIn
  | MemberChanged
  | ClientEvent
  | CacheMissed
  | Counted
  | Ended
  | Closed
  | Abandoned
  | HandedOver
  | TakenOver
  | NotPassedOn
  | Detail;

/** What only watchers are told. */
export type Detail = Received | Sent | Published | Attempted;

/** What every reader is told. */
export type PlainFact = Exclude<Fact, Detail>;

/** A connection, as facts name it. Live, and not a copy: a reader that needs it later takes what it needs. */
export interface FactConnection {
  readonly id: string;
  /** Undefined: anonymous. */
  readonly userId: string | undefined;
  readonly protocol: {
    /** The subprotocol's name, or `simple`. */
    readonly name: string;
  };
  /** What `Upstream.open` gave for it, for readers of the upstream's room. */
  readonly upstream: object;
}

interface OfConnection {
  /** Canonical name. */
  readonly hub: string;
  readonly connection: FactConnection;
}

/**
 * The connection's user and subprotocol are known. Told by the lifecycle, before `opened`. One object per connection, as
 * for each fact of a connection's life.
 */
export interface Identified extends OfConnection {
  readonly kind: 'identified';
  /** As spelled by the token or the upstream: `""` is anonymous, as undefined is. */
  readonly userId: string | undefined;
  /** In the client's own spelling. */
  readonly subprotocol: string | undefined;
  /** It is the only connection of its user on this node. False when anonymous. */
  readonly isFirst: boolean;
}

/** It can be found and sent to; it is in no group yet, and its client has been sent nothing. Told by the lifecycle. */
export interface Opened extends OfConnection {
  readonly kind: 'opened';
  /** It is the only connection of its hub on this node. */
  readonly isFirst: boolean;
}

/** An invalid role of its token or `connect` response; it is admitted without it. Told by the lifecycle, after `opened`. */
export interface RoleIgnored extends OfConnection {
  readonly kind: 'roleIgnored';
  readonly role: string;
  readonly reason: string;
}

/** It is in the group, whoever put it there. Told by members: one object per membership. */
export interface Joined extends OfConnection {
  readonly kind: 'joined';
  readonly group: string;
  /** It is the group's only member on this node. */
  readonly isFirst: boolean;
  /** Undefined: a plain member. */
  readonly tag?: MembershipTag | undefined;
}

/** It is not in the group any more, also because it ended. Told by members: one object per membership. */
export interface Left extends OfConnection {
  readonly kind: 'left';
  readonly group: string;
  /** The group has no member on this node any more. */
  readonly isLast: boolean;
  /** As it was. */
  readonly tag?: MembershipTag | undefined;
}

/** A request of its client was refused for want of a role or a membership. Told by the hub, before the client is answered. */
export interface Refused extends OfConnection {
  readonly kind: 'refused';
  readonly reason: string;
  /** The role that allows it. Left out: none does. */
  readonly neededRole?: string | undefined;
}

/**
 * Its client has said which user it is, after it was opened without one; `connection.userId` from now on. Told by the hub's
 * requests, before the client is answered.
 */
export interface SignedIn extends OfConnection {
  readonly kind: 'signedIn';
  readonly userId: string;
  /** It is the only connection of its user on this node. */
  readonly isFirst: boolean;
}

/**
 * The first connection of this node that presents the member is in the group, or the last one is not any more. Told by
 * presence: right after its `joined`, and right before its `left`.
 */
export interface MemberChanged extends OfConnection {
  readonly kind: 'memberAdded' | 'memberRemoved';
  readonly group: string;
  readonly member: GroupMember;
}

/** Its client published a message that has a name, and it was accepted. Told by the hub's requests: one object per message. */
export interface ClientEvent extends OfConnection {
  readonly kind: 'clientEvent';
  readonly group: string;
  readonly event: string;
  readonly payload: Payload;
  /** Whom it presents to the group; undefined: nobody. */
  readonly memberId: string | undefined;
}

/**
 * It joined a group whose last message its client wanted to know, and there is none. Told once until there is one, the group
 * has no members on this node, or a minute has passed. Told by joins, before the client is answered.
 */
export interface CacheMissed extends OfConnection {
  readonly kind: 'cacheMissed';
  readonly group: string;
}

/** Members of the group were told how many connections it has, on all nodes. Told by the node where one came or went. */
export interface Counted {
  readonly kind: 'counted';
  /** Canonical name. */
  readonly hub: string;
  readonly group: string;
  readonly count: number;
}

/**
 * It has ended, and is not found by its id, user or hub any more; it leaves its groups next, in several turns when there
 * are very many. Told by the lifecycle.
 */
export interface Ended extends OfConnection {
  readonly kind: 'ended';
  /** Its hub has no connection on this node any more. */
  readonly isLast: boolean;
  /** Its user has none. False when anonymous. */
  readonly isLastOfUser: boolean;
}

/** It has left its groups. The last fact of a connection, apart from those about its events. Told by the lifecycle. */
export interface Closed extends OfConnection {
  readonly kind: 'closed';
  readonly ending: Ending;
}

/** A client was admitted, but had left meanwhile or could not be reached by other nodes: there is no connection. Told by the lifecycle. */
export interface Abandoned extends OfConnection {
  readonly kind: 'abandoned';
  /** As of `identified`. */
  readonly userId: string | undefined;
  readonly subprotocol: string | undefined;
  readonly ending: Ending;
}

/** Its session is not on this node any more; it goes on. The last fact of it here: it has not ended. Told by hand-over. */
export interface HandedOver extends OfConnection {
  readonly kind: 'handedOver';
}

/** Its session goes on on this node, in its groups: as its first fact here, without those of its beginning. Told by hand-over. */
export interface TakenOver extends OfConnection {
  readonly kind: 'takenOver';
}

/** A message of a group was not passed on to a group of another hub that is joined with it. Told by bridges. */
export interface NotPassedOn {
  readonly kind: 'notPassedOn';
  /** Canonical name of the hub where it was published. */
  readonly hub: string;
  readonly group: string;
  readonly reason: NotPassedOnReason;
}

/**
 * `binary`: the other protocol has no binary data; `tooLarge`: for the other side; `name`: the other side cannot have a
 * group of that name; `shed`: too much waits to be sent to other nodes.
 */
export type NotPassedOnReason = 'binary' | 'tooLarge' | 'name' | 'shed';

/** The kinds of events in metrics. A user event's name is not one of them, since clients choose it. */
export type EventKind = 'connect' | 'connected' | 'disconnected' | 'user' | 'joined' | 'left';

/**
 * How an event to an upstream ended. `refused`: a `connect` that the upstream declined; `overloaded`: not sent, as too
 * many wait for that upstream; `cancelled`: the response is no longer needed.
 */
export type EventOutcome = 'success' | 'refused' | 'failed' | 'overloaded' | 'cancelled' | 'unhandled';

/** What an event is about; its connection may not be opened yet, or be closed already. */
interface OfEvent {
  /** Canonical name. */
  readonly hub: string;
  readonly connectionId: string;
  readonly type: EventKind;
  /** `ce-eventName`: of a user event, the name that its client chose. */
  readonly name: string;
}

/** An event to an upstream is over, delivered or not, its retries included. Told by upstream: one object per event. */
export interface Evented extends OfEvent {
  readonly kind: 'evented';
  readonly outcome: EventOutcome;
  /** Since it was raised. */
  readonly durationMs: number;
  /** Requests that were made for it. */
  readonly attempts: number;
  /** Why it did not succeed, without secrets. */
  readonly reason: string | undefined;
}

/** A WebSocket message came from the client. Told by the connection, before it is decoded. */
export interface Received extends OfConnection {
  readonly kind: 'received';
  readonly frame: InboundFrame;
}

/** Messages were handed to the client's socket, as they go on the wire. Told by the connection: not those that wait for recovery. */
export interface Sent extends OfConnection {
  readonly kind: 'sent';
  readonly frames: Frames;
}

/** A message was published on this node, with or without receivers. Told by the publisher. */
export interface Published {
  readonly kind: 'published';
  /** Canonical name. */
  readonly hub: string;
  readonly scope: 'hub' | 'group' | 'user' | 'connection';
  /** Of the group, user or connection; the hub's own for all of it. */
  readonly to: string;
  readonly message: PublishedMessage;
  /** The client that published it; undefined: the app server. */
  readonly by: FactConnection | undefined;
}

/**
 * A request was made for an event, and has its answer or failed. Told by upstream, before `evented` and before a retry.
 * With secrets: watchers take out what nobody may see (`Authorization`, `Cookie`, `Set-Cookie`, `code` in the path,
 * signatures).
 */
export interface Attempted extends OfEvent {
  readonly kind: 'attempted';
  /** `ce-id`. */
  readonly id: number;
  /** 1 for the first. */
  readonly attempt: number;
  readonly request: {
    readonly method: string;
    readonly origin: string;
    /** With its query. */
    readonly path: string;
    /** Names and values in turn. */
    readonly headers: readonly string[];
    readonly body: Buffer | undefined;
  };
  readonly answer: AttemptAnswer;
  /** Monotonic milliseconds. */
  readonly startedMs: number;
  /** The wait for its turn among the requests to that upstream included. */
  readonly durationMs: number;
}

export type AttemptAnswer =
  | {
      readonly kind: 'response';
      readonly status: number;
      readonly headers: Readonly<Record<string, string | string[] | undefined>>;
      /** Empty where it is of no use to the service, as before a retry. */
      readonly body: Buffer;
    }
  | {
      readonly kind: 'failure';
      readonly failure: string;
      readonly code: string | undefined;
    };

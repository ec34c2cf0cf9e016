import type { PubSubError } from '../errors.js';
import type { DataMessage, GroupMember, MessageError, Payload, UserError } from './messages.js';

/**
 * What a membership is besides being one, in the terms of its protocol: the member of a presence channel, the QoS that an
 * MQTT subscription was granted. Plain data that JSON can carry: it goes with the session to another node.
 */
export type MembershipTag = Readonly<Record<string, unknown>> & {
  /** The group's other members are told of it. */
  readonly member?: GroupMember | undefined;
};

/** What the answer to a join needs to know of the group. Sends that come after the answer are what changes it. */
export interface WantedView {
  /** The distinct members; a join that would make them more than so many is `tooMany`. */
  readonly mostMembers?: number | undefined;
  /** The message that is kept for those who come later. */
  readonly last?: boolean | undefined;
}

/** A group as one who has just joined it finds it. */
export interface GroupView {
  /** In the order in which this node learnt of them. One object for all who joined in the same turn. Undefined: not wanted. */
  readonly members: readonly GroupMember[] | undefined;
  /** Undefined: there is none, or it was not wanted. */
  readonly last: DataMessage | undefined;
}

/** What a client wants done, in any protocol. What its protocol needs for the answer, such as an ackId, is not part of it. */
export type Act =
  | {
      readonly kind: 'join';
      readonly group: string;
      /** In protocols that have them. */
      readonly tag?: MembershipTag;
      /** That of a member is `conflict`; otherwise it succeeds and changes nothing. */
      readonly isStrict?: boolean;
      /** The answer tells what the group is like: the result is a `GroupView`. */
      readonly view?: WantedView | undefined;
      /** A join that would put the connection into more groups is `tooMany`. */
      readonly mostGroups?: number;
      /** The group's members are told how many connections it has, whenever that changes. */
      readonly isCounted?: boolean;
    }
  | {
      readonly kind: 'leave';
      readonly group: string;
      /** As of a join: that of a connection which is not in the group is `conflict`. */
      readonly isStrict?: boolean;
    }
  | {
      readonly kind: 'publish';
      readonly group: string;
      readonly payload: Payload;
      /** Do not deliver to the publishing connection itself. */
      readonly noEcho: boolean;
      /** 0 means that the message never expires. */
      readonly ttlSeconds: number;
      /** Names the message, in protocols whose messages have names. It is a fact then. */
      readonly event?: string;
      /** `forbidden` to a connection that is not in the group. */
      readonly isForMembersOnly?: boolean;
      /** More within one second, of this connection, are `tooMany`. */
      readonly mostPerSecond?: number;
    }
  /** Who the client is; once in a connection's life. It is found by its user id from then on. */
  | {
      readonly kind: 'signIn';
      readonly userId: string;
      /** Users of whom the client is told when they come and go, and who is there now. */
      readonly watched?: readonly string[];
    }
  /** An event for the upstream. */
  | { readonly kind: 'raise'; readonly event: string; readonly payload: Payload }
  | {
      /** An event whose response is awaited by its id, in any order. */
      readonly kind: 'invoke';
      readonly invocationId: string;
      readonly event: string;
      /** Clients leave out a payload that is null. */
      readonly payload: Payload | undefined;
    }
  | {
      readonly kind: 'streamStart';
      readonly streamId: string;
      readonly group: string;
      readonly noEcho: boolean;
      /** Undefined: the service's default. */
      readonly idleTimeoutMs: number | undefined;
    }
  | {
      readonly kind: 'streamData';
      readonly streamId: string;
      /** Undefined: a keep-alive without content. */
      readonly fragment: { readonly sequenceId: bigint; readonly payload: Payload } | undefined;
    }
  | { readonly kind: 'streamEnd'; readonly streamId: string; readonly error: UserError | undefined }
  | {
      readonly kind: 'setGroupState';
      readonly group: string;
      /** Undefined clears it. */
      readonly state: ReadonlyMap<string, string> | undefined;
    }
  | { readonly kind: 'subscribeGroupState' | 'unsubscribeGroupState'; readonly group: string };

export type ActKind = Act['kind'];

/** The acts of some kinds. */
export type ActOf<Kind extends ActKind> = Extract<Act, { kind: Kind }>;

/** How an `invoke` ended: in an error, or well, with the upstream's response, if there is one. */
export type InvokeResult = PubSubError | Payload | undefined;

/** How an act ended: in an error, or well, for an `invoke` with a response, for a join with the view that it wants. */
export type ActResult = InvokeResult | GroupView;

/** How a stream of the client's is getting on; not an answer to one act, since a stream also ends by itself. [client-protocols 4.8] */
export type StreamNotice =
  | { readonly kind: 'streamAck'; readonly streamId: string; readonly expectedSequenceId: bigint }
  | {
      readonly kind: 'streamNack';
      readonly streamId: string;
      readonly expectedSequenceId: bigint;
      readonly error: MessageError;
    }
  | { readonly kind: 'streamClosed'; readonly streamId: string; readonly error: MessageError | undefined };

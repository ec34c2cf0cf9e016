/** Messages between clients and the service, independent of their wire format. */

/** What a payload's bytes are. [client-protocols 0, 9] */
export type DataType = 'text' | 'json' | 'binary' | 'protobuf';

/** Per-message key → value pairs; keys keep their case. [client-protocols 4.6] */
export type Metadata = ReadonlyMap<string, string>;

/** A message's content. `bytes` are never re-serialised: JSON keeps its digits, key order and spacing. */
export interface Payload {
  readonly dataType: DataType;
  /** text: UTF-8 · json: the JSON text · binary: the bytes · protobuf: a serialised `google.protobuf.Any`. */
  readonly bytes: Buffer;
  readonly metadata: Metadata | undefined;
}

/** The publisher's reason for a failed stream. [client-protocols 4.8] */
export interface UserError {
  readonly message: string | undefined;
  readonly userErrorCode: string | undefined;
}

/** An error as a client is told it. Both strings are required by some SDKs. */
export interface MessageError {
  readonly name: string;
  readonly message: string;
}

/** The position of a group message in a stream. [client-protocols 4.8] */
export interface StreamPosition {
  readonly streamId: string;
  readonly sequenceId: bigint;
  /** The last message of the stream; it carries no content. */
  readonly isEnd: boolean;
  readonly error: ({ readonly name: string } & UserError) | undefined;
}

/** One member's state in a group. [client-protocols 4.9] */
export interface GroupStateItem {
  readonly connectionId: string;
  readonly userId: string | undefined;
  /** Undefined: cleared. */
  readonly state: ReadonlyMap<string, string> | undefined;
  /** Unix milliseconds, strictly increasing per connection. */
  readonly updatedAtMs: number;
}

/** Whom a connection presents to a group's other members. Several connections may present the same one. */
export interface GroupMember {
  readonly id: string;
  /** What the others learn of it, in the terms of its protocol. */
  readonly about: Readonly<Record<string, unknown>>;
}

/** What the hub says to any client; a protocol's own answers are its dialogue's. [client-protocols 4.3] */
export type ServerMessage =
  | DataMessage
  | {
      readonly kind: 'connected';
      readonly connectionId: string;
      readonly userId: string | undefined;
      /** Reliable protocols only. */
      readonly reconnectionToken: string | undefined;
    }
  | {
      readonly kind: 'disconnected';
      readonly reason: string;
      /** WebSocket close code that follows, for protocols that tell it. */
      readonly code?: number;
    };

/** The part of the vocabulary that carries application data, to one or to many. */
export type DataMessage = GroupMessage | { readonly kind: 'serverMessage'; readonly payload: Payload };

export interface GroupMessage {
  readonly kind: 'groupMessage';
  readonly group: string;
  /** The publishing client's user; undefined when it is anonymous or an app server. */
  readonly fromUserId: string | undefined;
  readonly payload: Payload;
  readonly stream: StreamPosition | undefined;
  /** The message's name, in protocols whose messages have names. */
  readonly event?: string | undefined;
}

/** For clients that subscribed to the states of a group. A snapshot replaces what its receiver has; an update adds to it. [client-protocols 4.9] */
export interface StateMessage {
  readonly kind: 'groupStateSnapshot' | 'groupStateUpdate';
  readonly group: string;
  readonly items: readonly GroupStateItem[];
}

/** For clients whose protocols tell who is there. */
export type PresenceMessage =
  /** Of all connections of the group, the first that presents the member came, or the last went. */
  | { readonly kind: 'memberAdded' | 'memberRemoved'; readonly group: string; readonly member: GroupMember }
  /** Connections in the group. */
  | { readonly kind: 'memberCount'; readonly group: string; readonly count: number }
  /** Users with and without connections, of those whom the client watches. */
  | { readonly kind: 'usersChanged'; readonly online: readonly string[]; readonly offline: readonly string[] };

/** What is published to a target's connections; states go to those that subscribed, one at a time. */
export type PublishedMessage = DataMessage | PresenceMessage;

/** What is sent to one or to many: reliable protocols number it, keep it until it is acked, and replay it. [client-protocols 5.1] */
export type NumberedMessage = PublishedMessage | StateMessage;

export function isStateMessage(message: NumberedMessage): message is StateMessage {
  return message.kind === 'groupStateSnapshot' || message.kind === 'groupStateUpdate';
}

export function isPresenceMessage(message: NumberedMessage): message is PresenceMessage {
  switch (message.kind) {
    case 'memberAdded':
    case 'memberRemoved':
    case 'memberCount':
    case 'usersChanged':
      return true;
    default:
      return false;
  }
}

export function isDataMessage(message: ServerMessage): message is DataMessage {
  return message.kind === 'groupMessage' || message.kind === 'serverMessage';
}

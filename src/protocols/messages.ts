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

/** A request of a client. `ackId` is a uint64, hence bigint; undefined: no ack is requested. [client-protocols 4.2] */
export type ClientRequest =
  | { readonly kind: 'joinGroup' | 'leaveGroup'; readonly group: string; readonly ackId: bigint | undefined }
  | {
      readonly kind: 'sendToGroup';
      readonly group: string;
      readonly payload: Payload;
      /** Do not deliver to the sending connection itself. */
      readonly noEcho: boolean;
      /** 0 means that the message never expires. */
      readonly ttlSeconds: number;
      readonly ackId: bigint | undefined;
    }
  | { readonly kind: 'event'; readonly event: string; readonly payload: Payload; readonly ackId: bigint | undefined }
  | { readonly kind: 'ping' }
  | { readonly kind: 'sequenceAck'; readonly sequenceId: bigint }
  | {
      readonly kind: 'invoke';
      readonly invocationId: string;
      readonly event: string;
      /** Clients leave out a payload that is null. */
      readonly payload: Payload | undefined;
    }
  | { readonly kind: 'cancelInvocation'; readonly invocationId: string }
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
      readonly ackId: bigint | undefined;
    }
  | {
      readonly kind: 'subscribeGroupState' | 'unsubscribeGroupState';
      readonly group: string;
      readonly ackId: bigint | undefined;
    };

/** The publisher's reason for a failed stream. [client-protocols 4.8] */
export interface UserError {
  readonly message: string | undefined;
  readonly userErrorCode: string | undefined;
}

/** `error` of an ack, an invokeResponse or a streamClosed. Both strings are required by some SDKs. */
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

/** A message to a client. [client-protocols 4.3] */
export type ServerMessage =
  | NumberedMessage
  | {
      readonly kind: 'connected';
      readonly connectionId: string;
      readonly userId: string | undefined;
      /** Reliable protocols only. */
      readonly reconnectionToken: string | undefined;
    }
  | { readonly kind: 'disconnected'; readonly reason: string }
  | { readonly kind: 'ack'; readonly ackId: bigint; readonly error: MessageError | undefined }
  | { readonly kind: 'pong' }
  | {
      readonly kind: 'invokeResponse';
      readonly invocationId: string;
      /** Of a success; undefined when the upstream's response is empty. */
      readonly payload: Payload | undefined;
      /** Undefined: success. */
      readonly error: MessageError | undefined;
    }
  | { readonly kind: 'streamAck'; readonly streamId: string; readonly expectedSequenceId: bigint }
  | {
      readonly kind: 'streamNack';
      readonly streamId: string;
      readonly expectedSequenceId: bigint;
      readonly error: MessageError;
    }
  | { readonly kind: 'streamClosed'; readonly streamId: string; readonly error: MessageError | undefined };

/** The part of the vocabulary that carries application data, to one or to many. */
export type DataMessage =
  | {
      readonly kind: 'groupMessage';
      readonly group: string;
      /** The publishing client's user; undefined when it is anonymous or an app server. */
      readonly fromUserId: string | undefined;
      readonly payload: Payload;
      readonly stream: StreamPosition | undefined;
    }
  | { readonly kind: 'serverMessage'; readonly payload: Payload };

/** What reliable protocols number, keep until acked, and replay. [client-protocols 5.1] */
export type NumberedMessage =
  | DataMessage
  | {
      /** A snapshot replaces what its receiver has; an update adds to it. [client-protocols 4.9] */
      readonly kind: 'groupStateSnapshot' | 'groupStateUpdate';
      readonly group: string;
      readonly items: readonly GroupStateItem[];
    };

export function isNumbered(message: ServerMessage): message is NumberedMessage {
  switch (message.kind) {
    case 'groupMessage':
    case 'serverMessage':
    case 'groupStateSnapshot':
    case 'groupStateUpdate':
      return true;
    default:
      return false;
  }
}

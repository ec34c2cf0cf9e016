/** The words the whole program speaks: what clients ask and what they are told, whatever the wire looks like. */

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

/** What a client asked for. `ackId` is a uint64, hence bigint; undefined means that no ack is wanted. [client-protocols 4.2] */
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
  | { readonly kind: 'invoke'; readonly invocationId: string; readonly event: string }
  | { readonly kind: 'cancelInvocation'; readonly invocationId: string }
  | { readonly kind: 'streamStart'; readonly streamId: string; readonly group: string }
  | { readonly kind: 'streamData' | 'streamEnd'; readonly streamId: string }
  | {
      readonly kind: 'setGroupState' | 'subscribeGroupState' | 'unsubscribeGroupState';
      readonly group: string;
      readonly ackId: bigint | undefined;
    };

/** `error` of an ack, an invokeResponse or a streamClosed. Both strings are required by some SDKs. */
export interface MessageError {
  readonly name: string;
  readonly message: string;
}

/** What a client is told. [client-protocols 4.3] */
export type ServerMessage =
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
      readonly kind: 'groupMessage';
      readonly group: string;
      /** The publishing client's user; undefined when it is anonymous or an app server. */
      readonly fromUserId: string | undefined;
      readonly payload: Payload;
    }
  | { readonly kind: 'serverMessage'; readonly payload: Payload }
  | { readonly kind: 'invokeResponse'; readonly invocationId: string; readonly error: MessageError }
  | { readonly kind: 'streamClosed'; readonly streamId: string; readonly error: MessageError };

/** The part of the vocabulary that carries application data, to one or to many. */
export type DataMessage = Extract<ServerMessage, { kind: 'groupMessage' | 'serverMessage' }>;

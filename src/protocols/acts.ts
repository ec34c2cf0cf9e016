import type { PubSubError } from '../errors.js';
import type { MessageError, Payload, UserError } from './messages.js';

/**
 * What a membership is besides being one, in the terms of its protocol: the member of a presence channel, the QoS that an
 * MQTT subscription was granted. Plain data that JSON can carry: it goes with the session to another node.
 */
export type MembershipTag = Readonly<Record<string, unknown>>;

/** What a client wants done, in any protocol. What its protocol needs for the answer, such as an ackId, is not part of it. */
export type Act =
  /** `tag`: of a join, in protocols that have them. */
  | { readonly kind: 'join' | 'leave'; readonly group: string; readonly tag?: MembershipTag }
  | {
      readonly kind: 'publish';
      readonly group: string;
      readonly payload: Payload;
      /** Do not deliver to the publishing connection itself. */
      readonly noEcho: boolean;
      /** 0 means that the message never expires. */
      readonly ttlSeconds: number;
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

/** How an act ended: in an error, or well, for an `invoke` with the upstream's response, if there is one. */
export type ActResult = PubSubError | Payload | undefined;

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
